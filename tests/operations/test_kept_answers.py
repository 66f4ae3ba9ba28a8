"""What people say of wrong answers, and of an audit's findings, is data that every entry point reads."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from garment_ml.base.errors import UserError
from garment_ml.data.decisions import read_corrections
from garment_ml.data.labelled_csv import load_labelled_csv
from garment_ml.data.source_options import SourceOptions
from garment_ml.operations.decided import decide, decisions_in, read_table
from garment_ml.operations.kept_answers import keep_wrong

ANSWER = {"label": "Coat", "confidence": 0.61}


def picture(grey: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8), grey, np.uint8)).save(file, kind)
    return file.getvalue()


def test_wrong_answers_are_a_data_set(tmp_path):
    keep_wrong(tmp_path, picture(10), ANSWER, "Dress", "models:/garments/1")
    keep_wrong(tmp_path, picture(90, "JPEG"), ANSWER, "Bag, small", "models:/garments/1")
    dataset = load_labelled_csv(tmp_path, SourceOptions())
    greys = dataset.pictures.images[:][:, 0, 0, 0].tolist()
    kept = dict(zip(greys, dataset.labels.tolist(), strict=True))
    assert {grey: dataset.class_names[label] for grey, label in kept.items()} == {
        10: "Dress",
        90: "Bag, small",
    }
    with (tmp_path / "train.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["answered"], first["confidence"], first["model"]) == (
        "Coat",
        "0.610000",
        "models:/garments/1",
    )


def test_a_second_thought_replaces_the_first(tmp_path):
    for right in ("Dress", "Shirt"):
        keep_wrong(tmp_path, picture(10), ANSWER, right, "")
    with (tmp_path / "train.csv").open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["Shirt"]


def test_what_is_no_picture_is_not_kept(tmp_path):
    with pytest.raises(UserError, match="9 bytes are no picture"):
        keep_wrong(tmp_path, b"something", ANSWER, "Dress", "")
    assert not (tmp_path / "train.csv").exists()


def decisions(path: Path) -> list[tuple[str, str, str]]:
    return [(each.file, each.digest, each.decision) for each in read_corrections(path).decisions]


def test_decisions_make_a_table_of_corrections(tmp_path):
    table, shirt, bag = tmp_path / "kept" / "corrections.csv", ("test/3", "a" * 32), ("test/4", "b" * 32)
    decide(table, {shirt: "Shirt", bag: "drop"})
    decide(table, {shirt: "Coat"})
    assert decisions(table) == [(*shirt, "Coat"), (*bag, "drop")]
    decide(table, {bag: ""})
    assert decisions(table) == [(*shirt, "Coat")]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_an_audits_table_keeps_its_columns_and_decides_once_for_each_picture(tmp_path, delimiter):
    table = tmp_path / "audit.csv"
    lines = (
        "file,check,value,group,decision,digest",
        "a.png,dark,3,,,x",
        "a.png,near,1,g1,keep,x",
        "b.png,near,1,g1,,y",
    )
    table.write_text("\n".join(lines).replace(",", delimiter))
    assert decisions_in(read_table(table)) == {("a.png", "x"): "keep"}
    decide(table, {("a.png", "x"): "drop"})
    rows = read_table(table)
    assert [row["decision"] for row in rows] == ["drop", "", ""]
    assert [row["group"] for row in rows] == ["", "g1", "g1"] and list(rows[0])[1] == "check"


def test_another_table_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "train.csv").write_text("label,id\nCoat,1\n")
    with pytest.raises(UserError, match="is no table of kept answers"):
        keep_wrong(tmp_path, picture(10), ANSWER, "Dress", "")
    assert (tmp_path / "train.csv").read_text() == "label,id\nCoat,1\n"
    assert not list(tmp_path.glob("train/*"))


def test_a_table_of_something_else_is_refused(tmp_path):
    table = tmp_path / "other.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="has no columns 'file' and 'decision'"):
        read_table(table)
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path / "none.csv")
