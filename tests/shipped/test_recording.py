"""What a server keeps of its answers."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from garment_ml.data.labelled_csv import load_labelled_csv
from garment_ml.data.source_options import SourceOptions
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
        monkeypatch.setattr(recording, "datetime", At(NOON + timedelta(minutes=later)))
        kept.add(rows(0.9), file_of)
    kept.write()
    assert [int(hour["labels"].sum()) for hour in stored(tmp_path)] == [2, 1, 1]
    other.add(rows(0.6), file_of)
    other.write()
    assert len(stored(tmp_path)) == 4


class At:
    """A clock that stands still."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self, _: object) -> datetime:
        return self.moment


def day_folder(tmp_path: Path) -> Path:
    (day,) = (tmp_path / "uncertain").iterdir()
    return day


def test_the_least_certain_of_a_day_are_kept_to_be_labelled(tmp_path):
    kept = Recorder(tmp_path, "m-1", NAMES, sample=2)
    kept.add(rows(0.9, 0.8, 0.7), file_of)
    kept.write()
    kept.add(rows(0.95, 0.55), lambda number: file_of(number + 10))
    kept.add(rows(0.55), lambda _: file_of(11))  # the same again
    kept.write()
    day = day_folder(tmp_path)
    assert {file.read_bytes() for file in (day / "train").iterdir()} == {file_of(2), file_of(11)}
    listed = read_list(day)
    assert [(each["label"], each["answered"], each["confidence"]) for each in listed] == [
        ("", "bright", "0.5500"),
        ("", "bright", "0.7000"),
    ]
    assert {each["id"] for each in listed} == {file.name for file in (day / "train").iterdir()}


def read_list(day: Path) -> list[dict[str, str]]:
    with (day / "train.csv").open() as file:
        return list(csv.DictReader(file))


def picture(grey: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_what_people_labelled_stays_and_is_a_data_set(tmp_path):
    kept = Recorder(tmp_path, "m-1", NAMES, sample=2)
    kept.add(rows(0.8, 0.7), lambda number: picture(number))
    kept.write()
    day = day_folder(tmp_path)
    text = (day / "train.csv").read_text()
    (day / "train.csv").write_text(
        text.replace(",,bright,0.7000", ",dark,bright,0.7000").replace(",,", ",bright,")
    )
    kept.add(rows(0.6, 0.55), lambda number: picture(number + 100))
    kept.write()
    assert sorted(each["label"] for each in read_list(day)) == ["", "", "bright", "dark"]
    (day / "train.csv").write_text((day / "train.csv").read_text().replace(",,", ",bright,"))
    dataset = load_labelled_csv(day, SourceOptions())
    assert len(dataset.labels) == 4 and dataset.class_names == ("bright", "dark")


def test_a_sure_answers_picture_is_not_even_read(tmp_path):
    kept = Recorder(tmp_path, "m-1", NAMES, sample=1)
    kept.add(rows(0.6), file_of)

    def never(_: int) -> bytes:
        raise AssertionError

    kept.add(rows(0.9), never)


def test_a_folder_that_can_not_be_written_stops_no_answer_and_is_tried_again(tmp_path):
    (tmp_path / "place").write_text("no folder")
    kept = Recorder(tmp_path / "place", "m-1", NAMES, sample=2)
    for number in range(20):
        kept.add(rows(0.9 - number / 100), lambda _, number=number: file_of(number))
        kept.write()
    (tmp_path / "place").unlink()
    kept.write()
    (hour,) = stored(tmp_path / "place")
    assert hour["labels"].tolist() == [0, 20]
    day = day_folder(tmp_path / "place")
    assert len(read_list(day)) == len(list((day / "train").iterdir())) == 2


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
