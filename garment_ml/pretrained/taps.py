"""Layers of a backbone whose outputs are used as features."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from garment_ml.base.errors import UserError
from garment_ml.pretrained.backbones import Backbone
from garment_ml.pretrained.preprocessing import preprocessing_layers


@dataclass(frozen=True)
class Tap:
    """A layer's output, averaged down to at most `grid` x `grid` cells; None keeps it whole."""

    layer: str
    grid: int | None = None


def tap_output(base: keras.Model, tap: Tap) -> keras.KerasTensor:
    """The tap's symbolic output `(n, height, width, channels)` in the base's own graph."""
    try:
        output = base.get_layer(tap.layer).output
    except ValueError as error:
        raise UserError(f"{base.name} has no layer {tap.layer!r} to take features from") from error
    pool = tuple(math.ceil(side / (tap.grid or side)) for side in output.shape[1:3])
    if tap.grid is None or pool == (1, 1):
        return output
    # "same" leaves padding out of the averages, so that the last cells of an uneven map count too
    pooling = keras.layers.AveragePooling2D(pool, padding="same", name=f"{tap.layer}_{tap.grid}x{tap.grid}")
    return pooling(output)


def tap_model(
    backbone: Backbone, base: keras.Model, taps: Sequence[Tap], picture_shape: tuple[int, int, int]
) -> keras.Model:
    """From uint8 pictures to the taps' float32 outputs, in their order."""
    pictures = keras.Input(picture_shape, dtype="uint8")
    prepared = preprocessing_layers(backbone, picture_shape, base.input_shape[1:3])(pictures)
    outputs = keras.Model(base.input, [tap_output(base, tap) for tap in taps])(prepared)
    return keras.Model(pictures, outputs)
