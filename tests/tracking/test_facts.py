import subprocess

import pytest

from garment_ml.data.split_dataset import split_dataset
from garment_ml.tracking import facts
from garment_ml.tracking.facts import DATASET_TAG, PACKAGES, SPLIT_TAG, log_facts
from garment_ml.tracking.opening import open_run
from tests.search.tiny import tiny_dataset

DATA = split_dataset(tiny_dataset())


@pytest.fixture
def logged(store):
    with open_run("garments", "name", "refit") as run:
        log_facts(run, DATA)
    return run.client.get_run(run.run_id)


def test_code_packages_machine_pictures_and_split_are_on_the_run(logged):
    import numpy
    import psutil

    tags = logged.data.tags
    assert (tags[DATASET_TAG], tags[SPLIT_TAG]) == (DATA.digest, DATA.split.digest)
    assert tags["garment.data_origin"] == DATA.origin
    assert {name for name in tags if name.startswith("version.")} == {
        f"version.{name}" for name in (*PACKAGES, "python")
    }
    assert tags["version.numpy"] == numpy.__version__
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total / 2**30
    assert tags["hardware"].startswith(f"{cores} cores ") and f" {memory:.0f} GiB, " in tags["hardware"]


def test_the_pictures_are_the_runs_mlflow_data_set(logged):
    (given,) = logged.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == (DATA.name, DATA.digest)
    tags = {tag.key: tag.value for tag in given.tags}
    parts = {"train": "288", "validation": "32", "test": "80"}
    assert tags == {**parts, "split_digest": DATA.split.digest, "mlflow.data.context": "training"}


def git(folder, *arguments) -> str:
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_named_and_whether_files_differ_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "project_root", lambda: tmp_path)
    assert facts._commit() == {"git.changed": "no git checkout"}
    git(tmp_path, "init")
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-m", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert facts._commit() == {"mlflow.source.git.commit": head, "git.changed": "False"}
    (tmp_path / "code.py").write_text("2")
    assert facts._commit() == {"mlflow.source.git.commit": head, "git.changed": "True"}
