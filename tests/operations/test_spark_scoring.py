"""Spark's answers are the local engine's, row by row, and nothing is lost on the way without a word."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from garment_ml.base.errors import UserError
from garment_ml.operations.answer_file import TABLE, AnswerForm
from garment_ml.operations.spark_pictures import SparkPictures
from garment_ml.operations.spark_scoring import score_with_spark
from garment_ml.tracking.fetched_files import fetched
from garment_ml.tracking.run import TrackedRun
from garment_ml.tracking.store import open_store
from tests.operations.scored_pictures import IDS, LABELS, invoke
from tests.toys import CLASSES, EXPERIMENT

pytestmark = pytest.mark.slow
BROKEN = ["empty.png", "text.png"]


@pytest.fixture
def folder(contest: Path) -> Path:
    """Names that are patterns or addresses to Spark, files that are no pictures, and some to be left out."""
    folder = shutil.move(contest / "test", contest / "spring [new] {a,b}")
    inner = folder / "h\u00e4ngend 100% #1?"
    inner.mkdir()
    shutil.copy(folder / "3.png", inner / "a+b=c&d.png")
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("no picture")
    for left_out in (".hidden", "Thumbs.db"):
        (folder / left_out).write_text("no picture")
    return folder


def test_of_a_folder_it_says_what_the_local_engine_says(spark, folder, model, tmp_path, run: TrackedRun):
    for engine in ("local", "spark"):
        result = invoke(folder, tmp_path / f"{engine}.parquet", "--model", model, "--engine", engine)
        assert result.exit_code == 0, result.output
        assert f"8 pictures by {model}" in result.output and "2 that can't be read" in result.output
    local, spread = (pd.read_parquet(tmp_path / f"{engine}.parquet") for engine in ("local", "spark"))
    assert sorted(spread["id"]) == sorted(local["id"])
    pd.testing.assert_frame_equal(spread.set_index("id").loc[local["id"]].reset_index(), local, atol=1e-6)
    assert sorted(spread.loc[spread["label"].isna(), "id"]) == BROKEN
    experiment = run.client.get_experiment_by_name("garments").experiment_id
    here, there = run.client.search_runs([experiment], "metrics.unreadable_pictures = 2", max_results=2)
    for metric in ("pictures", "unreadable_pictures", "mean_confidence"):
        assert here.data.metrics[metric] == pytest.approx(there.data.metrics[metric])
    assert here.data.tags["garment.answered_by"] == there.data.tags["garment.answered_by"] == model


@pytest.fixture
def score(spark, toys, model, tmp_path):
    """With Spark; of a place, into a place, by names of columns."""

    def call(
        place: Path | str,
        output: Path = tmp_path / "scores.parquet",
        picture: str = "image.bytes",
        ids: str = "sku",
    ):
        with fetched(open_store(EXPERIMENT), model) as logged:
            pictures, form = SparkPictures(str(place), ids, picture), AnswerForm(TABLE, "sku", "label")
            return score_with_spark(spark, logged, pictures, str(output), form)

    return call


def test_of_parquet_it_takes_a_column_within_a_column(score, contest, tmp_path):
    summary = score(write_parquet(tmp_path / "pictures.parquet", contest, IDS))
    answers = pd.read_parquet(tmp_path / "scores.parquet").set_index("sku")
    assert answers.loc[list(IDS), "label"].tolist() == LABELS
    assert answers["error"].isna().all()
    assert summary.labels == {name: LABELS.count(name) for name in CLASSES}
    again = score(write_parquet(tmp_path / "other.parquet", contest, IDS[::-1]), tmp_path / "b.parquet")
    other = score(write_parquet(tmp_path / "less.parquet", contest, IDS[1:]), tmp_path / "c.parquet")
    assert summary.digest == again.digest != other.digest


@pytest.mark.parametrize("there", [(), ("part-00000-1.snappy.parquet",)])
def test_what_a_killed_job_left_is_written_anew_and_nothing_else_is(score, contest, tmp_path, there):
    pictures, output = write_parquet(tmp_path / "pictures.parquet", contest, IDS), tmp_path / "killed.parquet"
    (output / "_temporary" / "0").mkdir(parents=True)
    for name in there:  # it was just being committed
        (output / name).touch()
    assert score(pictures, output).pictures == len(IDS)
    written = sorted(output.iterdir())
    with pytest.raises(UserError, match="is there already"):
        score(pictures, output)
    assert sorted(output.iterdir()) == written


def test_wrong_parquet_is_told_by_column_and_id(score, contest, tmp_path):
    pictures = write_parquet(tmp_path / "pictures.parquet", contest, IDS)
    with pytest.raises(UserError, match=r"has the columns sku, image, expected 'sku' .* and 'picture'"):
        score(pictures, picture="picture")
    with pytest.raises(UserError, match=r"the column 'image.path' holds no bytes"):
        score(pictures, picture="image.path")
    with pytest.raises(UserError, match=r"the column 'image' holds no ids"):
        score(write_parquet(tmp_path / "other.parquet", contest, IDS, "other"), ids="image")
    with pytest.raises(UserError, match=r"2 rows have the id '3', expected one for each"):
        score(write_parquet(tmp_path / "twice.parquet", contest, (*IDS, "3")))
    with pytest.raises(UserError, match=r"1 rows have no id"):
        score(write_parquet(tmp_path / "none.parquet", contest, (*IDS, None)))
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(UserError, match=r"text.parquet"):
        score(tmp_path / "text.parquet")
    assert not (tmp_path / "scores.parquet").exists()


@pytest.mark.parametrize("name", ["_cover.png", "_new/1.png", "8:15.png", "\udcff.png", "1.png._COPYING_"])
def test_names_that_spark_would_lose_are_refused(score, folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    shutil.copy(folder / "3.png", folder / name)
    for place in (folder, f"file:{folder}"):
        with pytest.raises(UserError, match="Spark leaves this out"):
            score(place)


def test_links_that_spark_would_follow_in_a_circle_or_stop_at_are_refused(score, folder):
    (folder / "loop").symlink_to(folder)
    with pytest.raises(UserError, match="follows it in a circle"):
        score(folder)
    (folder / "loop").unlink()
    (folder / "gone.png").symlink_to(folder / "nowhere")
    with pytest.raises(UserError, match=r"gone.png: Spark leaves this out"):
        score(folder)


def test_names_of_columns_and_places_are_no_patterns_and_no_paths(spark, toys, contest, model, tmp_path):
    pictures = write_parquet(tmp_path / "listed [a].parquet", contest, IDS, "my.id")
    write_parquet(tmp_path / "listed a.parquet", contest, IDS, "my.id")
    shutil.copytree(tmp_path, tmp_path / "x", ignore=shutil.ignore_patterns("x"))
    for name in ("out*.parquet", "out{1}.parquet", "outer.parquet"):
        options = ("--id-column", "my.id", "--label-column", "my`label", "--picture-column", "image.bytes")
        result = invoke(pictures, tmp_path / name, "--model", model, "--engine", "spark", *options)
        assert result.exit_code == 0, result.output
        assert f"5 pictures by {model}" in result.output
        assert (
            pd.read_parquet(tmp_path / name).set_index("my.id")["my`label"].loc[list(IDS)].tolist() == LABELS
        )


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "there is no .*nowhere; expected a folder of pictures, or Parquet"),
        ("contest/none", "none has no pictures"),
        ("contest", "is a contest; --engine spark takes its folder test, or Parquet"),
        ("contest/test.csv", "test.csv is a file; --engine spark reads a folder of pictures, or Parquet"),
    ],
)
def test_what_is_no_folder_of_pictures_is_refused(score, contest, tmp_path, place, message):
    (contest / "none").mkdir()
    with pytest.raises(UserError, match=message):
        score(tmp_path / place)


def test_a_kind_of_address_that_this_spark_does_not_know_is_named(spark, toys, model):
    result = invoke("shop://pictures/new", "shop://scores.parquet", "--model", model, "--engine", "spark")
    assert result.exit_code == 2
    assert 'No FileSystem for scheme "shop"' in result.output


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("a.parquet", ("--format", "submission"), "writes --format table"),
        ("a.parquet", ("--numbered",), "with the classes' names"),
        ("a.csv", (), "should end in .parquet"),
        ("contest/a.parquet", (), "is part of the pictures"),
        ("a.parquet", ("--label-column", "ID"), "clash with each other"),
        ("a.parquet", ("--label-column", "Error"), "capitals make no difference"),
    ],
)
def test_a_form_that_spark_does_not_write_is_refused_before_it_starts(
    contest, tmp_path, output, options, message
):
    result = invoke(contest, tmp_path / output, "--engine", "spark", *options)
    assert result.exit_code == 2
    assert message in result.output


def write_parquet(path: Path, contest: Path, ids: tuple[str | None, ...], column: str = "sku") -> Path:
    """As data sets are published: a column of structures with the files' bytes and names."""
    data = {id: (contest / "test" / f"{id or 3}.png").read_bytes() for id in ids}
    images = [{"bytes": data[id], "path": f"{id}.png"} for id in ids]
    pd.DataFrame({column: list(ids), "image": images}).to_parquet(path)
    return path
