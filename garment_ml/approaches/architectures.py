"""The selectable scratch CNNs: two published recipes as they were published, and our own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.base.errors import UserError

if TYPE_CHECKING:
    import keras


# Keras's 0.99 takes a thousand updates to forget where it began; a short training has fewer than that.
BATCH_NORM_MOMENTUM = 0.9


@dataclass(frozen=True)
class Architecture:
    """Layers between scaled pictures (0 to 1) and the last dense layer, with the recipe to train them."""

    layers: Callable[["keras.KerasTensor", Values], "keras.KerasTensor"]
    optimizer: Literal["sgd", "adam", "one_cycle"]
    epochs: int
    patience: int
    hyperparameters: tuple[Hyperparameter, ...]


def baseline(x: "keras.KerasTensor", values: Values) -> "keras.KerasTensor":
    """One convolution and a dense layer: the published 91.14 % recipe."""
    from keras import layers

    x = layers.Conv2D(values["width"], 3, activation="relu", kernel_initializer="he_uniform")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    x = layers.Dense(100, activation="relu", kernel_initializer="he_uniform")(x)
    return layers.Dropout(values["dropout"])(x)


def dropout(x: "keras.KerasTensor", values: Values) -> "keras.KerasTensor":
    """Three convolutions with dropouts 0.25, 0.25, 0.4 and 0.3: the published 93.7 % recipe.

    The searched rate is the last one's; the others keep their published proportion to it.
    """
    from keras import layers

    width, rate = values["width"], values["dropout"]
    for factor, published_rate in ((1, 0.25), (2, 0.25), (4, 0.4)):
        x = layers.Conv2D(factor * width, 3, activation="relu", kernel_initializer="he_normal")(x)
        if factor < 4:
            x = layers.MaxPooling2D()(x)
        x = layers.Dropout(min(0.9, published_rate / 0.3 * rate))(x)
    x = layers.Dense(4 * width, activation="relu", kernel_initializer="he_normal")(layers.Flatten()(x))
    return layers.Dropout(rate)(x)


def residual(x: "keras.KerasTensor", values: Values) -> "keras.KerasTensor":
    """Pre-activation residual blocks (He et al. 2016) of width 2w and 4w, averaged at the end.

    The full resolution has one convolution only: on a CPU it is what costs the time.
    """
    from keras import layers

    width = values["width"]
    x = layers.MaxPooling2D(padding="same")(_convolution(x, width))
    x = _residual_block(x, 2 * width, strides=1)
    x = _residual_block(x, 4 * width, strides=2)
    x = layers.ReLU()(layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x))
    return layers.Dropout(values["dropout"])(layers.GlobalAveragePooling2D()(x))


def _residual_block(x: "keras.KerasTensor", width: int, strides: int) -> "keras.KerasTensor":
    from keras import layers

    active = layers.ReLU()(layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x))
    shortcut = x if x.shape[-1] == width and strides == 1 else _convolution(active, width, 1, strides)
    y = _convolution(active, width, 3, strides)
    y = layers.ReLU()(layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(y))
    return layers.Add()([shortcut, _convolution(y, width)])


def _convolution(x: "keras.KerasTensor", width: int, size: int = 3, strides: int = 1) -> "keras.KerasTensor":
    from keras import layers

    return layers.Conv2D(
        width, size, strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)


def _recipe(learning_rate: float, dropout: float, batch_size: int, width: int) -> tuple[Hyperparameter, ...]:
    return (
        Hyperparameter(
            "learning_rate", learning_rate, low=learning_rate / 10, high=learning_rate * 5, log=True
        ),
        Hyperparameter("dropout", dropout, low=0.0, high=0.6),
        Hyperparameter("batch_size", batch_size),
        Hyperparameter("width", width),
    )


ARCHITECTURES = {
    "residual": Architecture(
        residual,
        "one_cycle",
        epochs=15,
        patience=15,
        hyperparameters=(
            *_recipe(learning_rate=0.2, dropout=0.1, batch_size=128, width=24),
            Hyperparameter("weight_decay", 5e-4, low=5e-5, high=2e-3, log=True),
            Hyperparameter("augmentation", 1.0, choices=(0.5, 1.0)),
        ),
    ),
    "dropout": Architecture(
        dropout, "adam", epochs=40, patience=8, hyperparameters=_recipe(0.001, 0.3, batch_size=128, width=32)
    ),
    "baseline": Architecture(
        baseline, "sgd", epochs=10, patience=4, hyperparameters=_recipe(0.01, 0.0, batch_size=32, width=32)
    ),
}


def find_architecture(name: str) -> Architecture:
    if name not in ARCHITECTURES:
        raise UserError(f"unknown architecture {name!r}; choose one of: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
