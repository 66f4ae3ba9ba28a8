import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from garment_ml.tracking.epochs import EpochLogger
from garment_ml.tracking.opening import Terminated, open_run
from garment_ml.tracking.run import KIND_TAG, PARENT_TAG
from garment_ml.tracking.store import open_store

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("store")


def stored(run):
    return run.client.get_run(run.run_id)


def test_a_run_that_ends_well_is_finished_and_says_what_it_is():
    import mlflow

    with open_run("garments", "a name", "refit") as run:
        assert mlflow.active_run().info.run_id == run.run_id
        assert stored(run).info.status == "RUNNING"
    assert mlflow.active_run() is None
    ended = stored(run)
    assert ended.info.status == "FINISHED" and ended.info.run_name == "a name"
    assert ended.info.experiment_id == open_store("garments").experiment_id
    assert ended.data.tags[KIND_TAG] == "refit" and "error" not in ended.data.tags


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ValueError("no such thing"), "FAILED", "ValueError: no such thing"),
        (SystemExit(3), "FAILED", "SystemExit: 3"),
        (KeyboardInterrupt(), "KILLED", "KeyboardInterrupt: "),
    ],
)
def test_a_run_that_ends_badly_says_why_and_keeps_what_it_had(error, status, reason):
    with pytest.raises(type(error)), open_run("garments", "name", "refit") as run:
        run.log_metrics({"loss": 0.5})
        raise error
    ended = stored(run)
    assert (ended.info.status, ended.data.tags["error"]) == (status, reason)
    assert ended.data.metrics["loss"] == 0.5


def test_sigterm_is_an_interrupt_inside_the_run_only():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), open_run("garments", "name", "refit") as run:
        signal.raise_signal(signal.SIGTERM)
    assert stored(run).info.status == "KILLED"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_run_outside_the_main_thread_leaves_signals_alone():
    statuses = []

    def work():
        with open_run("garments", "name", "refit") as run:
            pass
        statuses.append(stored(run).info.status)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert statuses == ["FINISHED"]


TERMINATED = textwrap.dedent(
    """
    import sys, time
    sys.path.insert(0, sys.argv[1])
    from garment_ml.tracking.opening import open_run

    with open_run("garments", "parent", "experiment") as run, run.child("child", "refit") as child:
        run.log_parameters({"width": 32})
        for step in range(20):
            child.log_metrics({"loss": 1 - step / 20}, step=step, wait=False)
        print(run.run_id, child.run_id, flush=True)
        while True:  # as training does: a signal that comes just before one long wait would not end it
            time.sleep(0.05)
    """
)


