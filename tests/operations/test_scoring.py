"""The contest from train.csv to submission.csv, with a model that knows its answers."""

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from experiments import score
from garment_ml.tracking.run import KIND_TAG, TrackedRun
from tests.toys import CLASSES, ROWS, Toy

pytestmark = pytest.mark.slow
IDS = ("12", "3", "7", "blouse, red", "100")
TRUTH = (2, 0, 1, 0, 1)


@pytest.fixture
def contest(tmp_path) -> Path:
    """Pictures of 16x16 whose class the toys' true model tells by the brightness of a row."""
    folder = tmp_path / "contest"
    (folder / "test").mkdir(parents=True)
    with (folder / "test.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id"], *[[id] for id in IDS]])
    for id, label in zip(IDS, TRUTH, strict=True):
        image = np.full((8, 8), 128, np.uint8)
        image[ROWS[label]] = 255
        Image.fromarray(image).resize((16, 16), Image.Resampling.NEAREST).save(folder / "test" / f"{id}.png")
    return folder


@pytest.fixture
def model(toys) -> str:
    return toys.refit(Toy("true")).model_uri


def invoke(contest: Path, output: Path, *options: str):
    return CliRunner().invoke(score.main, ["--data-dir", str(contest), "--output", str(output), *options])


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_each_id_is_answered_once_and_in_order(contest, model, tmp_path, run: TrackedRun):
    output = tmp_path / "submission.csv"
    result = invoke(contest, output, "--model", model)
    assert result.exit_code == 0, result.output
    expected = [[id, CLASSES[label]] for id, label in zip(IDS, TRUTH, strict=True)]
    assert rows_of(output) == [["id", "label"], *expected]
    assert f"5 pictures answered by {model}: 2 top, 2 middle, 1 bottom" in result.output
    experiment = run.client.get_experiment_by_name("garments")
    (scoring,) = run.client.search_runs([experiment.experiment_id], f"tags.`{KIND_TAG}` = 'scoring'")
    assert scoring.data.tags["garment.answered_by"] == model
    assert scoring.data.metrics["pictures"] == 5

    numbered = tmp_path / "numbered.csv"
    invoke(contest, numbered, "--model", model, "--numbered", "--label-column", "category")
    assert rows_of(numbered) == [
        ["id", "category"],
        *[[id, str(label)] for id, label in zip(IDS, TRUTH, strict=True)],
    ]

    table = tmp_path / "table.csv"
    invoke(contest, table, "--model", model, "--table", "--label-column", "kind")
    header, *rows = rows_of(table)
    assert header == ["id", "kind", "confidence", *(f"probability_{name}" for name in CLASSES)]
    for row in rows:
        values = [float(value) for value in row[2:]]
        assert values[0] == max(values[1:])
        assert sum(values[1:]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "test" / "7.png").write_bytes(b"no picture"), "7.png"),
        (lambda folder: (folder / "test" / "7.png").unlink(), "id '7' has no file"),
        (lambda folder: (folder / "test.csv").write_text("id\n3\n3\n"), "id '3' is there a second time"),
        (lambda folder: (folder / "test.csv").write_text("name\n3\n"), "no column 'id'"),
        (lambda folder: (folder / "test.csv").unlink(), "test.csv cannot be read"),
    ],
    ids=["broken picture", "no file", "id twice", "other column", "no test.csv"],
)
def test_what_can_not_be_answered_in_full_is_not_answered(contest, model, tmp_path, break_it, message):
    break_it(contest)
    output = tmp_path / "submission.csv"
    output.write_text("the last one")
    result = invoke(contest, output, "--model", model)
    assert result.exit_code == 2
    assert message in result.output
    assert output.read_text() == "the last one"


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("contest/test.csv", (), "is part of the data"),
        ("contest/test/answers.csv", (), "is part of the data"),
        (".", (), "is a folder, expected the name of a file"),
        ("contest/test.csv/answers.csv", (), "is no folder that is writable"),
        ("a.csv", ("--label-column", "id"), "--label-column is 'id', expected a name other than the id's"),
        ("a.csv", ("--label-column", ""), "--label-column is ''"),
        ("a.csv", ("--table", "--id-column", "confidence"), "has a column 'confidence' of its own"),
        ("contest/sample.csv", (), "is part of the data"),
        ("a.csv", ("--model", "/tmp"), "'/tmp' is no address that begins with models:/ or runs:/"),
        ("a.csv", ("--model", ""), "'' is no address"),
        ("a.csv", ("--model", "models:/nothing/latest"), "no version of 'nothing' is 'latest'"),
    ],
)
def test_a_wrong_setting_costs_a_sentence_and_no_file(contest, tmp_path, toys, output, options, message):
    (contest / "sample.csv").write_text("the contest's own")
    before = (contest / "test.csv").read_text()
    result = invoke(contest, tmp_path / output, *options)
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1), result.output
    assert message in result.output
    assert (contest / "test.csv").read_text() == before
    assert not (tmp_path / "a.csv").exists()


def test_ids_in_a_column_called_label_stay_ids(contest, model, tmp_path):
    (contest / "test.csv").write_text("label\n" + "\n".join(f'"{id}"' for id in IDS) + "\n")
    output = tmp_path / "submission.csv"
    result = invoke(contest, output, "--model", model, "--id-column", "label", "--label-column", "answer")
    assert result.exit_code == 0, result.output
    assert rows_of(output)[0] == ["label", "answer"]
    assert [row[0] for row in rows_of(output)[1:]] == list(IDS)


def test_without_a_champion_the_sentence_says_so(contest, tmp_path, toys):
    result = invoke(contest, tmp_path / "submission.csv", "--model", "models:/nothing@champion")
    assert result.exit_code == 2
    assert "no version of 'nothing' is 'champion'" in result.output
