"""Our plain descriptions of hyperparameters, as keras-tuner's."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras_tuner

from garment_ml.approaches.hyperparameter import Hyperparameter, Value


def to_keras_tuner(hyperparameters: Sequence[Hyperparameter]) -> keras_tuner.HyperParameters:
    """Every hyperparameter with its range, its choices or, when it is not searched, its fixed value."""
    space = keras_tuner.HyperParameters()
    for each in hyperparameters:
        _declare(space, each)
    return space


def _declare(space: keras_tuner.HyperParameters, each: Hyperparameter) -> None:
    if not each.searched:
        space.Fixed(each.name, each.default)
    elif each.choices:
        space.Choice(each.name, list(each.choices), default=each.default)
    elif isinstance(each.default, int) and each.low is not None and each.high is not None:
        sampling = "log" if each.log else "linear"
        space.Int(each.name, int(each.low), int(each.high), sampling=sampling, default=each.default)
    else:
        sampling = "log" if each.log else "linear"
        space.Float(each.name, each.low, each.high, sampling=sampling, default=each.default)


def model_values(values: Mapping[str, Any]) -> dict[str, Value]:
    """Without what keras-tuner adds for itself (`tuner/epochs`, `tuner/trial_id`, ...)."""
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}
