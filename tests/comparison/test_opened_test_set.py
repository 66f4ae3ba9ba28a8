from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.comparison.opened_test_set import (
    BATCH_MS,
    FILE,
    REFERENCE_PICTURES,
    SINGLE_MS,
    predictions_on_test,
)
from garment_ml.data.split_dataset import SplitDataset, split_dataset
from garment_ml.evaluation.metrics import evaluate
from garment_ml.tracking.run import TrackedRun
from tests.deaths import Killed, Mortal
from tests.toys import Toy, damage, toy_dataset


def tags(run, refit):
    return run.client.get_run(refit.run_id).data.tags


@pytest.mark.slow
def test_scored_once_and_read_ever_after(toys, run):
    refit = toys.world.refit(Toy("scored once"))
    first = predictions_on_test(run, refit, toys.data)
    opened = tags(run, refit)["garment.test_opened"]
    damage(run.store, refit.model_uri)  # whoever scored it again would fail
    second = predictions_on_test(run, refit, toys.data)
    assert np.array_equal(first.probabilities, second.probabilities)
    assert second.probabilities.dtype == np.float32
    assert tags(run, refit)["garment.test_opened"] == opened
    assert np.array_equal(second.labels, toys.data.open_test_set().labels)
    assert second.reference.shape == (REFERENCE_PICTURES, 3)


@pytest.mark.slow
def test_metrics_and_report_are_on_the_refit_and_metrics_with_its_model(toys, run):
    refit = toys.refit(Toy("good"))
    predictions = predictions_on_test(run, refit, toys.data)
    expected = dict(evaluate(predictions.labels, predictions.probabilities))
    metrics = run.client.get_run(refit.run_id).data.metrics
    assert {name: metrics[f"test_{name}"] for name in expected} == pytest.approx(expected)
    assert metrics["test_largest_difference_as_served"] < 1e-5
    reports = {each.path for each in run.client.list_artifacts(refit.run_id, "test")}
    assert {"test/per_class.json", "test/confusion.png"} <= reports
    best = {"field_name": "metrics.test_accuracy", "ascending": False}
    ranked = run.client.search_logged_models([run.store.experiment_id], order_by=[best])
    assert refit.model_uri in [model.model_uri for model in ranked]


@pytest.mark.slow
def test_an_interrupted_report_is_made_up_for_without_scoring_again(toys, run):
    refit = toys.world.refit(Toy("interrupted"))
    first = predictions_on_test(run, refit, toys.data)
    run.client.delete_tag(refit.run_id, "garment.test_opened")
    damage(run.store, refit.model_uri)
    second = predictions_on_test(run, refit, toys.data)
    assert np.array_equal(first.probabilities, second.probabilities)
    assert "garment.test_opened" in tags(run, refit)


@pytest.mark.slow
def test_killed_after_any_write_of_scoring_the_next_call_mends_it(toys, run, monkeypatch):
    """Each write to the store in turn is the last one before the process is gone."""
    refit = toys.world.refit(Toy("killed while it was scored"))
    writes = ("log_batch", "log_artifact", "log_figure", "log_table", "log_text", "set_tag")
    last = 0
    while True:
        last += 1
        with monkeypatch.context() as patch:
            process = Mortal(patch, writes, last)
            try:
                predictions_on_test(run, refit, toys.data)
            except Killed:
                continue
            break
    assert last > 10 and not process.done  # the call before was killed after its last write
    metrics = run.client.get_run(refit.run_id).data.metrics
    assert {SINGLE_MS, BATCH_MS, "test_accuracy", "test_largest_difference_as_served"} <= metrics.keys()
    assert "garment.test_opened" in tags(run, refit)


@pytest.mark.slow
def test_predictions_cut_off_while_they_were_written_are_made_again(toys, run):
    refit = toys.world.refit(Toy("cut off"))
    first = predictions_on_test(run, refit, toys.data)
    folder = run.client.get_run(refit.run_id).info.artifact_uri.removeprefix("file://")
    file = Path(folder, "test", FILE)
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(predictions_on_test(run, refit, toys.data).labels, first.labels)
    assert file.stat().st_size > 100


@pytest.mark.slow
def test_another_split_is_kept_apart(toys, run):
    refit = toys.world.refit(Toy("on two splits"))
    other = split_dataset(replace(toy_dataset(), published_test=None), seed=7)
    elsewhere = predictions_on_test(run, refit, other)
    assert "garment.test_opened" not in tags(run, refit)
    assert np.array_equal(elsewhere.labels, other.open_test_set().labels)
    own = predictions_on_test(run, refit, toys.data)
    assert np.array_equal(own.labels, toys.data.open_test_set().labels)
    assert f"garment.test_on_{other.split.digest[:8]}_opened" in tags(run, refit)


def test_a_damaged_model_is_an_error_that_names_it_and_leaves_test_unopened(toys, run):
    refit = toys.world.refit(Toy("damaged before it was scored"))
    damage(run.store, refit.model_uri)
    with pytest.raises(GarmentError, match=f"{refit.model_uri} can't be loaded"):
        predictions_on_test(run, refit, toys.data)
    assert "garment.test_opened" not in tags(run, refit)
    assert not TrackedRun(run.store, refit.run_id).client.list_artifacts(refit.run_id, "test")


def test_other_classes_are_refused_by_name(toys, run):
    refit = toys.world.refit(Toy("of other classes"))
    renamed = SplitDataset(replace(toy_dataset(), class_names=("coat", "shirt", "bag")), toys.data.split)
    with pytest.raises(UserError, match=r"\['top', 'middle', 'bottom'\].*\['coat', 'shirt', 'bag'\]"):
        predictions_on_test(run, refit, renamed)
