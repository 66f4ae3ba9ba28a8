"""From pictures as they are stored to what a pretrained network expects, as layers of the servable."""

from collections.abc import Callable

import keras

from garment_ml.base.errors import UserError
from garment_ml.pretrained.backbones import Backbone


def preprocessing_layers(
    backbone: Backbone, picture_shape: tuple[int, int, int], size: tuple[int, int]
) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
    """A function from a symbolic picture (n, *picture_shape), 0 to 255, to what the base expects.

    Only built-in layers and operations are applied, so that a saved model loads in safe mode with no
    custom object. The numbers are those of `keras.applications.imagenet_utils.preprocess_input`.
    Raises UserError for pictures that are neither grey nor RGB.
    """
    channels = picture_shape[2]
    if channels not in (1, 3):
        raise UserError(f"pictures have {channels} channels; expected 1 (grey) or 3 (RGB)")

    def apply(pictures: keras.KerasTensor) -> keras.KerasTensor:
        x = keras.ops.cast(pictures, "float32")  # first: resizing rounds uint8 pictures back to uint8
        if picture_shape[:2] != tuple(size):
            # The layer Resizing says training=True to all that follows it where a caller says nothing.
            x = keras.ops.image.resize(x, size, interpolation="bilinear")
        if channels == 1:
            x = keras.layers.Concatenate()([x, x, x])
        return _normalise(x, backbone.preprocessing)

    return apply


def _normalise(x: keras.KerasTensor, preprocessing: str) -> keras.KerasTensor:
    if preprocessing == "caffe":
        x = keras.ops.flip(x, axis=-1)  # RGB to BGR
        return keras.layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68])(x)
    if preprocessing == "tf":
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0)(x)
    if preprocessing == "torch":
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        scale = [1 / (255 * d) for d in deviation]
        return keras.layers.Rescaling(scale, [-m / d for m, d in zip(mean, deviation, strict=True)])(x)
    return x