@pytest.mark.slow
def test_sigterm_ends_open_runs_as_killed_and_keeps_what_was_queued():
    command = [sys.executable, "-c", TERMINATED, str(ROOT)]
    # so that the values are still queued when the signal comes, on a slow machine too
    environment = {**os.environ, "MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS": "600"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    run_ids = process.stdout.readline().split()
    process.send_signal(signal.SIGTERM)
    _, messages = process.communicate(timeout=600)
    assert process.returncode != 0
    client = open_store("garments").client
    assert len(run_ids) == 2, messages
    parent, child = map(client.get_run, run_ids)
    for run in (parent, child):
        assert (run.info.status, run.data.tags["error"]) == ("KILLED", "Terminated: SIGTERM")
    assert parent.data.params == {"width": "32"}
    curve = client.get_metric_history(child.info.run_id, "loss")
    assert {point.step: point.value for point in curve} == {step: 1 - step / 20 for step in range(20)}


def test_the_run_of_mlflow_run_is_joined_in_its_own_experiment(monkeypatch):
    theirs = open_store("theirs")
    started = theirs.client.create_run(theirs.experiment_id, run_name="theirs").info.run_id
    theirs.client.log_param(started, "learning_rate", "1e-3")
    monkeypatch.setenv("MLFLOW_RUN_ID", started)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", theirs.experiment_id)
    with open_run("ours", "ours", "refit") as run:
        assert run.run_id == started and "MLFLOW_RUN_ID" not in os.environ
        run.log_parameters({"learning_rate": 0.001, "width": 32})
        with run.child("child", "refit") as child:
            assert child.run_id != started
    ended = stored(run)
    assert ended.data.params == {"learning_rate": "1e-3", "width": "32"}
    assert (ended.info.status, ended.info.run_name) == ("FINISHED", "theirs")
    assert stored(child).info.experiment_id == theirs.experiment_id
    assert theirs.client.get_experiment_by_name("ours") is None
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    with open_run("ours", "ours", "refit") as another:
        assert another.run_id != started


def test_a_child_is_nested_active_and_ends_with_its_own_status():
    import mlflow

    with open_run("garments", "parent", "experiment") as parent:
        with pytest.raises(ValueError), parent.child("failing", "trial", {"garment.key": "k"}) as failing:
            assert mlflow.active_run().info.run_id == failing.run_id
            raise ValueError("only this one")
        assert mlflow.active_run().info.run_id == parent.run_id
        with parent.child("going on", "trial", again=failing.run_id) as again:
            assert again.run_id == failing.run_id
        with parent.child("failing too", "trial") as other, pytest.raises(ValueError):
            raise ValueError("caught inside")
    assert stored(parent).info.status == stored(again).info.status == stored(other).info.status == "FINISHED"
    assert "error" not in stored(parent).data.tags
    tags = stored(failing).data.tags
    assert (tags[PARENT_TAG], tags[KIND_TAG], tags["garment.key"]) == (parent.run_id, "trial", "k")
    assert stored(failing).info.run_name == "failing"
    (found,) = parent.find("tags.`garment.key` = 'k'")
    assert found.info.run_id == failing.run_id


def test_a_failed_child_is_failed_though_its_parent_goes_on():
    with open_run("garments", "parent", "experiment") as parent:
        with pytest.raises(ValueError), parent.child("failing", "trial") as failing:
            raise ValueError("only this one")
        with pytest.raises(KeyboardInterrupt), parent.child("interrupted", "trial") as interrupted:
            raise KeyboardInterrupt
    statuses = [stored(run).info.status for run in (parent, failing, interrupted)]
    assert statuses == ["FINISHED", "FAILED", "KILLED"]
    assert stored(failing).data.tags["error"] == "ValueError: only this one"


def test_a_run_gone_on_with_loses_the_error_that_it_ended_with():
    with pytest.raises(KeyboardInterrupt), open_run("garments", "name", "experiment", "k") as first:
        raise KeyboardInterrupt
    with open_run("garments", "name", "experiment", "other") as other:
        assert other.run_id != first.run_id and not other.resumed
    with open_run("garments", "name", "experiment", "k") as again:
        assert again.run_id == first.run_id and again.resumed
    assert stored(again).info.status == "FINISHED" and "error" not in stored(again).data.tags
    with open_run("garments", "name", "experiment", "k") as another:
        assert another.run_id != first.run_id


def test_a_second_interruption_while_the_first_is_recorded_leaves_nothing_finished(monkeypatch):
    def interrupted(run, tags):
        raise KeyboardInterrupt("again")

    with (
        pytest.raises(KeyboardInterrupt, match="again"),
        open_run("garments", "parent", "experiment") as parent,
        parent.child("child", "refit") as child,
    ):
        monkeypatch.setattr(type(parent), "set_tags", interrupted)
        raise KeyboardInterrupt("first")
    assert (stored(parent).info.status, stored(child).info.status) == ("KILLED", "KILLED")


def test_a_run_whose_process_vanished_is_closed_as_killed():
    with open_run("garments", "parent", "experiment") as parent:
        left = parent.client.create_run(parent.store.experiment_id).info.run_id
        parent.close_left_open(parent.client.get_run(left))
        with parent.child("finished", "trial") as finished:
            pass
        parent.close_left_open(stored(finished))
    closed = parent.client.get_run(left)
    assert closed.info.status == "KILLED" and closed.data.tags["error"].startswith("interrupted")
    assert stored(finished).info.status == "FINISHED"


def test_more_parameters_than_mlflow_takes_at_once():
    values = {f"parameter_{index}": index for index in range(250)}
    with open_run("garments", "name", "refit") as run:
        run.log_parameters(values)
        run.log_parameters({**values, "parameter_0": "changed", "late": None})
    assert stored(run).data.params == {**{name: str(value) for name, value in values.items()}, "late": "None"}


def test_curves_have_one_set_of_names_and_a_step_per_epoch():
    with open_run("garments", "name", "refit") as run:
        log_epoch = EpochLogger(run)
        with run.child("child", "refit"):
            pass  # the end of a run flushes the queue; it must take more afterwards
        for epoch in range(3):
            log_epoch(epoch, {"accuracy": 0.1 * epoch, "val_loss": 1.0, "learning_rate": 0.01, "unknown": 1})
    curve = run.client.get_metric_history(run.run_id, "epoch/train_accuracy")
    assert sorted((point.step, point.value) for point in curve) == [(0, 0.0), (1, 0.1), (2, 0.2)]
    names = {name for name in stored(run).data.metrics if name.startswith("epoch/")}
    assert names == {f"epoch/{x}" for x in ("train_accuracy", "validation_loss", "learning_rate", "seconds")}


def test_long_tags_are_cut_to_what_mlflow_takes():
    with open_run("garments", "name", "refit") as run:
        run.set_tags({"long": "x" * 9000})
    assert stored(run).data.tags["long"] == "x" * 5000
