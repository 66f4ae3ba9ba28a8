"""One training of given hyperparameters with one seed, and everything about it on one MLflow run."""

from dataclasses import asdict

import keras
import numpy as np
from scipy.special import softmax

from garment_ml.approaches.hyperparameter import Values
from garment_ml.approaches.training import Fitted, count_parameters, predict, train
from garment_ml.base.terminal import epoch_bar
from garment_ml.evaluation.calibration import expected_calibration_error, helpful_temperature
from garment_ml.reports.experiment_figures import learning_curves
from garment_ml.reports.prediction_report import gallery_report
from garment_ml.search.code_digest import code_digest
from garment_ml.search.task import Task
from garment_ml.shipped.heat_maps import HeatMaps
from garment_ml.studies.refit_run import log_model, log_origin, refit_once
from garment_ml.tracking.epochs import EpochLogger
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun

MADE_BEFORE = "trained before, in run {} (--fresh true trains it again)"


def refit(
    parent: TrackedRun,
    task: Task,
    values: Values,
    seed: int,
    *,
    calibrate: bool = True,
    gallery: bool = False,
) -> Refit:
    """In a nested run of `parent`; the very same refit, if finished before, is given instead.

    One that another process is at is waited for.

    With `calibrate` the served probabilities are scaled by a temperature fitted on validation, where that
    helps. The `gallery` takes seconds to draw; of several refits the median one gets its own when they are
    compared.
    """
    key = task.key("refit", values=dict(values), seed=seed, calibrate=calibrate)
    title = f"{task.approach.title} seed {seed}"

    def make(run: TrackedRun) -> None:
        servable, probabilities = _train_and_log(run, title, task, values, seed, calibrate)
        if gallery:
            looks = HeatMaps(servable)
            names = task.approach.class_names
            run.log_report(gallery_report("validation", task.data.validation, probabilities, names, looks))

    return refit_once(parent, title, key, MADE_BEFORE, make)


def _train_and_log(
    run: TrackedRun, title: str, task: Task, values: Values, seed: int, calibrate: bool
) -> tuple[keras.Model, np.ndarray]:
    """Settings, curves, metrics and figures, and the servable; gives that, and what it says of validation."""
    approach, inputs = task.approach, task.inputs
    recipe = {"hyperparameters": dict(values), **asdict(task.budget), "calibrate": calibrate}
    recipe |= {"class_weights": task.class_weights, "code": code_digest()}
    parameters = {**approach.describe(), **values, **asdict(task.budget), "class_weights": task.class_weights}
    log_origin(run, approach, task.data, recipe, seed, parameters)
    fitted = _train(run, title, task, values, seed)
    run.log_report({"learning_curves.png": learning_curves(fitted.history)})
    served = approach.as_served(fitted.model)
    logits, labels = predict(served, inputs.validation), inputs.validation_labels
    temperature = helpful_temperature(labels, logits) if calibrate else 1.0
    before = expected_calibration_error(labels, softmax(logits, axis=1))
    metrics = {
        **_training_metrics(fitted),
        "temperature": temperature,
        "validation_expected_calibration_error_before": before,
    }
    calibrated = approach.calibrated(served, temperature)
    return log_model(run, title, approach, task.data, inputs, calibrated, metrics)


def _train(run: TrackedRun, title: str, task: Task, values: Values, seed: int) -> Fitted:
    log_epoch = EpochLogger(run)
    with epoch_bar(title, task.budget.epochs) as show:

        def listen(epoch: int, logs: dict[str, float]) -> None:
            log_epoch(epoch, logs)
            show(epoch, logs)

        return train(task.approach, values, task.inputs, task.budget, seed=seed, on_epoch=listen)


def _training_metrics(fitted: Fitted) -> dict[str, float]:
    return {
        "best_epoch": fitted.best_epoch,
        "epochs_trained": len(fitted.history["loss"]),
        "training_seconds": fitted.seconds,
        "trainable_parameters": count_parameters(fitted.model)[0],
    }
