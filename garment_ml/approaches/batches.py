"""Batches for Keras out of arrays that stay where they are, in memory or on disk."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

Inputs = np.ndarray | Mapping[str, np.ndarray]


def row_count(inputs: Inputs) -> int:
    """Pictures in `inputs`; ValueError where the arrays of a mapping have different numbers of rows."""
    arrays = list(inputs.values()) if isinstance(inputs, Mapping) else [inputs]
    counts = {len(array) for array in arrays}
    if len(counts) != 1:
        raise ValueError(f"the inputs have {sorted(counts)} rows, expected one number")
    return counts.pop()


def batches(
    inputs: Inputs,
    labels: np.ndarray,
    batch_size: int,
    *,
    shuffle_seed: int | None = None,
    augmentation: keras.Layer | None = None,
) -> tf.data.Dataset:
    """(inputs, labels) in batches of the arrays' own dtypes; the last batch may be smaller.

    With `shuffle_seed` every pass has another order, and the sequence of orders is the same for the same
    shuffle_seed and global seed (`keras.utils.set_random_seed`). `augmentation` is called with training=True
    on each batch of inputs; it carries random state of its own. Memory-mapped arrays are read batch by batch.
    Raises ValueError where inputs and labels differ in length.
    """
    rows = row_count(inputs)
    if rows != len(labels):
        raise ValueError(f"{rows:,} inputs but {len(labels):,} labels")
    numbers = tf.data.Dataset.range(rows)
    if shuffle_seed is not None:
        numbers = numbers.shuffle(rows, seed=shuffle_seed, reshuffle_each_iteration=True)
    batched = numbers.batch(batch_size).map(_gatherer(inputs, labels))
    if augmentation is not None:
        # one call at a time: in parallel calls the order of the random draws would be left to chance
        batched = batched.map(lambda pictures, targets: (augmentation(pictures, training=True), targets))
    return batched.prefetch(tf.data.AUTOTUNE)


def _gatherer(inputs: Inputs, labels: np.ndarray):
    """Row numbers to (inputs, labels); NumPy picks the rows, so that no array is copied into TensorFlow."""
    arrays = [*tf.nest.flatten(inputs), labels]

    def gather(numbers: tf.Tensor):
        columns = tf.numpy_function(
            lambda chosen: [array[chosen] for array in arrays],
            [numbers],
            [tf.as_dtype(array.dtype) for array in arrays],
            stateful=False,
        )
        for column, array in zip(columns, arrays, strict=True):
            column.set_shape((None, *array.shape[1:]))
        return tf.nest.pack_sequence_as(inputs, columns[:-1]), columns[-1]

    return gather
