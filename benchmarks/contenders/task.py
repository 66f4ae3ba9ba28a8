"""What every contender is given, how it is stopped in time, and what it answers.

Imported in AutoKeras's environment, too, which has none of this project's packages but numpy and Keras.
"""

import argparse
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

SOONEST = 0.1  # seconds, or it might ring before the block has begun
AGAIN = 5  # seconds until it rings again, should it have rung where Python drops exceptions


class TimeIsUp(BaseException):
    """Not an Exception: keras-tuner would take one for a failed trial and go on."""


@dataclass(frozen=True)
class Task:
    """The pictures, and when time began and will be up, as time.time() counts."""

    train: tuple[np.ndarray, np.ndarray]  # pictures and labels
    validation: tuple[np.ndarray, np.ndarray]
    data: str  # and train_pictures: for ours, which load them by themselves
    train_pictures: int
    started: float
    until: float

    @classmethod
    def of_command_line(cls) -> Self:
        parser = argparse.ArgumentParser()
        parser.add_argument("pictures", type=Path, help="an .npz that hand_over has written")
        parser.add_argument("started", type=float, help="seconds since the epoch")
        parser.add_argument("seconds", type=float, help="of the budget")
        given = parser.parse_args()
        with np.load(given.pictures) as stored:
            train, validation = (
                (stored[f"{part}_pictures"], stored[f"{part}_labels"]) for part in ("train", "validation")
            )
            settings = str(stored["data"]), int(stored["train_pictures_setting"])
        return cls(train, validation, *settings, given.started, given.started + given.seconds)

    def report(self, predict: Callable[[np.ndarray], np.ndarray], trials: int) -> None:
        """Print the answer, judged by what `predict` says of the validation pictures; `trials` were begun.

        Judging is no contender's work, so the seconds are counted before it.
        """
        seconds = time.time() - self.started
        pictures, labels = self.validation
        accuracy = float(np.mean(predict(pictures).argmax(axis=1) == labels))
        answer = {"accuracy": accuracy, "seconds": round(seconds, 1), "trials": trials}
        print("\n" + json.dumps(answer), flush=True)  # a progress bar may have left its line open


def hand_over(path: Path, parts: dict[str, np.ndarray], data: str, train_pictures: int) -> None:
    """Write what a Task is read from; `parts` are train and validation, each `_pictures` and `_labels`."""
    arrays: dict[str, Any] = {**parts, "data": data, "train_pictures_setting": train_pictures}
    np.savez(path, **arrays)


@contextmanager
def time_limit(until: float) -> Iterator[None]:
    """End the block when time.time() is `until`, wherever it then is; no error comes out of that."""

    def ring(*_: Any) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(until - time.time(), SOONEST), AGAIN)
        yield
    except TimeIsUp:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
