import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.tracking.store import UI_HINTS, open_store, project_root, tracking_uri

ROOT = Path(__file__).parents[2]


def use(monkeypatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)


def test_a_relative_database_becomes_absolute_for_us_and_for_those_we_start(store, monkeypatch):
    monkeypatch.chdir(store.parent)
    use(monkeypatch, f"sqlite:///{store.name}")
    opened = open_store("garments")
    assert opened.uri == os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{store}"
    monkeypatch.chdir("/")
    assert open_store("garments").experiment_id == opened.experiment_id


def test_an_absolute_database_and_a_server_stay_as_they_are(monkeypatch):
    for uri in ("sqlite:////somewhere/mlflow.db", "http://127.0.0.1:5000", "postgresql://host/mlflow"):
        use(monkeypatch, uri)
        assert tracking_uri() == uri


def test_without_a_variable_it_is_a_database_at_the_projects_root(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(tmp_path)
    assert tracking_uri() == f"sqlite:///{project_root() / 'mlflow.db'}"
    assert (project_root() / "MLproject").exists()


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "file:mlruns", "mlruns", "/tmp/mlruns"])
def test_a_plain_folder_is_refused(monkeypatch, uri):
    use(monkeypatch, uri)
    with pytest.raises(UserError, match=f"MLFLOW_TRACKING_URI='{uri}' is a plain folder, .*use sqlite:///"):
        open_store("garments")


@pytest.mark.parametrize("uri", ["databricks", "databricks://team", "mysql+pymysql://host/mlflow"])
def test_databricks_and_databases_are_no_plain_folders(monkeypatch, uri):
    use(monkeypatch, uri)
    assert tracking_uri() == uri


def test_an_unknown_kind_is_named(monkeypatch):
    use(monkeypatch, "htp://127.0.0.1:5000")
    with pytest.raises(UserError, match="is none of the kinds sqlite, http, https"):
        tracking_uri()


def test_an_experiment_is_made_once_beside_the_database_with_hints_for_the_ui(store):
    first, second = open_store("garments"), open_store("garments")
    assert first.experiment_id == second.experiment_id != open_store("others").experiment_id
    experiment = first.client.get_experiment(first.experiment_id)
    assert experiment.artifact_location.startswith((store.parent / "mlartifacts").as_uri())
    assert experiment.tags.items() >= UI_HINTS.items()


def test_what_a_killed_creation_left_is_made_anew(isolated):
    aside = isolated / "mlflow.db.partial"
    with closing(sqlite3.connect(aside)) as connection:
        connection.execute("CREATE TABLE params (key TEXT)")  # one of many: MLflow can't go on from it
    opened = open_store("garments")
    assert opened.client.search_runs([opened.experiment_id]) == []
    assert not aside.exists()


def test_a_deleted_experiment_is_refused(store):
    opened = open_store("garments")
    opened.client.delete_experiment(opened.experiment_id)
    with pytest.raises(UserError, match="the experiment 'garments' was deleted in MLflow; restore it or"):
        open_store("garments")


# Each holds for root too, who may write anything that has mere permissions.
def below_a_file(folder: Path) -> tuple[Path, str]:
    (folder / "file").write_text("no folder")
    return folder / "file" / "mlflow.db", "file: (File exists|Not a directory)"


def in_a_folder_that_takes_no_files(folder: Path) -> tuple[Path, str]:
    return Path("/proc/mlflow.db"), "/proc/mlflow.db.lock: No such file|Permission denied"


def no_database(folder: Path) -> tuple[Path, str]:
    (folder / "notes.db").write_text("These are my notes of today.")
    return folder / "notes.db", "file is not a database"


@pytest.mark.parametrize("make", [below_a_file, in_a_folder_that_takes_no_files, no_database])
def test_a_store_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, make):
    database, reason = make(tmp_path)
    use(monkeypatch, f"sqlite:///{database}")
    with pytest.raises(
        GarmentError, match=f"the MLflow store {database} can't be written: .*{reason}"
    ) as caught:
        open_store("garments")
    assert caught.value.exit_code == 1 and "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write read-only files")
@pytest.mark.parametrize("read_only", ["database", "folder"])
def test_a_read_only_store_is_one_sentence(store, read_only):
    path = store if read_only == "database" else store.parent
    mode = path.stat().st_mode
    path.chmod(mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        with pytest.raises(GarmentError, match=r"can't be written: .*(readonly|Permission denied)"):
            open_store("garments")
    finally:
        path.chmod(mode)


def test_a_run_that_is_not_there_is_one_sentence(store):
    with pytest.raises(
        GarmentError, match=f"store sqlite:///{store} can't be used: Run with id={'0' * 32} not"
    ):
        open_store("garments", of_run="0" * 32)


AT_ONCE = textwrap.dedent(
    """
    import os, sys
    sys.path.insert(0, sys.argv[1])
    import mlflow, mlflow.store.tracking.sqlalchemy_store
    from garment_ml.tracking.store import open_store

    ready, say_ready = os.pipe()
    start, hold_back = os.pipe()
    children = []
    for _ in range(4):  # forks share the import, which costs seconds
        child = os.fork()
        if child == 0:
            os.close(hold_back)
            os.write(say_ready, b".")
            os.read(start, 1)  # ends when the parent closes the other end
            try:
                print(open_store("garments").experiment_id, flush=True)
                os._exit(0)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
        children.append(child)
    for _ in children:
        os.read(ready, 1)
    os.close(hold_back)
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
    """
)


@pytest.mark.slow
def test_processes_that_open_a_fresh_store_at_once_all_succeed(isolated):
    command = [sys.executable, "-c", AT_ONCE, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.split()) == 4 and len(set(done.stdout.split())) == 1
