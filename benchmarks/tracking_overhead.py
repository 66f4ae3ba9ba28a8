"""What tracking and the search's bookkeeping cost: the same trials inside a search and bare, in one process.

    python -m benchmarks.tracking_overhead

Prints the share of a search's wall time that is not training; the aim is at most 3 % where a trial takes
half a minute or more. The first training of a process pays for TensorFlow's start, so one is thrown away.
"""

import os
import tempfile
import time
from typing import Any
from unittest.mock import patch

import click

from benchmarks.result import say_result

TRIALS, EPOCHS = 4, 3


@click.command()
@click.option("--epochs", default=EPOCHS, show_default=True, help="per trial")
@click.option("--data", default="fashion-mnist", show_default=True)
@click.option("--train-pictures", default=12_000, show_default=True)
def main(epochs: int, data: str, train_pictures: int) -> None:
    from garment_ml.base.terminal import quieten

    quieten()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ["GARMENT_ML_CACHE"] = folder
        searched, bare = measure(data, train_pictures, epochs)
    share = (searched - bare) / searched
    took = f"{searched:.1f} s in a search, {bare:.1f} s bare"
    say_result([f"{TRIALS} trials of {epochs} epochs: {took}: {share:.1%} on top"])


def measure(data: str, train_pictures: int, epochs: int) -> tuple[float, float]:
    """Seconds for the search and for the same trainings without it, in turns, trial by trial."""
    from garment_ml.approaches.catalogue import make_approach
    from garment_ml.approaches.hyperparameter import default_values
    from garment_ml.approaches.training import train
    from garment_ml.search.search import SearchPlan, search
    from garment_ml.search.task import Task
    from garment_ml.search.trial_training import TrialTraining
    from garment_ml.studies.load import load_data
    from garment_ml.studies.settings import DataSettings
    from garment_ml.tracking.opening import open_run

    loaded = load_data(DataSettings(data=data, train_pictures=train_pictures))
    approach = make_approach("scratch_cnn", {"architecture": "dropout"}, loaded)
    task = Task.prepare(approach, loaded, epochs)
    values = default_values(approach.hyperparameters())
    train(approach, values, task.inputs, task.budget, seed=0)
    bare = 0.0
    inside = TrialTraining.__call__

    def after_a_bare_one(self: TrialTraining, trial: Any, run: Any) -> dict[str, float]:
        nonlocal bare
        started = time.monotonic()
        given = {**values, **trial.hyperparameters.values}
        train(approach, given, task.inputs, task.budget, seed=int(trial.trial_id))
        bare += time.monotonic() - started
        return inside(self, trial, run)

    both = patch.object(TrialTraining, "__call__", after_a_bare_one)
    with both, open_run("overhead", "overhead", "experiment") as run:
        started = time.monotonic()
        search(run, task, SearchPlan("random", TRIALS, 1, approach.hyperparameters()))
        searched = time.monotonic() - started - bare
    return searched, bare


if __name__ == "__main__":
    main()
