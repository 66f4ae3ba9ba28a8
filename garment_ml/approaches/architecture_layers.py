"""The layers of the scratch CNNs: each from scaled pictures to what the last dense layer sees."""

import math

import keras
from keras import layers

from garment_ml.approaches.hyperparameter import Values

# Keras's 0.99 takes a thousand updates to forget where it began; a short training has fewer than that.
BATCH_NORM_MOMENTUM = 0.9
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


def residual(x: keras.KerasTensor, values: Values) -> keras.KerasTensor:
    """Pre-activation residual blocks (He et al. 2016) of width 2w and 4w, averaged at the end.

    The full resolution has one convolution only: on a CPU it is what costs the time.
    """
    width = values["width"]
    x = layers.MaxPooling2D(padding="same")(_convolution(x, width, *stem(x)))
    x = _residual_block(x, 2 * width, strides=1)
    x = _residual_block(x, 4 * width, strides=2)
    x = layers.ReLU()(layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x))
    return layers.Dropout(values["dropout"])(layers.GlobalAveragePooling2D()(x))


def _residual_block(x: keras.KerasTensor, width: int, strides: int) -> keras.KerasTensor:
    active = layers.ReLU()(layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x))
    shortcut = x if x.shape[-1] == width and strides == 1 else _convolution(active, width, 1, strides)
    y = _convolution(active, width, 3, strides)
    y = layers.ReLU()(layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(y))
    return layers.Add()([shortcut, _convolution(y, width)])


def _convolution(x: keras.KerasTensor, width: int, size: int = 3, strides: int = 1) -> keras.KerasTensor:
    return layers.Conv2D(
        width, size, strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
