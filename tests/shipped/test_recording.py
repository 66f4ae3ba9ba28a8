"""What a server keeps of its answers."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from garment_ml.shipped import recording
from garment_ml.shipped.recording import Recorder, recorder

NAMES = ("dark", "bright")
NOON = datetime(2026, 11, 26, 12, 5, tzinfo=UTC)


def rows(*confidences: float) -> np.ndarray:
    """Of `bright`, so sure, with one feature."""
    return np.array([[1 - each, each, 7.0] for each in confidences], np.float32)


def file_of(number: int) -> bytes:
    return f"picture {number}".encode()


def stored(folder: Path) -> list[dict]:
    return [dict(np.load(file)) for file in sorted(folder.glob("*.npz"))]


def test_an_hour_is_counts_of_all_and_a_draw_of_few(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "MOST_ROWS", 10)
    kept = Recorder(tmp_path, "m-1", NAMES)
    kept.add(rows(*[0.99] * 60), file_of)
    kept.add(rows(*[0.3] * 40), file_of)
    kept.write()
    (hour,) = stored(tmp_path)
    assert hour["labels"].tolist() == [40, 60] and hour["confidences"][-1] == 60
    assert hour["rows"].shape == (10, 3) and hour["rows"][0, 2] == 7
    assert 0 < (hour["rows"][:, 1] < 0.5).sum() < 10
    assert str(hour["model_id"]) == "m-1" and hour["class_names"].tolist() == list(NAMES)


def test_each_hour_and_each_server_has_its_file(tmp_path, monkeypatch):
    kept, other = Recorder(tmp_path, "m-1", NAMES), Recorder(tmp_path, "m-1", NAMES)
    for later in (0, 0, 60, 24 * 60):
        kept._begin(NOON + timedelta(minutes=later))
        kept.labels[1] += 1
        kept.rows.append(np.zeros(3))
        kept._changed = True
    kept.write()
    assert [int(hour["labels"].sum()) for hour in stored(tmp_path)] == [2, 1, 1]
    other.add(rows(0.6), file_of)
    other.write()
    assert len(stored(tmp_path)) == 4


def test_the_least_certain_of_a_day_are_kept_to_be_labelled(tmp_path):
    kept = Recorder(tmp_path, "m-1", NAMES, sample=2)
    kept.add(rows(0.9, 0.8, 0.7), file_of)
    kept.add(rows(0.95, 0.55), lambda number: file_of(number + 10))
    kept.add(rows(0.55), lambda _: file_of(11))  # the same again
    (day,) = (tmp_path / "uncertain").iterdir()
    assert {file.read_bytes() for file in (day / "train").iterdir()} == {file_of(2), file_of(11)}
    with (day / "train.csv").open() as file:
        listed = list(csv.DictReader(file))
    assert [(each["label"], each["answered"], each["confidence"]) for each in listed] == [
        ("", "bright", "0.5500"),
        ("", "bright", "0.7000"),
    ]
    assert {each["id"] for each in listed} == {file.name for file in (day / "train").iterdir()}


def test_a_folder_that_can_not_be_written_stops_no_answer(tmp_path):
    (tmp_path / "file").write_text("no folder")
    kept = Recorder(tmp_path / "file", "m-1", NAMES, sample=1)
    kept.add(rows(0.9), file_of)
    kept.write()
    assert kept.labels.tolist() == [0, 1]


def test_features_beyond_half_precision_stay_finite(tmp_path):
    kept = Recorder(tmp_path, "m-1", NAMES)
    kept.add(np.array([[0.1, 0.9, 1e9]], np.float32), file_of)
    kept.write()
    assert np.isfinite(stored(tmp_path)[0]["rows"]).all()


def test_nothing_is_recorded_unless_asked_for(tmp_path, monkeypatch):
    assert recorder("m-1", NAMES) is None
    monkeypatch.setenv(recording.FOLDER, str(tmp_path))
    monkeypatch.setenv(recording.SAMPLE, "3")
    asked = recorder("m-1", NAMES)
    assert asked and (asked.folder, asked.sample) == (tmp_path, 3)


@pytest.fixture(autouse=True)
def no_thread(monkeypatch):
    monkeypatch.setattr(Recorder, "_write_again_and_again", lambda self: None)
