"""An AutoKeras search until time is up, in the environment that autokeras_environment has made for it."""

import tempfile
from collections.abc import Callable
from typing import Any

import keras

from benchmarks.contenders.best_so_far import BestSoFar
from benchmarks.contenders.task import Task, time_limit


def compete(make: Callable[[str], Any]) -> None:
    """`make` gives a model to search for, which keeps its files in a folder."""
    task, best = Task.of_command_line(), BestSoFar()
    accept_numpy_integers()
    pictures, labels = task.train
    with tempfile.TemporaryDirectory() as folder:
        searched = make(folder)
        with time_limit(task.until):
            searched.fit(pictures, labels, validation_data=task.validation, callbacks=[best], verbose=0)
        task.report(best.predict, len(searched.tuner.oracle.trials))


def accept_numpy_integers() -> None:
    """Let a Dense layer have a number of units of any whole kind.

    AutoKeras 3.0.0 gives numpy's, from a shape, and Keras has refused these since: no model would be built.
    """
    original = keras.layers.Dense.__init__

    def init(self: Any, units: Any, *arguments: Any, **keywords: Any) -> None:
        original(self, int(units), *arguments, **keywords)

    keras.layers.Dense.__init__ = init
