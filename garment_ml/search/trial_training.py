"""What one trial does: train the hyperparameters it was given, and report by the house's metric names."""

import math
from dataclasses import dataclass
from pathlib import Path

from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError
from scipy.special import softmax

from garment_ml.approaches.budget import Budget
from garment_ml.approaches.hyperparameter import Values
from garment_ml.approaches.training import Fitted, build_anew, count_parameters, fit, predict
from garment_ml.evaluation.metrics import evaluate_part
from garment_ml.search.oracles import DurableOracle
from garment_ml.search.space import model_values
from garment_ml.search.task import Task
from garment_ml.tracking.epochs import EpochLogger
from garment_ml.tracking.run import TrackedRun

FOR_SEED_0 = 1_000_000


@dataclass(frozen=True)
class TrialTraining:
    """Trains trials of one approach; Hyperband's later rounds go on from an earlier trial's weights."""

    task: Task
    seed: int
    directory: Path

    def __call__(self, trial: Trial, run: TrackedRun) -> dict[str, float]:
        given = trial.hyperparameters.values
        values = model_values(given)
        # none is a refit's, which are trained with the search's own seed and those after it
        seed = (1000 * self.seed or FOR_SEED_0) + int(trial.trial_id)
        run.log_parameters({**values, "approach": self.task.approach.name, "seed": seed})
        model = build_anew(self.task.approach, values, seed)
        initial_epoch = given.get("tuner/initial_epoch", 0)
        if initial_epoch:
            checkpoint = self.checkpoint(given["tuner/trial_id"])
            if checkpoint.exists():
                model.load_weights(checkpoint)
            else:  # the trial it goes on from ran on another machine
                initial_epoch = 0
        last_epoch = given.get("tuner/epochs", self.task.budget.epochs)
        fitted = fit(
            self.task.approach,
            model,
            values,
            self.task.inputs,
            Budget(last_epoch, self.task.budget.patience),
            seed=seed,
            on_epoch=EpochLogger(run),
            initial_epoch=initial_epoch,
        )
        _check_finite(fitted, values)
        served = self.task.approach.as_served(fitted.model)
        probabilities = softmax(predict(served, self.task.inputs.validation), axis=1)
        metrics = {
            **evaluate_part("validation", self.task.inputs.validation_labels, probabilities),
            **_training_metrics(fitted, initial_epoch),
        }
        if last_epoch < self.task.budget.epochs:
            model.save_weights(self.checkpoint(trial.trial_id))
        return metrics

    def checkpoint(self, trial_id: str) -> Path:
        return self.directory / f"trial_{trial_id}" / "checkpoint.weights.h5"

    def remove_checkpoints(self, oracle: DurableOracle, finished: bool = False) -> None:
        """Keep those that a later trial may go on from; of a finished search, none."""
        awaited = set() if finished else oracle.awaited()
        for trial_id in set(oracle.trials) - awaited:
            self.checkpoint(trial_id).unlink(missing_ok=True)


def _check_finite(fitted: Fitted, values: Values) -> None:
    losses = fitted.history["loss"]
    if not all(map(math.isfinite, losses)):
        rate = values["learning_rate"]
        raise FailedTrialError(
            f"the loss became {losses[-1]} in epoch {len(losses)} (learning rate {rate:g})"
        )


def _training_metrics(fitted: Fitted, initial_epoch: int) -> dict[str, float]:
    trainable, _ = count_parameters(fitted.model)
    return {
        "train_accuracy": fitted.history["accuracy"][fitted.best_epoch],
        "train_loss": fitted.history["loss"][fitted.best_epoch],
        "best_epoch": initial_epoch + fitted.best_epoch,
        "training_seconds": fitted.seconds,
        "trainable_parameters": trainable,
    }
