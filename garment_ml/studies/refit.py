"""One training of given hyperparameters with one seed, and everything about it on one MLflow run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import keras
import numpy as np

from garment_ml.approaches.hyperparameter import Values
from garment_ml.approaches.training import Fitted, count_parameters, predict_probabilities, train
from garment_ml.base.progress import epoch_bar
from garment_ml.evaluation.calibration import apply_temperature, expected_calibration_error, fit_temperature
from garment_ml.evaluation.metrics import evaluate
from garment_ml.search.task import KEY_TAG, Task
from garment_ml.tracking.epochs import EpochLogger
from garment_ml.tracking.facts import log_facts
from garment_ml.tracking.gallery import log_gallery
from garment_ml.tracking.models import MODEL_TAG, log_servable
from garment_ml.tracking.report import log_learning_curves, log_report
from garment_ml.tracking.run import TrackedRun

APPROACH_TAG = "garment.approach"  # JSON of name and settings: enough to make the approach again
RECIPE_TAG = "garment.recipe"  # JSON of all else that refits of other seeds have in common


@dataclass(frozen=True)
class Refit:
    """What is kept of a refit: its run, its seed, its model's address and its metrics by name."""

    run_id: str
    seed: int
    model_uri: str
    metrics: dict[str, float]


def nested_refit(parent: TrackedRun, task: Task, values: Values, seed: int, calibrate: bool) -> Refit:
    """In a nested run of `parent`, unless the very same refit was finished before: then that one is given."""
    key = task.key("refit", values=dict(values), seed=seed, calibrate=calibrate)
    for earlier in parent.find(f"tags.`{KEY_TAG}` = '{key}'"):
        if earlier.info.status == "FINISHED":
            model_uri = earlier.data.tags[MODEL_TAG]
            return Refit(earlier.info.run_id, seed, model_uri, dict(earlier.data.metrics))
        parent.close_left_open(earlier)
    with parent.child(f"{task.approach.name} seed {seed}", "refit", {KEY_TAG: key}) as run:
        return refit(run, task, values, seed, calibrate, gallery=False)


def refit(
    run: TrackedRun, task: Task, values: Values, seed: int, calibrate: bool, gallery: bool = True
) -> Refit:
    """Train and log to the active run `run`: settings, curves, metrics and figures, the servable.

    With `calibrate` the served probabilities are scaled by a temperature fitted on validation. The gallery
    takes seconds to draw; of several refits the median one gets its own when they are compared.
    """
    approach = task.approach
    described = {"name": approach.name, **approach.describe()}
    recipe = {"hyperparameters": dict(values), **asdict(task.budget), "calibrate": calibrate}
    run.set_tags({APPROACH_TAG: json.dumps(described), RECIPE_TAG: json.dumps(recipe)})
    run.log_parameters({**approach.describe(), **values, "approach": approach.name, "seed": seed})
    log_facts(run, task.dataset, task.split)
    fitted = _train(run, task, values, seed)
    uncalibrated = predict_probabilities(fitted.model, task.inputs.validation)
    temperature = fit_temperature(task.validation.labels, uncalibrated) if calibrate else 1.0
    servable = approach.servable(fitted.model, temperature)
    of_train, of_validation = (
        apply_temperature(probabilities, temperature)
        for probabilities in (predict_probabilities(fitted.model, task.inputs.train), uncalibrated)
    )
    before = expected_calibration_error(task.validation.labels, uncalibrated)
    metrics = {
        **_training_metrics(fitted, servable),
        **_metrics("train", task.inputs.train_labels, of_train, only=("accuracy", "loss")),
        **_metrics("validation", task.validation.labels, of_validation),
        "validation_expected_calibration_error_before": before,
        "temperature": temperature,
    }
    run.log_metrics(metrics)
    log_learning_curves(run, fitted.history)
    log_report(run, task.validation, of_validation, approach.class_names)
    if gallery:
        log_gallery(run, task.validation, of_validation, servable, approach.class_names)
    return Refit(run.run_id, seed, log_servable(run, servable, approach.class_names), metrics)


def _train(run: TrackedRun, task: Task, values: Values, seed: int) -> Fitted:
    log_epoch = EpochLogger(run)
    with epoch_bar(f"{task.approach.name} seed {seed}", task.budget.epochs) as show:

        def listen(epoch: int, logs: dict[str, float]) -> None:
            log_epoch(epoch, logs)
            show(epoch, logs)

        return train(task.approach, values, task.inputs, task.budget, seed=seed, on_epoch=listen)


def _training_metrics(fitted: Fitted, servable: keras.Model) -> dict[str, float]:
    trainable, _ = count_parameters(fitted.model)
    return {
        "best_epoch": fitted.best_epoch,
        "epochs_trained": len(fitted.history["loss"]),
        "training_seconds": fitted.seconds,
        "trainable_parameters": trainable,
        "frozen_parameters": servable.count_params() - trainable,
    }


def _metrics(
    part: str, labels: np.ndarray, probabilities: np.ndarray, only: tuple[str, ...] = ()
) -> dict[str, float]:
    values = dict(evaluate(labels, probabilities))
    return {f"{part}_{name}": value for name, value in values.items() if not only or name in only}
