"""From a folder of pictures to audit.csv, and from the table with decisions back to other data."""

import csv
import getpass
import io
import json
from pathlib import Path

import mlflow
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from experiments import prepare_data
from garment_ml.base.digest import digest_of
from garment_ml.base.errors import UserError
from garment_ml.studies.load import load_pictures
from garment_ml.studies.recorded_data import recorded_data
from garment_ml.tracking.facts import CORRECTIONS_TAG
from garment_ml.tracking.run import KIND_TAG, TrackedRun
from garment_ml.tracking.store import open_store

pytestmark = pytest.mark.usefixtures("store")
PER_CLASS = 24


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two classes of different pictures; one is black, one is there under both classes, one is no picture."""
    random = np.random.default_rng(0)
    for name in ("coat", "shirt"):
        (tmp_path / "photographs" / name).mkdir(parents=True)
        for number in range(PER_CLASS):
            coarse = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
            coarse.resize((80, 60)).save(tmp_path / "photographs" / name / f"{number}.png")
    root = tmp_path / "photographs"
    Image.new("RGB", (80, 60)).save(root / "coat" / "0.png")
    (root / "shirt" / "copy.png").write_bytes((root / "coat" / "1.png").read_bytes())
    (root / "shirt" / "broken.jpg").write_bytes(b"no picture")
    return root


def prepare(folder: Path, *options: str) -> tuple[str, TrackedRun]:
    """What was said, and the run."""
    result = CliRunner().invoke(
        prepare_data.main, ["--data", "folders", "--data-dir", str(folder), *options], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    opened = open_store("garments")
    latest = opened.client.search_runs([opened.experiment_id], f"tags.`{KIND_TAG}` = 'audit'")[0]
    return result.output, TrackedRun(opened, latest.info.run_id)


def bytes_of(run: TrackedRun, path: str) -> bytes:
    return Path(mlflow.artifacts.download_artifacts(run_id=run.run_id, artifact_path=path)).read_bytes()


def table_of(run: TrackedRun) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(bytes_of(run, "audit.csv").decode())))


def test_what_is_found_is_decided_about_and_taken_back(folder, tmp_path):
    files = {path: path.read_bytes() for path in folder.rglob("*.*")}
    said, run = prepare(folder)
    table = table_of(run)
    by_check = {check: [row["file"] for row in table if row["check"] == check] for check in
                ("unreadable", "blank", "label_conflict")}  # fmt: skip
    assert by_check["unreadable"] == ["shirt/broken.jpg"]
    assert by_check["blank"] == ["coat/0.png"]
    assert by_check["label_conflict"] == ["coat/1.png", "shirt/copy.png"]
    assert {row["decision"] for row in table} == {""}
    assert "label_conflict             2" in said
    again = f"python -m experiments.bottleneck --data folders --data-dir {folder} --corrections audit.csv"
    assert said.rstrip().endswith(again)
    paths = {each.path for each in run.client.list_artifacts(run.run_id, "audit")}
    assert {"audit/blank.png", "audit/label_conflict.png", "audit/counts.csv", "audit/sizes.csv"} <= paths
    assert bytes_of(run, "audit/sizes.csv").split() == [b"height,width,channels,pictures", b"60,80,3,49"]
    assert run.client.get_run(run.run_id).data.metrics["audit/blank"] == 1

    decided = tmp_path / "decided.csv"
    decisions = {"coat/0.png": "drop", "shirt/copy.png": "coat", "coat/2.png": "shirt"}
    for row in table:
        row["decision"] = decisions.get(row["file"], "")
    table.append({**dict.fromkeys(table[0], ""), "file": "coat/2.png", "decision": "shirt"})
    with decided.open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)
    said, after = prepare(folder, "--corrections", str(decided))
    assert "decided.csv: 1 pictures dropped, 2 relabelled" in said
    tags, metrics = (
        after.client.get_run(after.run_id).data.tags,
        after.client.get_run(after.run_id).data.metrics,
    )
    record = json.loads(tags[CORRECTIONS_TAG])
    assert (record["dropped"], record["relabelled"], record["by"]) == (1, 2, getpass.getuser())
    assert record["digest"] == digest_of(decided.read_bytes())
    assert record["path"] == str(decided)
    assert bytes_of(after, "corrections.csv") == decided.read_bytes()
    assert (metrics["audit/blank"], metrics["audit/label_conflict"]) == (0, 0)
    kept = {row["file"]: row["decision"] for row in table_of(after) if row["check"] == "corrections"}
    assert decisions.items() <= kept.items()  # so that the next round's table holds them, too
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == files

    recorded = recorded_data(after, after.client.get_run(after.run_id))
    assert load_pictures(recorded).digest == tags["garment.dataset_digest"]
    decided.write_text("file,decision\n")
    with pytest.raises(UserError, match=f"run {after.run_id} was corrected by .*decided.csv"):
        recorded_data(after, after.client.get_run(after.run_id))
