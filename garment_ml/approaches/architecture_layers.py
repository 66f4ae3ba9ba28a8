"""The layers of the scratch CNNs: each from scaled pictures to what the last dense layer sees."""

import math

import keras
from keras import layers

from garment_ml.approaches.hyperparameter import Values

LARGEST_SIDE = 40  # that is worked on pixel by pixel


def stem(pictures: keras.KerasTensor) -> tuple[int, int]:
    """Kernel and stride of the first convolution: 3 and 1 up to 40 pixels a side, as published.

    Larger pictures are shrunk by it to at most that, so that one costs about as much at any size.
    """
    strides = math.ceil(max(pictures.shape[1:3]) / LARGEST_SIDE)
    return (3, 1) if strides == 1 else (strides + 2, strides)


def baseline(x: keras.KerasTensor, values: Values) -> keras.KerasTensor:
    """One convolution and a dense layer: the published 91.14 % recipe."""
    kernel, strides = stem(x)
    x = layers.Conv2D(values["width"], kernel, strides, activation="relu", kernel_initializer="he_uniform")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    x = layers.Dense(100, activation="relu", kernel_initializer="he_uniform")(x)
    return layers.Dropout(values["dropout"])(x)


def dropout(x: keras.KerasTensor, values: Values) -> keras.KerasTensor:
    """Three convolutions with dropouts 0.25, 0.25, 0.4 and 0.3: the published 93.7 % recipe.

    The searched rate is the last one's; the others keep their published proportion to it.
    """
    width, rate = values["width"], values["dropout"]
    for factor, published_rate in ((1, 0.25), (2, 0.25), (4, 0.4)):
        kernel, strides = stem(x) if factor == 1 else (3, 1)
        x = layers.Conv2D(factor * width, kernel, strides, activation="relu", kernel_initializer="he_normal")(
            x
        )
        if factor < 4:
            x = layers.MaxPooling2D()(x)
        x = layers.Dropout(min(0.9, published_rate / 0.3 * rate))(x)
    x = layers.Dense(4 * width, activation="relu", kernel_initializer="he_normal")(layers.Flatten()(x))
    return layers.Dropout(rate)(x)
