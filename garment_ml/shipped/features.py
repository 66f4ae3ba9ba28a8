"""What a network sees of a picture, in a few numbers.

Shipped inside served models: TensorFlow and Keras only.
"""

import keras
import numpy as np

from garment_ml.shipped.heat_maps import split_at_last_maps

MOST = 32  # numbers of a picture


def with_features(servable: keras.Model) -> keras.Model:
    """From uint8 pictures to a row each: probabilities, and after them at most MOST features.

    Features are the last feature maps' channels, averaged over cells; more than MOST are projected at random,
    always alike, which keeps distances (Johnson and Lindenstrauss 1984). Raises ValueError for a model
    without softmax or feature maps.
    """
    to_maps, to_logits, _ = split_at_last_maps(servable)
    pictures = keras.Input(servable.input_shape[1:], dtype="uint8", name="pictures")
    maps = keras.tree.flatten(to_maps(pictures))
    probabilities = keras.ops.softmax(to_logits(maps))
    channels = keras.ops.concatenate([keras.ops.mean(each, axis=(1, 2)) for each in maps], axis=1)
    return keras.Model(pictures, keras.ops.concatenate([probabilities, _projected(channels)], axis=1))


def _projected(channels: keras.KerasTensor) -> keras.KerasTensor:
    count = channels.shape[1]
    if count <= MOST:
        return channels
    directions = np.random.default_rng(0).normal(0, count**-0.5, (count, MOST)).astype(np.float32)
    return keras.ops.matmul(channels, directions)
