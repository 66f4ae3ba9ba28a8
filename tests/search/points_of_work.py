"""Points of a search's work at which its process can be killed: the same on a fast machine and a slow one.

One lies before and one after each MLflow write and each file that is put in place. An epoch's end is among
them, as its curves are written then.
"""

import functools
import math
import os
import random
import signal
import threading
from collections.abc import Callable
from typing import Any

from mlflow import MlflowClient

from garment_ml.search.tuner import TrackedTuner

# The trial in hand, counted from 1 (0 while the search opens), and how many points it has passed since.
Point = tuple[float, int]
END: Point = (math.inf, 0)
WRITES = ("create_run", "log_batch", "log_figure", "set_tag", "delete_tag", "set_terminated")


class PointsOfWork:
    """Those that this process has passed; at the first one that is not before `kill_at` it dies."""

    def __init__(self, kill_at: Point | None) -> None:
        self.kill_at, self.passed = kill_at, []
        self._trial, self._number = 0, 0

    def watch(self) -> None:
        """From now on, and for good: meant for a process that does nothing else."""
        for name in WRITES:
            setattr(MlflowClient, name, self._between_points(getattr(MlflowClient, name)))
        os.replace = self._between_points(os.replace)
        TrackedTuner.on_trial_begin = self._beginning_a_trial(TrackedTuner.on_trial_begin)

    def end(self) -> None:
        """The last point, to which every search comes: a kill that was asked for falls here at the latest."""
        self._pass(END)

    def _between_points(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            # MLflow's own threads write at times of the clock
            if threading.current_thread() is not threading.main_thread():
                return function(*arguments, **named)
            self._pass_next()
            value = function(*arguments, **named)
            self._pass_next()
            return value

        return wrapped

    def _beginning_a_trial(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapped(tuner: TrackedTuner, trial: Any) -> None:
            self._trial, self._number = 1 + int(trial.trial_id), 0
            function(tuner, trial)

        return wrapped

    def _pass_next(self) -> None:
        self._pass((self._trial, self._number))
        self._number += 1

    def _pass(self, point: Point) -> None:
        if self.kill_at is not None and point >= self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed.append(point)


def kill_points(points: list[Point], kills: int, seed: str) -> list[Point]:
    """Random ones in the order of the work, some of them while a killed search opens again."""
    chance = random.Random(seed)
    while_opening = kills // 4
    chosen = sorted(chance.sample(points, kills - while_opening))
    for point in chance.sample([each for each in points if each[0] == 0], while_opening):
        chosen.insert(chance.randint(1, len(chosen)), point)
    return chosen
