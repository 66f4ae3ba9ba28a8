"""Where a servable looks: which parts of a picture speak for a class (Grad-CAM, Selvaraju et al. 2017).

Shipped inside served models: TensorFlow and Keras only.
"""

import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

BATCH = 32


class HeatMaps:
    """What in a picture speaks for a class, as the servable sees it, which is left as it is.

    The gradient of the class's logit weighs the last feature maps cell by cell (HiResCAM, Draelos and
    Carin 2020): with a head that averages the maps these are Grad-CAM's weights; with one that flattens
    them, Grad-CAM's mean gradient lights up cells the class doesn't depend on. Several last maps, as with
    several taps or members of an ensemble, are added up, each as its contribution to the logit per pixel.
    """

    def __init__(self, servable: keras.Model) -> None:
        self._servable = servable

    @cached_property
    def _split(self) -> tuple[keras.Model, keras.Model, list[bool]]:
        return split_at_last_maps(self._servable)

    def __call__(self, pictures: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """For class `classes[i]` (n,) in uint8 `pictures[i]` (n, height, width, channels).

        Float32 (n, height, width), each map's largest value 1, or all 0 where nothing speaks for the class.
        Raises ValueError for a model without softmax or feature maps.
        """
        to_maps, to_logits, mirrored = self._split
        height, width = pictures.shape[1:3]
        heat = np.zeros((len(pictures), height, width), np.float32)
        for start in range(0, len(pictures), BATCH):
            rows = slice(start, start + BATCH)
            contributions = _contributions(to_maps, to_logits, pictures[rows], classes[rows])
            for each, is_mirrored in zip(contributions, mirrored, strict=True):
                found = _per_pixel(each, (height, width))
                heat[rows] += found[:, :, ::-1] if is_mirrored else found
        heat = np.maximum(heat, 0)
        strongest = heat.max(axis=(1, 2), keepdims=True)
        return np.divide(heat, strongest, out=heat, where=strongest > 0)


def _contributions(
    to_maps: keras.Model, to_logits: keras.Model, pictures: np.ndarray, classes: np.ndarray
) -> list[np.ndarray]:
    """Of each last map, every cell's share in the class's logit: gradient times value, (n, rows, columns)."""
    maps = keras.tree.flatten(to_maps(pictures, training=False))  # a single map comes without its list
    maps = [tf.identity(each) for each in maps]  # members may be given one and the same, each has its share
    with tf.GradientTape() as tape:
        tape.watch(maps)
        logits = tf.gather(to_logits(maps, training=False), classes, axis=1, batch_dims=1)
    gradients = tape.gradient(logits, maps)
    return [tf.reduce_sum(a * b, axis=-1).numpy() for a, b in zip(maps, gradients, strict=True)]


def _per_pixel(contributions: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Spread each cell over the pixels it covers: a coarse map's cells are larger, not stronger."""
    pixels_per_cell = size[0] * size[1] / contributions[0].size
    return tf.image.resize(contributions[..., None] / pixels_per_cell, size).numpy()[..., 0]


def split_at_last_maps(servable: keras.Model) -> tuple[keras.Model, keras.Model, list[bool]]:
    """From pictures to the list of last feature maps, from those to the logits; which see a mirror image."""
    flat = _flat_copy(servable)
    softmax, logits = _step_to(flat.outputs[0])
    if not isinstance(softmax, keras.layers.Softmax):
        raise ValueError(f"no heat maps: {servable.name} ends in {softmax.name}; expected a Softmax layer")
    maps = _last_maps(logits[0])
    if not maps:
        raise ValueError(f"no heat maps: {servable.name} has no feature maps between pictures and logits")
    mirrored = [_sees_mirror_image(each) for each in maps]
    return keras.Model(flat.input, maps), keras.Model(maps, logits[0]), mirrored


def _step_to(tensor: keras.KerasTensor) -> tuple[Any, list[keras.KerasTensor]]:
    """The operation that made it, and of what; none for an input. One that is shared knows this by node."""
    operation, node, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node].input_tensors


def _sees_mirror_image(tensor: keras.KerasTensor) -> bool:
    operation, inputs = _step_to(tensor)
    mirrors = type(operation).__name__ == "Flip" and operation.axis == 2  # others flip colours
    return bool(inputs) and _sees_mirror_image(inputs[0]) != mirrors


def _flat_copy(servable: keras.Model) -> keras.Model:
    """The same computation without nested models, so that its graph can be walked and cut anywhere."""
    copy = _copy(servable)  # whose layers shall learn nothing of the new graph
    _number_names(copy, itertools.count())
    return _unnested(copy)


def _number_names(model: keras.Model, numbers: Iterator[int]) -> None:
    """Nested models may use the same names, as two of one backbone do; one flat model can't."""
    for operation in model.operations:
        if isinstance(operation, keras.Model):
            _number_names(operation, numbers)
        operation.name = f"{operation.name}_{next(numbers)}"


def _copy(model: keras.Model) -> keras.Model:
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _unnested(model: keras.Model) -> keras.Model:
    def call(operation: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(operation, keras.Function):
            return _unnested(operation).call(*arguments)  # __call__ would make one step of it
        return operation(*arguments, **options)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _last_maps(logits: keras.KerasTensor) -> list[keras.KerasTensor]:
    """On every path back from the logits, the first tensor (n, rows, columns, channels) of several cells.

    Maps of one cell, as after the last pooling of a small picture, show no place and are passed by.
    """
    waiting, seen, maps = [logits], set(), []
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if len(tensor.shape) == 4 and tensor.shape[1] * tensor.shape[2] > 1 and "float" in tensor.dtype:
            maps.append(tensor)
        else:
            waiting += _step_to(tensor)[1]
    return maps
