"""Hyperband with simulated trials, and one real search."""

import math

import keras_tuner
import pytest

from garment_ml.search.brackets import plan_brackets
from garment_ml.search.oracles import make_oracle
from garment_ml.search.search import SearchPlan, search
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.run import PARENT_TAG
from tests.search.tiny import tiny_task

DEFAULTS = {"dropout": 0.1, "learning_rate": 1e-2}


@pytest.fixture
def make(tmp_path):
    def make(trials, epochs, choices=()):
        space = keras_tuner.HyperParameters()
        if choices:
            space.Choice("dropout", choices, default=choices[0])
        else:
            space.Float("dropout", 0.0, 0.5, default=DEFAULTS["dropout"])
            space.Float("learning_rate", 1e-4, 1.0, sampling="log", default=DEFAULTS["learning_rate"])
        oracle = make_oracle("hyperband", space, trials=trials, epochs=epochs, seed=1, retries=1)
        oracle._set_project_dir(tmp_path, "search")
        # Three failures in a row end a search; here any number may fail.
        oracle.max_consecutive_failed_trials = math.inf
        return oracle

    return make


def accuracy(values):
    rate = values.get("learning_rate", 1e-2)
    return 1 - (values["dropout"] - 0.2) ** 2 - 0.1 * (math.log10(rate) + 1.5) ** 2


def run_trials(oracle, count=10_000, fails=()):
    """Until the oracle stops, or `count` are done; those whose ids `fails` holds fail."""
    for _ in range(count):
        trial = oracle.create_trial("tuner0")
        if trial.status == "STOPPED":
            return
        assert trial.status == "RUNNING"
        failed = int(trial.trial_id) in fails
        if not failed:
            oracle.update_trial(trial.trial_id, {"score": accuracy(trial.hyperparameters.values)})
        trial.status = "FAILED" if failed else "COMPLETED"
        oracle.end_trial(trial)


def of_round(oracle, bracket, number):
    place = {"tuner/bracket": bracket, "tuner/round": number}
    return [t for t in oracle.trials.values() if place.items() <= t.hyperparameters.values.items()]


def tried(oracle):
    return {trial_id: trial.hyperparameters.values for trial_id, trial in oracle.trials.items()}


@pytest.mark.parametrize(("trials", "epochs"), [(4, 2), (5, 3), (6, 15), (12, 15), (20, 8), (53, 40)])
def test_the_better_ones_of_a_round_go_on_to_all_epochs(make, trials, epochs):
    oracle = make(trials, epochs)
    run_trials(oracle)
    assert len(oracle.trials) == trials
    for number, bracket in enumerate(plan_brackets(trials, epochs)):
        for step, planned in enumerate(bracket):
            here = of_round(oracle, number, step)
            assert len(here) == planned.trials
            assert {t.hyperparameters.values["tuner/epochs"] for t in here} == {planned.epochs}
            if step:
                before = sorted(of_round(oracle, number, step - 1), key=lambda t: -t.score)
                sources = [t.hyperparameters.values["tuner/trial_id"] for t in here]
                assert sources == [t.trial_id for t in before[: planned.trials]]
                for trial, source in zip(here, before, strict=False):
                    values, earlier = trial.hyperparameters.values, source.hyperparameters.values
                    assert values["tuner/initial_epoch"] == earlier["tuner/epochs"]
                    assert [values[name] for name in DEFAULTS] == [earlier[name] for name in DEFAULTS]
    settings = {tuple(values[name] for name in DEFAULTS) for values in tried(oracle).values()}
    begun = [v for v in tried(oracle).values() if v["tuner/round"] == 0]
    assert len(settings) == len(begun)  # none is drawn twice


def test_the_recipes_own_are_tried_first(make):
    oracle = make(12, 15)
    run_trials(oracle, 1)
    assert DEFAULTS.items() <= tried(oracle)["00"].items()


def test_a_reloaded_one_goes_on_as_the_unbroken_one(make, tmp_path):
    unbroken = make(30, 15)
    unbroken._set_project_dir(tmp_path, "unbroken")
    run_trials(unbroken)
    for done in (1, 11, 12, 14, 17, 25):
        first, second = make(30, 15), make(30, 15)
        for each in (first, second):
            each._set_project_dir(tmp_path, f"broken after {done}")
        run_trials(first, done)
        killed = first.create_trial("tuner0")  # begun, and never ended
        second.reload()
        assert second.create_trial("tuner0").trial_id == killed.trial_id
        run_trials(second)
        assert tried(second) == tried(unbroken)


def test_failures_cost_places_but_not_the_last_round(make):
    oracle = make(12, 15)
    run_trials(oracle, fails=range(5))  # of six, one is left
    (survivor,) = of_round(oracle, 0, 1)
    assert survivor.hyperparameters.values["tuner/trial_id"] == "05"
    assert len(of_round(oracle, 1, 0)) == 4


def test_a_small_space_is_halved_all_the_same(make):
    oracle = make(12, 15, choices=[0.0, 0.1, 0.2])
    run_trials(oracle)
    assert len(of_round(oracle, 0, 0)) == 3
    assert [t.hyperparameters.values["dropout"] for t in of_round(oracle, 0, 1)] == [0.2, 0.1]


def test_weights_are_kept_while_a_bracket_goes_on(make):
    oracle = make(6, 15)
    run_trials(oracle, 3)
    assert oracle.awaited() == {"0", "1", "2"}
    run_trials(oracle, 1)
    assert oracle.awaited() == set()


@pytest.mark.slow
def test_a_real_search_halves_and_records_its_plan(store, isolated):
    task = tiny_task(epochs=3)
    plan = SearchPlan("hyperband", 5, 1, task.approach.hyperparameters())
    with open_run("tests", "search", "experiment") as run:
        result = search(run, task, plan)
    client = run.store.client
    query = f"tags.`{PARENT_TAG}` = '{result.run_id}'"
    runs = client.search_runs([run.store.experiment_id], query)
    curves = sorted(
        sorted(point.step for point in client.get_metric_history(each.info.run_id, "epoch/train_loss"))
        for each in runs
    )
    assert curves == [[0], [0], [0], [0, 1, 2], [1, 2]]
    assert not list((isolated / "cache").rglob("*.weights.h5"))
    recorded = client.get_run(result.run_id).data.params
    assert recorded["brackets"] == "3 to epoch 1, 1 to epoch 3; 1 to epoch 3"
    assert recorded["space.batch_size"] == "64"
    assert recorded["space.learning_rate"] == "0.001:1.0"
