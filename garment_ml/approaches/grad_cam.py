"""Where a servable looks: which parts of a picture speak for a class (Grad-CAM, Selvaraju et al. 2017)."""

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from garment_ml.base.errors import UserError

BATCH = 32


def heat_maps(servable: keras.Model, pictures: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """What speaks for class `classes[i]` (n,) in uint8 `pictures[i]` (n, height, width, channels).

    Float32 (n, height, width), each map's largest value 1, or all 0 where nothing speaks for the class.
    The gradient of the class's logit weighs the last feature maps cell by cell (HiResCAM, Draelos and
    Carin 2020): with a head that averages the maps these are Grad-CAM's weights; with one that flattens
    them, Grad-CAM's mean gradient lights up cells the class doesn't depend on. Several last maps, as with
    several taps or members of an ensemble, are added up, each as its contribution to the logit per pixel.
    Raises UserError for a model without softmax or feature maps. The servable is left as it is.
    """
    height, width = pictures.shape[1:3]
    to_maps, to_logits = _split_at_last_maps(servable)
    heat = np.zeros((len(pictures), height, width), np.float32)
    for start in range(0, len(pictures), BATCH):
        rows = slice(start, start + BATCH)
        for each in _contributions(to_maps, to_logits, pictures[rows], np.asarray(classes)[rows]):
            heat[rows] += _per_pixel(each, (height, width))
    heat = np.maximum(heat, 0)
    strongest = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, strongest, out=heat, where=strongest > 0)


def _contributions(
    to_maps: keras.Model, to_logits: keras.Model, pictures: np.ndarray, classes: np.ndarray
) -> list[np.ndarray]:
    """Of each last map, every cell's share in the class's logit: gradient times value, (n, rows, columns)."""
    maps = keras.tree.flatten(to_maps(pictures, training=False))  # a single map comes without its list
    with tf.GradientTape() as tape:
        tape.watch(maps)
        logits = tf.gather(to_logits(maps, training=False), classes, axis=1, batch_dims=1)
    gradients = tape.gradient(logits, maps)
    return [tf.reduce_sum(a * b, axis=-1).numpy() for a, b in zip(maps, gradients, strict=True)]


def _per_pixel(contributions: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Spread each cell over the pixels it covers: a coarse map's cells are larger, not stronger."""
    pixels_per_cell = size[0] * size[1] / contributions[0].size
    return tf.image.resize(contributions[..., None] / pixels_per_cell, size).numpy()[..., 0]


def _split_at_last_maps(servable: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Two models: from pictures to the list of last feature maps, and from those to the logits."""
    flat = _flat_copy(servable)
    producers = {
        id(tensor): operation
        for operation in flat.operations
        for tensor in keras.tree.flatten(operation.output)
    }
    softmax = producers[id(flat.outputs[0])]
    if not isinstance(softmax, keras.layers.Softmax):
        raise UserError(f"no heat maps: {servable.name} ends in {softmax.name}; expected a Softmax layer")
    maps = _last_maps(softmax.input, producers)
    if not maps:
        raise UserError(f"no heat maps: {servable.name} has no feature maps between pictures and logits")
    return keras.Model(flat.input, maps), keras.Model(maps, softmax.input)


def _flat_copy(servable: keras.Model) -> keras.Model:
    """The same computation without nested models, so that its graph can be walked and cut anywhere."""
    # Copied first, so that the servable's layers learn nothing of the new graph, and last, because a layer
    # that serves in two graphs can't say which of its inputs belongs to which.
    copy = _copy(servable)
    _number_names(copy, itertools.count())
    return _copy(_unnested(copy))


def _number_names(model: keras.Model, numbers: Iterator[int]) -> None:
    """Nested models may use the same names, as two of one backbone do; one flat model can't."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            _number_names(layer, numbers)
        layer.name = f"{layer.name}_{next(numbers)}"


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


def _last_maps(logits: keras.KerasTensor, producers: dict[int, Any]) -> list[keras.KerasTensor]:
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
        elif not isinstance(producers[id(tensor)], keras.layers.InputLayer):
            waiting += keras.tree.flatten(producers[id(tensor)].input)
    return maps
