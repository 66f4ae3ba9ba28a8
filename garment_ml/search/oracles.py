"""keras-tuner's strategies, made to survive a kill at any moment.

A stock oracle writes its state in place and in several files, so a crash between two writes leaves a cut-off
file, a trial that nobody will run, or a finished one that runs again (keras-tuner 1.4.8, engine/oracle.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.oracles import BayesianOptimizationOracle, HyperbandOracle, RandomSearchOracle

from garment_ml.base.write_aside import write_aside

OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")
ENDED = ("COMPLETED", "FAILED")


class DurableOracle:
    """Mixin: states appear whole or not at all, and a reloaded one agrees with itself."""

    def save(self) -> None:
        write_aside(Path(self._get_oracle_fname()), json.dumps(self.get_state()).encode())

    def _save_trial(self, trial: keras_tuner.engine.trial.Trial) -> None:
        path = Path(self._get_trial_dir(trial.trial_id), "trial.json")
        write_aside(path, json.dumps(trial.get_state()).encode())

    def reload(self) -> None:
        super().reload()
        # Created, but killed before the oracle knew: dropped, and created again from the same seed.
        for trial_id in set(self.trials) - set(self.start_order):
            shutil.rmtree(Path(self._project_dir, f"trial_{trial_id}"))
        # Back in their order, not the folder's: the rows of the Bayesian fit, whose sums depend on it.
        self.trials = {trial_id: self.trials[trial_id] for trial_id in self.start_order}
        # Ended, but killed before it left the list of ongoing trials: not to be run again.
        waiting = dict.fromkeys(self._retry_queue)
        self._retry_queue = [each for each in waiting if self.trials[each].status not in ENDED]
        ended = [each for each in waiting if self.trials[each].status in ENDED]
        self.end_order.extend(each for each in ended if each not in self.end_order)

    def _random_values(self) -> dict[str, Any] | None:
        """The recipe's defaults come first: a search can't end below what it started from unnoticed."""
        if not self.trials:
            return {each.name: each.default for each in self.hyperparameters.space}
        return super()._random_values()


class DurableRandomSearch(DurableOracle, RandomSearchOracle):
    pass


class DurableHyperband(DurableOracle, HyperbandOracle):
    pass


class DurableBayesian(DurableOracle, BayesianOptimizationOracle):
    def populate_space(self, trial_id: str) -> dict[str, Any]:
        # Its random state is not saved; seeded by position, a resumed search goes on as the unbroken one.
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        return super().populate_space(trial_id)


def make_oracle(
    strategy: str, space: keras_tuner.HyperParameters, *, trials: int, epochs: int, seed: int, retries: int
) -> keras_tuner.Oracle:
    """`strategy` is hyperband, bayesian or random; Hyperband too ends after `trials` at the latest."""
    common = {
        "objective": OBJECTIVE,
        "hyperparameters": space,
        "tune_new_entries": False,
        "allow_new_entries": False,
        "seed": seed + 1,  # keras-tuner takes 0 for "none given"
        "max_retries_per_trial": retries,
    }
    if strategy == "hyperband":
        oracle = DurableHyperband(max_epochs=epochs, **common)
        oracle.max_trials = trials
    elif strategy == "bayesian":
        oracle = DurableBayesian(max_trials=trials, num_initial_points=max(3, trials // 4), **common)
    else:
        oracle = DurableRandomSearch(max_trials=trials, **common)
    oracle.verbose = 0
    return oracle
