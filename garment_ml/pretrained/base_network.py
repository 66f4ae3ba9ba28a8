"""A backbone's network: built without its classifier, with the same weights and names in every process."""

import random
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import keras

from garment_ml.base.errors import UserError
from garment_ml.pretrained.backbones import Backbone, check_picture_size

RANDOM_WEIGHTS_SEED = 0


def build_base(backbone: Backbone, size: tuple[int, int], weights: Path | None) -> keras.Model:
    """The network without classifier and pooling, input float32 (n, height, width, 3).

    `weights=None` gives random weights, the same in every process. Layers have the same names in every
    process too: Keras numbers unnamed ones by what was built before. Raises UserError for a size that is
    too small and for weights that do not belong to this network.
    """
    check_picture_size(backbone, size)
    module, builder = backbone.builder.split(".")
    build = getattr(import_module(f"keras.applications.{module}"), builder)
    with _same_random_weights():
        base = build(weights=None, include_top=False, input_shape=(*size, 3))
    _number_unnamed_layers(base)
    if weights is not None:
        _load_weights(base, backbone, weights)
    return base


@contextmanager
def _same_random_weights() -> Iterator[None]:
    """Keras 3 draws each initializer's seed from Python's generator; the caller gets its state back."""
    state = random.getstate()
    random.seed(RANDOM_WEIGHTS_SEED)
    try:
        yield
    finally:
        random.setstate(state)


def _number_unnamed_layers(base: keras.Model) -> None:
    seen: Counter[str] = Counter()
    for layer in base.layers:
        stem = re.sub(r"_\d+$", "", layer.name)
        if stem.replace("_", "") == type(layer).__name__.lower():
            layer.name = f"{stem}_{seen[stem]}" if seen[stem] else stem
            seen[stem] += 1


def _load_weights(base: keras.Model, backbone: Backbone, weights: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping nested container")  # an error follows
            base.load_weights(weights)
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"{weights} does not hold weights of {backbone.name} without its classifier ({reason}); "
            "choose the backbone the file was made from, or another file"
        ) from error


def prefix(base: keras.Model, layer_name: str) -> keras.Model:
    """From the base's input to the output of that layer; shares the base's weights."""
    return keras.Model(base.input, base.get_layer(layer_name).output, name=f"{base.name}_to_{layer_name}")
