"""Curves with tiny trainings: what is nested, judged, found again."""

import csv

import pytest
from click.testing import CliRunner

from experiments import learning_curve
from garment_ml.tracking.run import KIND_TAG
from garment_ml.tracking.store import open_store

OPTIONS = (
    *("--data", "sample", "--train-pictures", "400", "--approaches", "scratch_cnn"),
    *("--architecture", "dropout", "--epochs", "1", "--refits", "2"),
    *("--fractions", "1, 0.25"),
)


def invoke(*options: str):
    return CliRunner().invoke(learning_curve.main, options)


def runs(kind: str):
    opened = open_store("garments")
    found = opened.client.search_runs([opened.experiment_id], f"tags.`{KIND_TAG}` = '{kind}'")
    return opened.client, found


@pytest.mark.slow
@pytest.mark.usefixtures("store")
def test_points_are_nested_runs_and_the_same_command_finds_their_trainings_again(tmp_path):
    result = invoke(*OPTIONS)
    assert result.exit_code == 0, result.output
    assert "100 pictures: " in result.output and "400 pictures: " in result.output
    client, (outer,) = runs("learning_curve")
    table = client.download_artifacts(outer.info.run_id, "learning_curve/scores.csv", str(tmp_path))
    with open(table) as file:
        rows = list(csv.DictReader(file))
    assert [(row["curve"], row["pictures"], row["seed"]) for row in rows] == [
        ("scratch_cnn", size, seed) for size in ("100", "400") for seed in "12"
    ]
    _, refits = runs("refit")
    assert len(refits) == 4
    # a quarter of the pictures twice as often
    assert {run.data.params["epochs"] for run in refits} == {"1", "2"}
    assert not [run for run in refits if any(name.startswith("test") for name in run.data.metrics)]
    steps = client.get_metric_history(outer.info.run_id, "scratch_cnn/validation_accuracy")
    assert [metric.step for metric in steps] == [100, 400]

    again = invoke(*OPTIONS)
    assert again.output.count("trained before") == 4
    assert len(runs("refit")[1]) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fractions", "0.1,lots"), "'lots', expected numbers above 0 and up to 1"),
        (("--fractions", "1.5"), "'1.5', expected numbers above 0"),
        (("--data", "sample", "--fractions", "0.0001"), "too few different pictures"),
        (("--data", "sample", "--approaches", "scratch_cnn,mlp"), "mlp"),
    ],
)
def test_a_curve_that_can_not_be_drawn_is_refused_before_anything_is_trained(options, message):
    result = invoke(*options)
    assert result.exit_code == 2
    assert message in result.output
