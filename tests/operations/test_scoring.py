"""Pictures from a folder, a CSV and a contest to a file of answers, with a model that knows them."""

from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Run

from garment_ml.operations import scoring
from garment_ml.tracking.run import KIND_TAG, TrackedRun
from tests.operations.scored_pictures import IDS, LABELS, TRUTH, invoke, write_csv
from tests.toys import CLASSES

pytestmark = pytest.mark.slow
PROBABILITIES = [f"probability_{name}" for name in CLASSES]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"id": str}, keep_default_na=False, na_values={"confidence": ""})


def newest_scoring(run: TrackedRun) -> Run:
    experiment = run.client.get_experiment_by_name("garments")
    return run.client.search_runs([experiment.experiment_id], f"tags.`{KIND_TAG}` = 'scoring'")[0]


@pytest.mark.parametrize("pictures", ["contest", "contest/test.csv"])
def test_a_contest_gets_each_id_once_and_in_order(contest, model, tmp_path, pictures, run: TrackedRun):
    output = tmp_path / "submission.csv"
    result = invoke(tmp_path / pictures, output, "--model", model, "--format", "submission")
    assert result.exit_code == 0, result.output
    assert read(output).to_numpy().tolist() == [list(row) for row in zip(IDS, LABELS, strict=True)]
    assert f"5 pictures by {model}" in result.output and ": 2 top, 2 middle, 1 bottom" in result.output
    scored = newest_scoring(run)
    assert scored.data.tags["garment.answered_by"] == model
    assert scored.data.metrics["pictures"] == 5
    assert not list(tmp_path.glob(".*"))  # no parts left


def test_numbers_and_another_name_for_the_label(contest, model, tmp_path):
    output = tmp_path / "numbered.csv"
    options = ("--format", "submission", "--numbered", "--label-column", "category")
    assert invoke(contest, output, "--model", model, *options).exit_code == 0
    assert read(output)["category"].tolist() == list(TRUTH)


def test_a_folder_gets_a_row_for_each_file_and_an_error_where_one_is_broken(contest, model, tmp_path, run):
    folder = contest / "test"
    (folder / "late").mkdir()
    (folder / "late" / "broken.png").write_bytes((folder / "3.png").read_bytes()[:60])
    (folder / ".hidden").write_text("no picture")
    output = tmp_path / "scores.csv"
    result = invoke(folder, output, "--model", model)
    assert result.exit_code == 0, result.output
    scores = read(output)
    assert list(scores) == ["id", "label", "confidence", *PROBABILITIES, "error"]
    assert scores["id"].tolist() == [*sorted(f"{id}.png" for id in IDS), "late/broken.png"]
    known = dict(zip(IDS, LABELS, strict=True))
    assert scores["label"].tolist() == [*(known[id.removesuffix(".png")] for id in scores["id"][:5]), ""]
    good = scores[:5]
    assert (good["error"] == "").all()
    assert good[PROBABILITIES].astype(float).sum(axis=1).tolist() == pytest.approx([1] * 5, abs=1e-5)
    assert (good["confidence"] == good[PROBABILITIES].astype(float).max(axis=1)).all()
    assert "is damaged" in scores["error"][5] and np.isnan(scores["confidence"][5])
    assert "1 that can't be read, such as late/broken.png" in result.output
    assert newest_scoring(run).data.metrics["unreadable_pictures"] == 1


def test_a_csv_of_paths_to_parquet(contest, model, tmp_path):
    rows = [[f"no. {id}", f"contest/test/{id}.png"] for id in IDS]
    paths = write_csv(tmp_path / "paths.csv", ["id", "file"], *rows, ["gone", "contest/test/gone.png"])
    output = tmp_path / "scores.parquet"
    result = invoke(paths, output, "--model", model, "--path-column", "file")
    assert result.exit_code == 0, result.output
    scores = pd.read_parquet(output)
    assert scores["id"].tolist() == [*(f"no. {id}" for id in IDS), "gone"]
    assert scores["label"][:5].tolist() == LABELS
    assert scores["error"][5] == "cannot be read: No such file or directory"
    assert scores.dtypes["confidence"] == np.float32


def test_an_interrupted_scoring_goes_on_and_asks_of_no_picture_twice(contest, model, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "PART", 2)
    asked: list[str] = []
    real = scoring._read

    def read_and_end(picture, form, after=3):
        if len(asked) == after:
            raise KeyboardInterrupt
        asked.append(picture.id)
        return real(picture, form)

    output = tmp_path / "scores.csv"
    monkeypatch.setattr(scoring, "_read", read_and_end)
    assert invoke(contest, output, "--model", model).exit_code == 130
    assert not output.exists()
    asked.clear()
    monkeypatch.setattr(scoring, "_read", lambda picture, form: read_and_end(picture, form, after=9))
    result = invoke(contest, output, "--model", model)
    assert "going on: 2 of 5 pictures were answered before" in result.output
    assert sorted(asked) == sorted(IDS[2:])
    assert read(output)["label"].tolist() == LABELS


