"""The suite on real pictures, cut small: three approaches, their vote, an interruption, the gate, a champion.

On a tracking server, where most can go wrong; tests/end_to_end/test_stores.py has the other kinds of store.
"""

import json
from types import SimpleNamespace

import pytest

from experiments import ensemble, profiles, suite
from garment_ml.registry.versions import CHAMPION
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.refit_record import MEMBERS_TAG
from garment_ml.tracking.run import KIND_TAG, PARENT_TAG
from garment_ml.tracking.store import open_store

pytestmark = pytest.mark.slow
SMALL = profiles.Effort(trials=2, strategy="random", epochs=1, refits=2, finalists=0)
SETTINGS = suite.Settings(
    data="sample",
    experiment="suite",
    name="of-the-suite",
    train_pictures=500,
    weights="none",
    architecture="dropout",
    lowest_recall=0.0,  # one epoch on 500 pictures makes no good model; the gate has tests of its own
    highest_calibration_error=1.0,
    longest_latency=10_000.0,
)


@pytest.fixture(scope="module")
def history(tmp_path_factory, tracking_server):
    """The suite interrupted before the test set is opened, the same command again, and one for its vote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_server)
        patch.setenv("GARMENT_ML_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(
            profiles.PROFILES,
            "quick",
            profiles.Profile(0, dict.fromkeys(profiles.PROFILES["quick"].efforts, SMALL)),
        )
        store = open_store(SETTINGS.experiment)
        with patch.context() as closed, pytest.raises(KeyboardInterrupt):
            closed.setattr("garment_ml.data.split_dataset.SplitDataset.open_test_set", _interrupt)
            suite.run(SETTINGS)
        before = all_runs(store)
        suite.run(SETTINGS)
        ensemble.run(ensemble.Settings(experiment=SETTINGS.experiment))
        yield SimpleNamespace(store=store, before=before, after=all_runs(store))


def _interrupt(*arguments):
    raise KeyboardInterrupt("the test set is about to be opened")


def all_runs(store):
    return store.client.search_runs([store.experiment_id], max_results=1000)


def of_kind(runs, kind):
    return [run for run in runs if run.data.tags.get(KIND_TAG) == kind]


def test_searching_and_refitting_never_touch_the_test_set(history):
    assert len(of_kind(history.before, "refit")) == 8
    for run in history.before:
        assert "garment.test_opened" not in run.data.tags
        assert not [name for name in run.data.metrics if name.startswith("test_")]


def test_the_interrupted_suite_is_killed_and_the_same_command_goes_on_with_it(history):
    (before,), (after,) = of_kind(history.before, "suite"), of_kind(history.after, "suite")
    assert before.info.run_id == after.info.run_id
    assert (before.info.status, after.info.status) == ("KILLED", "FINISHED")


def test_nothing_that_was_finished_is_done_again(history):
    for kind, count in (("search", 3), ("trial", 6), ("refit", 8)):
        ids = {run.info.run_id for run in of_kind(history.before, kind)}
        assert ids == {run.info.run_id for run in of_kind(history.after, kind)}
        assert len(ids) == count


def test_each_finalist_was_scored_on_test_once(history):
    for run in of_kind(history.after, "refit"):
        assert run.data.tags["garment.test_opened"]
        assert len(history.store.client.get_metric_history(run.info.run_id, "test_accuracy")) == 1


def test_the_refits_of_each_seed_vote_in_a_row_that_is_found_again_by_its_own_command(history):
    refits = {run.info.run_id: run for run in of_kind(history.after, "refit")}
    votes = [run for run in refits.values() if MEMBERS_TAG in run.data.tags]
    assert sorted(run.data.params["seed"] for run in votes) == ["1", "2"]
    for run in votes:
        members = [refits[run_id] for run_id in json.loads(run.data.tags[MEMBERS_TAG])]
        assert {each.data.params["approach"] for each in members} == profiles.PROFILES["quick"].efforts.keys()
        assert {each.data.params["seed"] for each in members} == {run.data.params["seed"]}
        weights = [value for name, value in run.data.metrics.items() if name.startswith("weight.")]
        assert len(weights) == 3 and min(weights) >= 0
        assert run.data.metrics["test_largest_difference_as_served"] < 0.01
    (asked,) = of_kind(history.after, "ensemble")
    assert asked.info.status == "FINISHED"
    assert not [run for run in history.after if run.data.tags.get(PARENT_TAG) == asked.info.run_id]


def test_the_best_by_validation_is_champion_and_has_its_card(history):
    client = history.store.client
    champion = client.get_model_version_by_alias(SETTINGS.name, CHAMPION)
    groups = {}
    for run in of_kind(history.after, "refit"):
        groups.setdefault(run.data.params["approach"], []).append(run)
    best = max(groups.values(), key=lambda runs: sum(run.data.metrics["validation_accuracy"] for run in runs))
    assert champion.run_id in {run.info.run_id for run in best}
    assert "split" in champion.description


def test_every_run_records_where_it_came_from(history):
    for run in of_kind(history.after, "refit") + of_kind(history.after, "search"):
        tags = run.data.tags
        assert {"garment.dataset_digest", "garment.split_digest", "version.keras", "hardware"} <= tags.keys()
        assert run.data.params["seed"]
    for run in of_kind(history.after, "refit"):
        assert run.data.metrics["trainable_parameters"] > 0


def test_a_run_of_mlflow_projects_is_joined_and_not_replaced(isolated, store, monkeypatch):
    opened = open_store("elsewhere")
    given = opened.client.create_run(opened.experiment_id, run_name="by mlflow run")
    opened.client.log_param(given.info.run_id, "epochs", "1e0")
    monkeypatch.setenv("MLFLOW_RUN_ID", given.info.run_id)
    with open_run("garments", "ours", "refit") as run:
        run.log_parameters({"epochs": 1, "seed": 3})
    found = opened.client.get_run(given.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"epochs": "1e0", "seed": "3"}
