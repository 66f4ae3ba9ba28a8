"""keras-tuner's strategies, made to survive a kill at any moment, and a Hyperband for few trials.

A stock oracle writes its state in place and in several files, so a crash between two writes leaves a cut-off
file, a trial that nobody will run, or a finished one that runs again (keras-tuner 1.4.8, engine/oracle.py).
"""

import json
import shutil
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial
from keras_tuner.oracles import BayesianOptimizationOracle, RandomSearchOracle

from garment_ml.base.write_aside import write_aside
from garment_ml.search.brackets import Bracket, plan_brackets
from garment_ml.search.space import model_values

OBJECTIVE = keras_tuner.Objective("score", "max")
ENDED = ("COMPLETED", "FAILED")


class DurableOracle(keras_tuner.Oracle):
    """Mixin: states appear whole or not at all, and a reloaded one agrees with itself."""

    trials: dict[str, Trial]
    _retry_queue: list[str]

    def save(self) -> None:
        write_aside(Path(self._get_oracle_fname()), json.dumps(self.get_state()).encode())

    def _save_trial(self, trial: Trial) -> None:
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

    def awaited(self) -> set[str]:
        """Ids of the trials from whose weights a later one may go on."""
        return set()


class DurableRandomSearch(DurableOracle, RandomSearchOracle):
    pass


class DurableHyperband(DurableOracle, keras_tuner.Oracle):
    """Hyperband over planned brackets; the trials themselves say how far it is, it has no other state.

    keras-tuner's own lets nobody go on where trials failed or the space holds too few settings: here the
    best of those that are there do.
    """

    def __init__(self, brackets: tuple[Bracket, ...], **common: Any) -> None:
        self.brackets = brackets
        super().__init__(**common)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        for number, bracket in enumerate(self.brackets):
            for step in range(len(bracket)):
                values = self._next_values(number, step)
                if values is not None:
                    return {"status": "RUNNING", "values": values}
        return {"status": "IDLE" if self.ongoing_trials else "STOPPED"}

    def awaited(self) -> set[str]:
        waiting = set()
        for number, bracket in enumerate(self.brackets):
            rounds = [self._round(number, step) for step in range(len(bracket))]
            if len(rounds[-1]) < bracket[-1].trials or not all(map(_all_ended, rounds)):
                waiting |= {trial.trial_id for trials in rounds for trial in trials}
        return waiting

    def _next_values(self, number: int, step: int) -> dict[str, Any] | None:
        """Of the next trial of this round; None when it is full, or has nothing to begin with as yet."""
        bracket = self.brackets[number]
        if len(self._round(number, step)) >= bracket[step].trials:
            return None
        place = {"tuner/epochs": bracket[step].epochs, "tuner/bracket": number, "tuner/round": step}
        if step == 0:
            values = self._random_values()
            return values and {**values, **place, "tuner/initial_epoch": 0}
        best = self._next_promoted(number, step)
        if best is None:
            return None
        begun = {"tuner/initial_epoch": bracket[step - 1].epochs, "tuner/trial_id": best.trial_id}
        return {**best.hyperparameters.values, **place, **begun}

    def _next_promoted(self, number: int, step: int) -> Trial | None:
        """The best of the round before that is not in this one; waits for all that may still be better."""
        earlier = [self._round(number, each) for each in range(step)]
        if not all(map(_all_ended, earlier)):
            return None
        promoted = {trial.hyperparameters.values["tuner/trial_id"] for trial in self._round(number, step)}
        left = [each for each in earlier[-1] if each.status == "COMPLETED" and each.trial_id not in promoted]
        return max(left, key=lambda trial: trial.score, default=None)

    def _round(self, number: int, step: int) -> list[Trial]:
        place = {"tuner/bracket": number, "tuner/round": step}
        return [each for each in self.trials.values() if place.items() <= each.hyperparameters.values.items()]

    def _compute_values_hash(self, values: dict[str, Any]) -> str:
        # The same settings are the same, in whatever bracket: or they would be drawn again.
        return super()._compute_values_hash(model_values(values))


def _all_ended(trials: list[Trial]) -> bool:
    return all(trial.status in ENDED for trial in trials)


class DurableBayesian(DurableOracle, BayesianOptimizationOracle):
    def populate_space(self, trial_id: str) -> dict[str, Any]:
        # Its random state is not saved; seeded by position, a resumed search goes on as the unbroken one.
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        return super().populate_space(trial_id)


def make_oracle(
    strategy: str, space: keras_tuner.HyperParameters, *, trials: int, epochs: int, seed: int, retries: int
) -> DurableOracle:
    """`strategy` is hyperband, bayesian or random; UserError for fewer trials than Hyperband needs."""
    common = {
        "objective": OBJECTIVE,
        "max_trials": trials,
        "hyperparameters": space,
        "tune_new_entries": False,
        "allow_new_entries": False,
        "seed": seed + 1,  # keras-tuner takes 0 for "none given"
        "max_retries_per_trial": retries,
    }
    if strategy == "hyperband":
        oracle = DurableHyperband(plan_brackets(trials, epochs), **common)
    elif strategy == "bayesian":
        oracle = DurableBayesian(num_initial_points=max(3, trials // 4), **common)
    else:
        oracle = DurableRandomSearch(**common)
    oracle.verbose = 0
    return oracle
