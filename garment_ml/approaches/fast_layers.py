"""A plain CNN that learns fast, in the manner of cifar10-airbench (Jordan 2024, arXiv:2404.00498).

A frozen first convolution that whitens patches, six convolutions that begin as the identity, batch norm
without gamma whose bias learns fast, and a global maximum. What is trained has layers of its own; what is
served is the same net with batch norm folded into ordinary convolutions (fold).
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from garment_ml.approaches.architecture_layers import stem
from garment_ml.approaches.hyperparameter import Values

WHITENING, FIRST, SECOND = "whitening", "first", "second"
WIDTHS = (1, 3, 6)  # of the groups, in units of the hyperparameter
EPSILON = 5e-4  # added to eigenvalues: what hardly varies is not blown up
SAMPLE, VALUES = 5000, 40_000_000  # pictures whose patches the whitening is made of, and numbers in these
LOGIT_SCALE = 1 / 9


def fast(x: keras.KerasTensor, values: Values) -> keras.KerasTensor:
    """As it is trained."""
    return _features(x, values, is_folded=False)


def folded(x: keras.KerasTensor, values: Values) -> keras.KerasTensor:
    """As it is served."""
    return _features(x, values, is_folded=True)


def _features(x: keras.KerasTensor, values: Values, is_folded: bool) -> keras.KerasTensor:
    kernel, strides = stem(x)
    filters = 2 * min(4 + 4 * x.shape[-1], kernel * kernel * x.shape[-1])  # eigenvectors and their negatives
    x = layers.Conv2D(filters, kernel, strides, "same", trainable=False, name=WHITENING)(x)
    x = layers.ReLU()(x)
    for group, factor in enumerate(WIDTHS):
        for place in (FIRST, SECOND):
            name = f"{place}_{group}"
            x = layers.Conv2D(
                factor * values["width"],
                3,
                padding="same",
                use_bias=is_folded,
                # what is served has nothing of ours in it, or it could not be loaded without this project
                kernel_initializer="zeros" if is_folded else PartlyIdentity(),
                name=name,
            )(x)
            if place == FIRST:
                x = layers.MaxPooling2D(padding="same")(x)
            x = layers.ReLU()(x if is_folded else FastBatchNorm(name=f"{name}_norm")(x))
    x = layers.Dropout(values["dropout"])(layers.GlobalMaxPooling2D()(x))
    return layers.Rescaling(LOGIT_SCALE)(x)


def width(trained: keras.Model) -> int:
    """The hyperparameter."""
    return trained.get_layer(f"{FIRST}_0").filters // WIDTHS[0]


def whiten(model: keras.Model, pictures: np.ndarray) -> None:
    """Set the first convolution: patches of uint8 `pictures` (n, height, width, channels), decorrelated.

    Standardised pixels are part of it: a constant shift and scale of what the convolution sees.
    """
    layer = model.get_layer(WHITENING)
    (size, _), (strides, _) = layer.kernel_size, layer.strides
    in_one = math.prod(pictures.shape[1:]) * (size / strides) ** 2  # numbers in the patches of a picture
    count = max(1, min(len(pictures), SAMPLE, int(VALUES / in_one)))
    sample = pictures[np.linspace(0, len(pictures) - 1, count).astype(int)] / np.float32(255)
    mean, deviation = sample.mean(), max(sample.std(), 1e-3)
    patches = np.lib.stride_tricks.sliding_window_view(sample, (size, size), axis=(1, 2))
    patches = patches[:, ::strides, ::strides]
    rows = (np.moveaxis(patches, 3, -1).reshape(-1, size * size * sample.shape[-1]) - mean) / deviation
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    kept = layer.filters // 2
    largest = vectors[:, ::-1][:, :kept] / np.sqrt(values[::-1][:kept] + EPSILON)
    kernel = largest.reshape(size, size, sample.shape[-1], kept) / deviation
    kernel = np.concatenate([kernel, -kernel], axis=-1)
    layer.set_weights([kernel, -mean * kernel.sum(axis=(0, 1, 2))])


class PartlyIdentity(keras.initializers.Initializer):
    """The first filters hand each input channel on, the others are uniform as PyTorch's default."""

    def __call__(self, shape, dtype=None):
        bound = 1 / np.sqrt(np.prod(shape[:3]))
        kernel = np.array(keras.random.uniform(shape, -bound, bound, dtype))
        handed_on = min(shape[2:])
        kernel[..., :handed_on] = 0
        kernel[shape[0] // 2, shape[1] // 2, range(handed_on), range(handed_on)] = 1
        return keras.ops.convert_to_tensor(kernel)


class FastBatchNorm(layers.Layer):
    """Batch norm (Ioffe & Szegedy 2015) without gamma, by TensorFlow's fused kernel, which Keras never uses.

    The bias is kept as an eighth of itself: gradient descent moves it 64 times as fast.
    """

    NEW, EPSILON, FASTER = 0.4, 1e-3, 8.0  # share of the new statistics in the running ones

    def build(self, shape):
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")
        self.mean = self.add_weight(shape=shape[-1:], initializer="zeros", trainable=False, name="mean")
        self.variance = self.add_weight(
            shape=shape[-1:], initializer="ones", trainable=False, name="variance"
        )

    def call(self, x, training=False):
        ones, bias = tf.ones_like(self.bias), self.FASTER * tf.convert_to_tensor(self.bias)
        if not training:
            return tf.nn.batch_normalization(x, self.mean, self.variance, bias, None, self.EPSILON)
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, ones, bias, epsilon=self.EPSILON)
        for running, new in ((self.mean, mean), (self.variance, variance)):
            running.assign(running + self.NEW * (new - running))
        return y

    def compute_output_shape(self, shape):
        return shape

    def as_scale_and_bias(self) -> tuple[np.ndarray, np.ndarray]:
        """Of inference, per channel."""
        bias, mean, variance = (np.asarray(weight) for weight in (self.bias, self.mean, self.variance))
        scale = 1 / np.sqrt(variance + self.EPSILON)
        return scale, self.FASTER * bias - mean * scale


def fold(trained: keras.Model, plain: keras.Model) -> None:
    """Give `plain`, the same net built folded, the weights that make it answer as `trained` does.

    A maximum may be taken before or after a scale that is positive and a shift.
    """
    for layer in plain.layers:
        weights = trained.get_layer(layer.name).get_weights() if layer.weights else []
        if layer.name.startswith((FIRST, SECOND)):
            scale, bias = trained.get_layer(f"{layer.name}_norm").as_scale_and_bias()
            weights = [weights[0] * scale, bias]
        layer.set_weights(weights)
