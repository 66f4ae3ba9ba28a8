"""One training of given hyperparameters with one seed, and everything about it on one MLflow run."""

from dataclasses import asdict
from functools import partial

import keras
import numpy as np
from scipy.special import softmax

from garment_ml.approaches.grad_cam import heat_maps
from garment_ml.approaches.hyperparameter import Values
from garment_ml.approaches.training import Fitted, count_parameters, predict, train
from garment_ml.base.terminal import epoch_bar, say
from garment_ml.evaluation.calibration import expected_calibration_error, helpful_temperature
from garment_ml.evaluation.metrics import evaluate, evaluate_part
from garment_ml.reports.experiment_figures import learning_curves
from garment_ml.reports.prediction_report import gallery_report, prediction_report
from garment_ml.search.code_digest import code_digest
from garment_ml.search.task import Task
from garment_ml.tracking.claims import claim
from garment_ml.tracking.epochs import EpochLogger
from garment_ml.tracking.facts import log_facts
from garment_ml.tracking.models import log_servable
from garment_ml.tracking.refit_record import Refit, missing_tags, refit_tags
from garment_ml.tracking.run import TrackedRun


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
    claimed = claim(parent, title, "refit", key, is_whole=lambda run: not missing_tags(run))
    if claimed.info.status == "FINISHED":
        say(f"{title}: trained before, in run {claimed.info.run_id} (--fresh true trains it again)")
        return Refit.of(claimed)
    with parent.child(title, "refit", again=claimed.info.run_id) as run:
        servable, probabilities = _train_and_log(run, title, task, values, seed, calibrate)
        if gallery:
            looks = partial(heat_maps, servable)
            names = task.approach.class_names
            run.log_report(gallery_report("validation", task.data.validation, probabilities, names, looks))
    return Refit.of(parent.client.get_run(run.run_id))


def _train_and_log(
    run: TrackedRun, title: str, task: Task, values: Values, seed: int, calibrate: bool
) -> tuple[keras.Model, np.ndarray]:
    """Settings, curves, metrics and figures, and the servable; gives that, and what it says of validation."""
    approach, validation = task.approach, task.data.validation
    described = {"name": approach.name, **approach.describe()}
    recipe = {"hyperparameters": dict(values), **asdict(task.budget), "calibrate": calibrate}
    recipe |= {"class_weights": task.class_weights, "code": code_digest()}
    run.set_tags(refit_tags(described, recipe, seed))
    named = {"approach": approach.name, "seed": seed, "class_weights": task.class_weights}
    run.log_parameters({**approach.describe(), **values, **asdict(task.budget), **named})
    log_facts(run, task.data)
    fitted = _train(run, title, task, values, seed)
    served = approach.as_served(fitted.model)
    logits = predict(served, task.inputs.validation)
    temperature = helpful_temperature(validation.labels, logits) if calibrate else 1.0
    calibrated = approach.calibrated(served, temperature)
    servable = approach.servable(calibrated)
    probabilities = predict(calibrated, task.inputs.validation)
    of_train = dict(evaluate(task.inputs.train_labels, predict(calibrated, task.inputs.train)))
    run.log_metrics(
        {
            **_training_metrics(fitted, servable),
            **{f"train_{name}": of_train[name] for name in ("accuracy", "loss")},
            **evaluate_part("validation", validation.labels, probabilities),
            "validation_expected_calibration_error_before": expected_calibration_error(
                validation.labels, softmax(logits, axis=1)
            ),
            "temperature": temperature,
        }
    )
    run.log_report({"learning_curves.png": learning_curves(fitted.history)})
    run.log_report(prediction_report("validation", validation.labels, probabilities, approach.class_names))
    log_servable(run, servable, approach.class_names, title, task.data.fit)
    return servable, probabilities


def _train(run: TrackedRun, title: str, task: Task, values: Values, seed: int) -> Fitted:
    log_epoch = EpochLogger(run)
    with epoch_bar(title, task.budget.epochs) as show:

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