def test_a_picture_that_changed_in_between_is_asked_about_again(contest, model, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "PART", 1)
    broken = contest / "test" / "7.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"no picture")
    output = tmp_path / "submission.csv"
    output.write_text("the last one")
    result = invoke(contest, output, "--model", model, "--format", "submission")
    assert result.exit_code == 2
    assert "1 pictures can't be read, such as 7: 10 bytes are no picture" in result.output
    assert output.read_text() == "the last one"
    broken.write_bytes(whole)
    result = invoke(contest, output, "--model", model, "--format", "submission")
    assert "going on: 4 of 5" in result.output
    assert read(output)["label"].tolist() == LABELS


def test_a_file_that_another_is_writing_is_left_to_it(contest, model, tmp_path, monkeypatch):
    monkeypatch.setattr(
        filelock.FileLock, "acquire", lambda self, **_: (_ for _ in ()).throw(filelock.Timeout("."))
    )
    result = invoke(contest, tmp_path / "scores.csv", "--model", model)
    assert result.exit_code == 2
    assert "is just being written by another process" in result.output


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "test" / "7.png").unlink(), "id '7' has no file"),
        (lambda folder: (folder / "test.csv").write_text("id\n3\n3\n"), "id '3' is there a second time"),
        (lambda folder: (folder / "test.csv").write_text("name\n3\n"), "no column 'id'"),
        (lambda folder: (folder / "test.csv").unlink(), "test.csv cannot be read"),
    ],
    ids=["no file", "id twice", "other column", "no test.csv"],
)
def test_what_is_listed_wrongly_is_not_answered(contest, model, tmp_path, break_it, message):
    break_it(contest)
    output = tmp_path / "submission.csv"
    output.write_text("the last one")
    result = invoke(contest / "test.csv", output, "--model", model)
    assert result.exit_code == 2
    assert message in result.output
    assert output.read_text() == "the last one"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["path"], ["a.png"], ["a.png"]], "id 'a.png' is there a second time"),
        ([["id", "path"], ["1", ""]], "the column 'path' is empty"),
        ([["path"]], "has no pictures"),
        ([["id"], ["1"]], "there is no column 'path' of paths and no folder"),
    ],
)
def test_a_wrong_list_of_paths_is_named_by_its_line(tmp_path, toys, model, rows, message):
    result = invoke(write_csv(tmp_path / "list.csv", *rows), tmp_path / "scores.csv", "--model", model)
    assert result.exit_code == 2
    assert message in result.output


def test_a_single_picture_is_no_list(contest, model, tmp_path):
    result = invoke(contest / "test" / "7.png", tmp_path / "scores.csv", "--model", model)
    assert result.exit_code == 2
    assert "7.png is a single picture; expected a folder of them" in result.output


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("contest/test.csv", (), "is part of the pictures"),
        ("contest/test/answers.csv", (), "is part of the pictures"),
        (".", (), "is a folder, expected the name of a file"),
        ("contest/test.csv/answers.csv", (), "is no folder that is writable"),
        ("a.xlsx", (), "should end in .csv or .parquet"),
        ("a.csv", ("--label-column", "id"), "--label-column is 'id', expected a name other than the id's"),
        ("a.csv", ("--label-column", ""), "--label-column is ''"),
        ("a.csv", ("--id-column", "confidence"), "has a column 'confidence' of its own"),
        ("contest/sample.csv", (), "is part of the pictures"),
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
    write_csv(contest / "test.csv", ["label"], *[[id] for id in IDS])
    output = tmp_path / "submission.csv"
    options = ("--id-column", "label", "--label-column", "answer", "--format", "submission")
    result = invoke(contest, output, "--model", model, *options)
    assert result.exit_code == 0, result.output
    answers = pd.read_csv(output, dtype=str)
    assert list(answers) == ["label", "answer"] and answers["label"].tolist() == list(IDS)


def test_without_a_champion_the_sentence_says_so(contest, tmp_path, toys):
    result = invoke(contest, tmp_path / "submission.csv", "--model", "models:/nothing@champion")
    assert result.exit_code == 2
    assert "no version of 'nothing' is 'champion'" in result.output
