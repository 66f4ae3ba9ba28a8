"""What every contender shares, with a toy one that would never end by itself."""

import json
import sys
import time

import numpy as np
import pytest

from benchmarks.contenders.task import Task, TimeIsUp, hand_over, time_limit
from benchmarks.processes import run_process

# Counts rounds until time is up, and swallows every Exception on the way, as keras-tuner does with a trial's.
TOY = """
import numpy as np
from benchmarks.contenders.task import Task, time_limit
task, rounds = Task.of_command_line(), 0
with time_limit(task.until):
    while True:
        try:
            rounds += 1
        except Exception:
            pass
task.report(lambda pictures: np.eye(2)[pictures[:, 0, 0, 0]], rounds)
"""


@pytest.fixture
def pictures(tmp_path):
    """Four to judge: their first pixel tells the class of three."""
    images = np.array([0, 1, 1, 0], np.uint8).reshape(4, 1, 1, 1)
    parts = {"train_pictures": images[:2], "train_labels": np.array([0, 1])}
    parts |= {"validation_pictures": images, "validation_labels": np.array([0, 1, 0, 0])}
    hand_over(tmp_path / "pictures.npz", parts, "sample", 2)
    return tmp_path / "pictures.npz"


def test_a_contender_answers_with_what_it_has_when_time_is_up(pictures):
    command = [sys.executable, "-c", TOY, str(pictures), str(time.time()), "2"]
    ended = run_process(command, limit=60)
    assert ended.code == 0, ended.output
    answer = json.loads(ended.output[-1])
    assert answer["accuracy"] == 0.75
    assert answer["seconds"] >= 2


def test_what_is_handed_over_comes_back(pictures, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["contender", str(pictures), "100", "60"])
    task = Task.of_command_line()
    assert (task.data, task.train_pictures, task.started, task.until) == ("sample", 2, 100, 160)
    assert task.validation[0].shape == (4, 1, 1, 1)
    assert task.train[1].tolist() == [0, 1]


def test_a_budget_that_is_used_up_ends_the_block_at_once():
    with time_limit(time.time() - 1):
        time.sleep(600)


def test_a_block_that_ends_in_time_hears_nothing_after_it():
    with time_limit(time.time() + 0.2):
        pass
    time.sleep(0.3)


def test_an_error_inside_is_not_hidden():
    with pytest.raises(ValueError, match="mine"), time_limit(time.time() + 600):
        raise ValueError("mine")


def test_time_that_is_up_is_no_exception_that_a_search_would_take_for_a_failed_trial():
    assert not issubclass(TimeIsUp, Exception)
