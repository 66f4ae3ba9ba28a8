"""Pictures through a network in batches of one shape; what it says of them, as float16."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from garment_ml.data.pictures import Images

PIXELS_PER_BATCH = 256 * 32 * 32
LARGEST = float(np.finfo(np.float16).max)


def batch_size(size: tuple[int, int]) -> int:
    """Pictures per forward pass: memory stays about the same at every (height, width)."""
    return max(8, min(256, PIXELS_PER_BATCH // (size[0] * size[1])))


def forward_batches(
    model: keras.Model, images: Images, wanted: np.ndarray, batch: int
) -> Iterator[tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]]:
    """Numbers of some `wanted` images and, by output, their rows and how many values of each did not fit.

    One shape, so one graph: the last batch is filled up with repeats, which have rows but no numbers.
    """
    forward = compiled(model)
    for start in range(0, len(wanted), batch):
        chosen = wanted[start : start + batch]
        outputs = forward(images[np.resize(chosen, batch)])
        yield chosen, [(rows.numpy(), beyond.numpy()) for rows, beyond in outputs]


def compiled(model: keras.Model) -> Callable[[np.ndarray], list[tuple[tf.Tensor, tf.Tensor]]]:
    """Without XLA: on 2 cores it made VGG16 seven times slower."""

    @tf.function(jit_compile=False, autograph=False)
    def forward(pictures: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        return [_to_float16(output) for output in tf.nest.flatten(model(pictures, training=False))]

    return forward


def _to_float16(output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    fits = tf.abs(output) <= LARGEST  # False for NaN, too
    beyond = tf.reduce_sum(tf.cast(~fits, tf.int32), axis=[1, 2, 3])
    # clip_by_value would turn NaN into a number
    return tf.cast(tf.where(fits, output, LARGEST * tf.sign(output)), tf.float16), beyond
