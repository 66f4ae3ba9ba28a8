"""The search with a real store and real trainings, tiny ones."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from garment_ml.approaches.hyperparameter import Hyperparameter
from garment_ml.base.errors import GarmentError
from garment_ml.search.search import SearchPlan, search
from garment_ml.search.tuner import TRIAL_TAG
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.run import KIND_TAG, PARENT_TAG
from tests.search.tiny import TinyApproach, tiny_task

pytestmark = pytest.mark.usefixtures("store")
HERE = Path(__file__).parent
KILLS = {"random": 8, "hyperband": 7, "bayesian": 7}


def plan(approach, **changes):
    return SearchPlan(
        **{
            "strategy": "random",
            "trials": 3,
            "seed": 1,
            **changes,
            "hyperparameters": changes.get("hyperparameters", approach.hyperparameters()),
        }
    )


def trial_runs(client, experiment_id, search_run):
    query = f"tags.`{PARENT_TAG}` = '{search_run}'"
    return client.search_runs([experiment_id], query, max_results=500)


def run_tiny(task, a_plan, fresh=False):
    with open_run("tests", "search", "experiment", fresh=fresh) as run:
        result = search(run, task, a_plan)
    return result, run.store


@pytest.fixture(scope="module")
def task():
    return tiny_task(epochs=2)


@pytest.mark.slow
def test_each_trial_is_a_finished_nested_run_with_curves_and_hyperparameters(task):
    result, store = run_tiny(task, plan(task.approach))
    runs = trial_runs(store.client, store.experiment_id, result.run_id)
    assert sorted(run.data.tags[TRIAL_TAG] for run in runs) == ["0", "1", "2"]
    best = max(run.data.metrics["validation_accuracy"] for run in runs)
    assert best == result.best_score
    for run in runs:
        assert run.info.status == "FINISHED"
        assert run.data.tags[KIND_TAG] == "trial"
        assert {"learning_rate", "dropout", "batch_size", "seed"} <= run.data.params.keys()
        curve = store.client.get_metric_history(run.info.run_id, "epoch/validation_accuracy")
        assert [point.step for point in sorted(curve, key=lambda point: point.step)] == [0, 1]


@pytest.mark.slow
def test_the_first_trial_is_the_recipes_own(task):
    result, store = run_tiny(task, plan(task.approach, trials=1))
    (run,) = trial_runs(store.client, store.experiment_id, result.run_id)
    assert float(run.data.params["learning_rate"]) == 1e-2
    assert result.default_score == result.best_score


@pytest.mark.slow
def test_a_finished_search_is_not_run_again_and_a_changed_one_does_not_resume_it(task, capsys):
    first, store = run_tiny(task, plan(task.approach, trials=2))
    again, _ = run_tiny(task, plan(task.approach, trials=2))
    assert again == first
    assert "resumed 2 of 2" in capsys.readouterr().out
    changed, _ = run_tiny(task, plan(task.approach, trials=2, seed=2))
    assert changed.run_id != first.run_id
    anew, _ = run_tiny(task, plan(task.approach, trials=2), fresh=True)
    assert anew.run_id != first.run_id
    assert len(trial_runs(store.client, store.experiment_id, anew.run_id)) == 2


@pytest.mark.slow
def test_hyperband_goes_on_from_weights_and_leaves_none_behind(task, isolated):
    longer = tiny_task(epochs=3)
    result, store = run_tiny(longer, plan(task.approach, strategy="hyperband", trials=7))
    runs = trial_runs(store.client, store.experiment_id, result.run_id)
    curves = {
        run.data.tags[TRIAL_TAG]: {
            point.step for point in store.client.get_metric_history(run.info.run_id, "epoch/train_loss")
        }
        for run in runs
    }
    assert {0} in curves.values()  # a first round of one epoch
    assert {1, 2} in curves.values()  # a promoted trial goes on where its predecessor ended
    for run in runs:
        assert run.data.metrics["best_epoch"] in curves[run.data.tags[TRIAL_TAG]]
    assert not list((isolated / "cache").rglob("*.weights.h5"))


class Diverging(TinyApproach):
    """Its loss becomes NaN for a learning rate above 0.5."""

    name = "diverging"

    def hyperparameters(self):
        fixed = super().hyperparameters()[1:]
        return (Hyperparameter("learning_rate", 0.01, choices=(0.01, 1e38)), *fixed)


@pytest.mark.slow
def test_a_diverging_trial_is_recorded_with_its_reason_and_the_search_goes_on():
    task = tiny_task(Diverging(), epochs=1)
    space = (
        Hyperparameter("learning_rate", 1e38, choices=(1e38, 0.01)),
        *task.approach.hyperparameters()[1:],
    )
    result, store = run_tiny(task, plan(task.approach, trials=4, hyperparameters=space))
    assert result.failed >= 1
    assert result.best["learning_rate"] == 0.01
    failed = [
        r for r in trial_runs(store.client, store.experiment_id, result.run_id) if r.info.status == "FAILED"
    ]
    assert len(failed) == result.failed  # a loss that became NaN is not tried a second time
    assert all("the loss became" in run.data.tags["error"] for run in failed)


@pytest.mark.slow
def test_too_many_failures_in_a_row_end_the_search_with_their_reasons():
    task = tiny_task(Diverging(), epochs=1)
    space = (Hyperparameter("learning_rate", 1e38), *task.approach.hyperparameters()[1:])
    with pytest.raises(GarmentError, match=r"trial 0: .*the loss became.*trial 2"):
        run_tiny(task, plan(task.approach, trials=5, hyperparameters=space))


@pytest.fixture(scope="module")
def searches(tmp_path_factory, empty_store):
    """Where they were made, and the results by strategy/undisturbed and strategy/disturbed."""
    folder = tmp_path_factory.mktemp("searches")
    shutil.copy(empty_store, folder / "mlflow.db")
    kills = [f"{strategy}:{count}" for strategy, count in KILLS.items()]
    command = [sys.executable, str(HERE / "search_in_process.py"), str(folder), "1", *kills]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("strategy", KILLS)
def test_kills_at_random_points_of_the_work_lose_and_repeat_nothing(strategy, searches):
    folder, results = searches
    undisturbed, disturbed = results[f"{strategy}/undisturbed"], results[f"{strategy}/disturbed"]
    assert disturbed["killed"] == KILLS[strategy]
    for key in ("best", "best_score", "completed"):
        assert disturbed[key] == undisturbed[key]
    runs = stored_runs(folder / strategy / "disturbed", disturbed["run_id"])
    finished = [run.data.tags[TRIAL_TAG] for run in runs if run.info.status == "FINISHED"]
    assert sorted(finished) == sorted({run.data.tags[TRIAL_TAG] for run in runs})
    assert len(finished) == disturbed["completed"]
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}


def stored_runs(folder: Path, search_run: str) -> list:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_run(search_run).info.experiment_id
    return trial_runs(client, experiment, search_run)


@pytest.mark.slow
def test_no_trial_has_the_seed_of_a_refit(task):
    """With seed 0, too, whose refits have the seeds 0, 1, 2 and so on."""
    result, store = run_tiny(task, plan(task.approach, trials=1, seed=0))
    (run,) = trial_runs(store.client, store.experiment_id, result.run_id)
    assert int(run.data.params["seed"]) > 1000
