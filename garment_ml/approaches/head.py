"""The small network on top of features: flattened, normalised, one dense layer, dropout, logits."""

import keras
from keras import layers

from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.base.errors import UserError

HEAD_HYPERPARAMETERS = (
    Hyperparameter("dropout", 0.5, low=0.2, high=0.7),
    Hyperparameter("head_width", 256, choices=(128, 256, 512)),
)
# Keras's 0.99 takes a thousand updates to forget where it began; a short training has fewer than that.
BATCH_NORM_MOMENTUM = 0.9
HEAD_LAYERS = ("head_normalization", "head_dense", "logits")


def head(features: list[keras.KerasTensor], values: Values, classes: int) -> keras.KerasTensor:
    """Logits `(n, classes)` from feature maps `(n, height, width, channels)`."""
    flat = [layers.Flatten()(each) for each in features]
    x = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name="head_normalization")(x)
    x = layers.Dense(
        values["head_width"], activation="relu", kernel_initializer="he_normal", name="head_dense"
    )(x)
    x = layers.Dropout(values["dropout"], name="head_dropout")(x)
    return layers.Dense(classes, name="logits")(x)


def copy_head(source: keras.Model, target: keras.Model) -> None:
    """Raises UserError when the two heads are of different shapes: other taps, width or classes."""
    if not set(HEAD_LAYERS) <= {layer.name for layer in source.layers}:
        raise UserError(
            "the given model has no head to take; head_run must be a bottleneck run, or a fine_tune run "
            "without end_to_end"
        )
    for name in HEAD_LAYERS:
        given, wanted = source.get_layer(name).get_weights(), target.get_layer(name)
        shapes = [weight.shape for weight in wanted.get_weights()]
        if [weight.shape for weight in given] != shapes:
            found = given[0].shape
            raise UserError(
                f"the given head's layer {name} is of shape {found}, this model's of {shapes[0]}: it was "
                "trained with other taps, another head_width or on other classes; use the same settings, or "
                "leave head_run empty to train a head here"
            )
        wanted.set_weights(given)
