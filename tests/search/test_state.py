"""What is on the run is enough to go on: from another machine, with an emptied cache, after a damage."""

import shutil

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError
from garment_ml.search.search import SearchPlan, search
from garment_ml.search.tuner import TRIAL_TAG, TrackedTuner
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.run import PARENT_TAG
from tests.search.tiny import tiny_task

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("store")]
TRIALS = 3


@pytest.fixture(scope="module")
def task():
    return tiny_task(epochs=1)


@pytest.fixture
def where(isolated):
    """The searches in this machine's cache."""
    return isolated / "cache" / "searches"


def run_search(task, name, strategy="random"):
    plan = SearchPlan(strategy, TRIALS, 1, task.approach.hyperparameters())
    with open_run("states", name, "experiment") as run:
        return search(run, task, plan), run


def trials(run, result):
    found = run.find(f"tags.`{PARENT_TAG}` = '{result.run_id}'")
    return sorted((each.data.tags[TRIAL_TAG], each.info.status) for each in found)


ALL = [(str(number), "FINISHED") for number in range(TRIALS)]


def test_a_finished_search_is_found_with_an_empty_cache_and_its_run_is_left_alone(
    task, where, request, tracking_server, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_server)
    first, run = run_search(task, request.node.name)
    before = run.client.get_run(first.run_id)
    shutil.rmtree(where)
    again, other = run_search(task, request.node.name)
    assert again == first
    assert trials(run, first) == ALL
    after = run.client.get_run(first.run_id)
    assert after.data.tags == before.data.tags and after.data.tags[PARENT_TAG] == run.run_id != other.run_id
    assert after.info.end_time == before.info.end_time


def test_an_interrupted_search_goes_on_where_another_machine_left_it(task, where, request, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_in(patch, trial=1)
        run_search(task, request.node.name)
    shutil.rmtree(where)
    result, run = run_search(task, request.node.name)
    assert trials(run, result) == sorted([*ALL, ("1", "KILLED")])


def interrupt_in(patch, trial):
    run_trial = TrackedTuner.run_trial

    def interrupted(tuner, given):
        if int(given.trial_id) == trial:
            raise KeyboardInterrupt
        return run_trial(tuner, given)

    patch.setattr(TrackedTuner, "run_trial", interrupted)


@pytest.mark.parametrize(
    ("damaged", "content"),
    [("oracle.json", ""), ("oracle.json", "{}"), ("trial_1/trial.json", ""), ("trial_1/trial.json", None)],
)
def test_a_damaged_state_is_set_aside_and_the_runs_is_taken(
    task, where, request, monkeypatch, capsys, damaged, content
):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt_in(patch, trial=2)
        run_search(task, request.node.name)
    (directory,) = (path for path in where.iterdir() if path.is_dir())
    if content is None:
        (directory / damaged).unlink()
    else:
        (directory / damaged).write_text(content)
    result, run = run_search(task, request.node.name)
    assert trials(run, result) == sorted([*ALL, ("2", "KILLED")])
    assert "was damaged; it is set aside in" in capsys.readouterr().out
    assert list(where.glob("*.damaged.*/*/oracle.json"))


def test_a_promoted_trial_begins_anew_where_the_weights_are_not(where, request, monkeypatch):
    task, trials_planned = tiny_task(epochs=3), 7
    plan = SearchPlan("hyperband", trials_planned, 1, task.approach.hyperparameters())
    with open_run("states", request.node.name, "experiment") as run:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            promoted = first_promoted(patch)
            search(run, task, plan)
        shutil.rmtree(where)
        result = search(run, task, plan)
    assert promoted and result.completed == trials_planned
    (finished,) = (
        each
        for each in run.find(f"tags.`{TRIAL_TAG}` = '{promoted[0]}' and attributes.status = 'FINISHED'")
        if each.data.tags[PARENT_TAG] == result.run_id
    )
    curve = run.client.get_metric_history(finished.info.run_id, "epoch/train_loss")
    assert min(point.step for point in curve) == 0


def first_promoted(patch):
    """Interrupts the first trial that goes on from another; gives its id."""
    run_trial, found = TrackedTuner.run_trial, []

    def interrupted(tuner, given):
        if "tuner/trial_id" in given.hyperparameters.values:
            found.append(given.trial_id)
            raise KeyboardInterrupt
        return run_trial(tuner, given)

    patch.setattr(TrackedTuner, "run_trial", interrupted)
    return found


def test_an_outage_of_the_store_ends_the_search_and_spends_no_trial(task, request, where, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(GarmentError, match="store doesn't answer: gone"):
        run_trial, log_batch = TrackedTuner.run_trial, MlflowClient.log_batch

        def unreachable(tuner, trial):
            if trial.trial_id == "1":
                patch.setattr(MlflowClient, "log_batch", gone)
            try:
                return run_trial(tuner, trial)
            finally:
                patch.setattr(MlflowClient, "log_batch", log_batch)

        patch.setattr(TrackedTuner, "run_trial", unreachable)
        run_search(task, request.node.name)
    result, run = run_search(task, request.node.name)
    assert (result.completed, result.failed) == (TRIALS, 0)
    assert trials(run, result) == sorted([*ALL, ("1", "FAILED")])


def gone(*given, **named):
    raise MlflowException("gone")
