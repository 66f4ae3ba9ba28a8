"""A nested run that holds one refit: made once, and what is on it of every model, trained or voting."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from garment_ml.approaches.approach import LearningInputs
from garment_ml.approaches.classifier import Classifier
from garment_ml.approaches.training import predict
from garment_ml.base.terminal import say
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.metrics import evaluate, evaluate_part
from garment_ml.reports.prediction_report import prediction_report
from garment_ml.tracking.claims import claim
from garment_ml.tracking.facts import log_facts
from garment_ml.tracking.models import log_servable
from garment_ml.tracking.refit_record import Refit, missing_tags, refit_tags
from garment_ml.tracking.run import TrackedRun


def refit_once(
    parent: TrackedRun, title: str, key: str, made_before: str, make: Callable[[TrackedRun], None]
) -> Refit:
    """What `make` logs to a nested run of `parent`; the very same, if finished before, is given instead.

    One that another process is at is waited for. `made_before` is what to say of one that is there, with a
    place {} for its run's id.
    """
    claimed = claim(parent, title, "refit", key, is_whole=lambda run: not missing_tags(run))
    if claimed.info.status == "FINISHED":
        say(f"{title}: {made_before.format(claimed.info.run_id)}")
        return Refit.of(claimed)
    with parent.child(title, "refit", again=claimed.info.run_id) as run:
        make(run)
    return Refit.of(parent.client.get_run(run.run_id))


def log_origin(
    run: TrackedRun,
    approach: Classifier,
    data: SplitDataset,
    recipe: Mapping[str, Any],
    seed: int,
    parameters: Mapping[str, Any],
) -> None:
    """What it is going to be made from; `recipe` is all that refits of other seeds share with it."""
    run.set_tags(refit_tags(approach.described, recipe, seed))
    run.log_parameters({**parameters, "approach": approach.name, "seed": seed})
    log_facts(run, data)


def log_model(
    run: TrackedRun,
    title: str,
    approach: Classifier,
    data: SplitDataset,
    inputs: LearningInputs,
    calibrated: keras.Model,
    metrics: Mapping[str, float],
) -> tuple[keras.Model, np.ndarray]:
    """Its servable, how good it is on train and validation, and `metrics`, as of what it took to make it.

    Gives the servable, and what it says of validation, float32 (n, classes).
    """
    servable, validation = approach.servable(calibrated), data.validation
    probabilities = predict(calibrated, inputs.validation)
    of_train = dict(evaluate(inputs.train_labels, predict(calibrated, inputs.train)))
    run.log_metrics(
        {
            **metrics,
            "frozen_parameters": servable.count_params() - metrics["trainable_parameters"],
            **{f"train_{name}": of_train[name] for name in ("accuracy", "loss")},
            **evaluate_part("validation", validation.labels, probabilities),
        }
    )
    run.log_report(prediction_report("validation", validation.labels, probabilities, approach.class_names))
    log_servable(run, servable, approach.class_names, title, data.fit)
    return servable, probabilities
