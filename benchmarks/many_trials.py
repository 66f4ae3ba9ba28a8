"""Whether memory and disk stay flat over a long search: the same small trial, a hundred times.

    python -m benchmarks.many_trials

Prints resident memory and the search's files after a tenth of the trials and after all of them. Exits with 1
when memory has grown by more than a tenth or a trial has left more than its record behind.
"""

import os
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import psutil

from benchmarks.result import say_result

LARGEST_GROWTH = 1.1
LARGEST_RECORD = 4_096  # bytes of the oracle's file about one trial


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--trials", type=click.IntRange(min=20), default=100, show_default=True)
def main(trials: int) -> None:
    from garment_ml.base.terminal import quieten

    quieten()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        os.environ["GARMENT_ML_CACHE"] = folder
        early, late = measure(trials, Path(folder))
    say_result(
        f"after {count:3} trials: {megabytes:.0f} MB of memory, {kilobytes:.0f} kB of search files"
        for count, (megabytes, kilobytes) in ((trials // 10, early), (trials, late))
    )
    grown = late[0] > LARGEST_GROWTH * early[0]
    if grown or late[1] * 1024 > trials * LARGEST_RECORD:
        raise click.ClickException("memory or disk grows with the number of trials")


def measure(trials: int, folder: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """(MB of memory, kB of search files), after a tenth of the trials and after all."""
    from garment_ml.approaches.catalogue import make_approach
    from garment_ml.search.search import SearchPlan, search
    from garment_ml.search.task import Task
    from garment_ml.search.trial_training import TrialTraining
    from garment_ml.studies.load import load_data
    from garment_ml.studies.settings import DataSettings
    from garment_ml.tracking.opening import open_run

    data = load_data(DataSettings(data="sample", train_pictures=200))
    approach = make_approach("scratch_cnn", {"architecture": "dropout"}, data)
    measured = []
    remove_checkpoints = TrialTraining.remove_checkpoints

    def after_trial(self: TrialTraining, oracle: Any, finished: bool = False) -> None:
        remove_checkpoints(self, oracle, finished)
        files = sum(path.stat().st_size for path in (folder / "searches").rglob("*") if path.is_file())
        measured.append((psutil.Process().memory_info().rss / 2**20, files / 1024))

    measuring = patch.object(TrialTraining, "remove_checkpoints", after_trial)
    with measuring, open_run("many-trials", "many trials", "experiment") as run:
        task = Task.prepare(approach, data, epochs=1)
        search(run, task, SearchPlan("random", trials, 1, approach.hyperparameters()))
    return measured[trials // 10 - 1], measured[-1]


if __name__ == "__main__":
    main()
