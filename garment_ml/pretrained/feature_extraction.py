"""Runs pictures through a frozen backbone once and keeps what the tapped layers say."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from garment_ml.base.errors import UserError
from garment_ml.pretrained.backbones import Backbone, check_picture_size
from garment_ml.pretrained.base_network import build_base
from garment_ml.pretrained.feature_cache import Entry, FeatureCache
from garment_ml.pretrained.feature_file import DTYPE
from garment_ml.pretrained.feature_writer import FeatureWriter
from garment_ml.pretrained.taps import Tap, tap_model
from garment_ml.pretrained.weights import FoundWeights

RECIPE = 1  # part of every key: raise it when the same description would give other features
PIXELS_PER_BATCH = 256 * 32 * 32
LARGEST = float(np.finfo(DTYPE).max)

Forward = Callable[[np.ndarray], Sequence[tuple[Any, Any]]]


@dataclass(frozen=True)
class Extraction:
    """Float16 features `(n, height, width, channels)` per tap, read from disk as they are used.

    `seconds` is what this call took, `hit` whether nothing had to be computed.
    """

    features: dict[Tap, np.memmap]
    seconds: float
    hit: bool
    keys: tuple[str, ...]


def extract(
    backbone: Backbone,
    found_weights: FoundWeights,
    size: tuple[int, int],
    taps: Sequence[Tap],
    images: np.ndarray,
    picture_digests: np.ndarray,
    cache: FeatureCache,
    progress: bool = True,
) -> Extraction:
    """Features of uint8 images `(n, height, width, channels)`, enlarged or shrunk to `size`.

    What the cache lacks is computed for all taps in one pass; an interrupted pass goes on where it stopped.
    Raises UserError for pictures, sizes or layers that do not fit, GarmentError when the disk is full.
    """
    started = time.monotonic()
    _check_arguments(backbone, size, taps, images, picture_digests)
    data = {"data": _data_digest(picture_digests), "picture_shape": images.shape[1:], "pictures": len(images)}
    common = {**describe(backbone, found_weights, size), **data}
    entries = {tap: cache.entry({**common, "layer": tap.layer, "grid": tap.grid}) for tap in taps}
    with ExitStack() as locks:
        for entry in sorted(entries.values(), key=lambda entry: entry.key):  # one order, so no deadlock
            locks.enter_context(entry.locked())
        missing = {tap: entry for tap, entry in entries.items() if not entry.complete}
        if missing:
            base = build_base(backbone, size, found_weights.path)
            _fill(missing, backbone, base, images, progress)
            _report_clipping(missing)
    features = {tap: entry.open() for tap, entry in entries.items()}
    keys = tuple(entry.key for entry in entries.values())
    return Extraction(features, time.monotonic() - started, not missing, keys)


def _check_arguments(
    backbone: Backbone,
    size: tuple[int, int],
    taps: Sequence[Tap],
    images: np.ndarray,
    picture_digests: np.ndarray,
) -> None:
    check_picture_size(backbone, size)
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise UserError(
            f"features: images are {images.dtype} {images.shape}, expected uint8 (n, height, width, channels)"
        )
    if len(images) != len(picture_digests):
        raise UserError(f"features: {len(images)} images but {len(picture_digests)} picture digests")
    if not taps or any(tap.grid is not None and tap.grid < 1 for tap in taps):
        raise UserError("features: expected at least one tap, each with a grid of at least 1 or none")


def describe(backbone: Backbone, found_weights: FoundWeights, size: tuple[int, int]) -> dict[str, Any]:
    """All that determines a picture's features, apart from the tap."""
    return {
        "recipe": RECIPE,
        "backbone": backbone.name,
        "weights": found_weights.digest,
        "preprocessing": backbone.preprocessing,
        "size": list(size),
    }


def _data_digest(picture_digests: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(picture_digests).tobytes(), digest_size=16).hexdigest()


def _fill(
    entries: dict[Tap, Entry], backbone: Backbone, base: keras.Model, images: np.ndarray, progress: bool
) -> None:
    model = tap_model(backbone, base, tuple(entries), images.shape[1:])
    batch = min(batch_size(base.input_shape[1:3]), len(images))
    forward = compiled(model)
    # whole batches, as in an uninterrupted pass, so that a resumed one gives identical bytes
    first = min(entry.rows_done for entry in entries.values()) // batch * batch
    title = f"{backbone.name} features"
    bar = tqdm(total=len(images), initial=first, unit="picture", desc=title, disable=not progress)
    with bar, ExitStack() as stack:
        writers = [
            stack.enter_context(entry.writer(output.shape[1:]))
            for entry, output in zip(entries.values(), model.outputs, strict=True)
        ]
        for start in range(first, len(images), batch):
            pictures = images[start : start + batch]
            for writer, (rows, beyond) in zip(writers, forward(_padded(pictures, batch)), strict=True):
                new = slice(max(writer.rows - start, 0), len(pictures))  # the entry may have some already
                _append(writer, rows.numpy()[new], beyond.numpy()[new])
            bar.update(len(pictures))


def _append(writer: FeatureWriter, rows: np.ndarray, beyond: np.ndarray) -> None:
    if beyond.any() and np.isnan(rows).any():
        raise UserError(
            f"layer {writer.entry.description['layer']} gives values that are not numbers; "
            "the weights are unusable"
        )
    if len(rows):
        writer.append(rows, int(beyond.sum()))


def batch_size(size: tuple[int, int]) -> int:
    """Pictures per forward pass: memory stays about the same at every (height, width)."""
    return max(8, min(256, PIXELS_PER_BATCH // (size[0] * size[1])))


def compiled(model: keras.Model) -> Forward:
    """One graph for one batch shape; gives float16 rows and, of each, how many values did not fit.

    No XLA: on 2 cores it made VGG16 seven times slower.
    """

    @tf.function(jit_compile=False, autograph=False)
    def forward(pictures: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        return [_to_float16(output) for output in tf.nest.flatten(model(pictures, training=False))]

    def _to_float16(output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        fits = tf.abs(output) <= LARGEST  # False for NaN, too
        beyond = tf.reduce_sum(tf.cast(~fits, tf.int32), axis=[1, 2, 3])
        # clip_by_value would turn NaN into a number
        return tf.cast(tf.where(fits, output, LARGEST * tf.sign(output)), tf.float16), beyond

    return forward


def _padded(pictures: np.ndarray, batch: int) -> np.ndarray:
    missing = batch - len(pictures)
    return np.pad(pictures, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else pictures


def _report_clipping(entries: dict[Tap, Entry]) -> None:
    for tap, entry in entries.items():
        if entry.clipped:
            print(
                f"{tap.layer}: {entry.clipped} features beyond {LARGEST:.0f} were stored as that (float16)",
                file=sys.stderr,
            )
