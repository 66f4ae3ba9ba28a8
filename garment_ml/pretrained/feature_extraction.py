"""Runs pictures through a frozen backbone once and keeps what the tapped layers say."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import keras
import numpy as np

from garment_ml.base.errors import UserError
from garment_ml.base.row_cache import RowCache
from garment_ml.base.row_store import DIGEST, RowStore, StoredRows
from garment_ml.base.terminal import progress_bar, say
from garment_ml.data.pictures import Images
from garment_ml.pretrained.backbones import Backbone
from garment_ml.pretrained.base_network import build_base
from garment_ml.pretrained.forward_pass import LARGEST, batch_size, forward_batches
from garment_ml.pretrained.taps import Tap, tap_model
from garment_ml.pretrained.weights import FoundWeights

FEATURE = np.dtype("<f2")
RECIPE = 2  # part of every key: raise it when the same description would give other features

Entries = Mapping[Tap, RowStore]
ModelOf = Callable[[Sequence[Tap]], keras.Model]


def extract(
    backbone: Backbone,
    found_weights: FoundWeights,
    size: tuple[int, int],
    taps: Sequence[Tap],
    images: Images,
    picture_digests: np.ndarray,
    cache: RowCache,
    *,
    fit: str | None = None,
) -> dict[Tap, StoredRows]:
    """Features of uint8 images `(n, height, width, channels)`, enlarged or shrunk to `size`.

    The pictures that the cache lacks, by their digests `(n,)` of dtype S32, are computed for all taps in one
    pass; an interrupted pass goes on where it stopped. `fit` says how pictures of another shape were brought
    to that of `images`. Raises UserError for what does not fit, GarmentError when the disk is full.
    """
    _check_pictures(images, picture_digests)
    common = {
        "recipe": RECIPE,
        "backbone": backbone.name,
        "weights": found_weights.digest,
        "preprocessing": backbone.preprocessing,
        "picture": {"shape": images.shape[1:], "fit": fit},
        "size": size,
    }
    entries = {tap: cache.entry({**common, "layer": tap.layer, "grid": tap.grid}) for tap in taps}

    def model_of(taps: Sequence[Tap]) -> keras.Model:
        return tap_model(backbone, build_base(backbone, size, found_weights.path), taps, images.shape[1:])

    if _missing(entries, picture_digests):
        # of all images, not of the missing ones, so that a resumed pass gives identical bytes
        batch = min(batch_size(size), len(images))
        with _locked(entries):
            _fill(entries, model_of, images, picture_digests, batch)
    return {tap: entry.open(picture_digests) for tap, entry in entries.items()}


def _check_pictures(images: Images, picture_digests: np.ndarray) -> None:
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise UserError(
            f"features: images are {images.dtype} {images.shape}, expected uint8 (n, height, width, channels)"
        )
    if picture_digests.shape != images.shape[:1] or picture_digests.dtype != DIGEST:
        given, expected = f"{picture_digests.dtype} {picture_digests.shape}", f"{DIGEST} {images.shape[:1]}"
        raise UserError(f"features: picture digests are {given}, expected {expected}")


@contextmanager
def _locked(entries: Entries) -> Iterator[None]:
    with ExitStack() as locks:
        for entry in sorted(entries.values(), key=lambda entry: entry.directory):  # one order: no deadlock
            locks.enter_context(entry.lock())
        yield


def _missing(entries: Entries, picture_digests: np.ndarray) -> dict[Tap, np.ndarray]:
    """Of each tap that lacks any: whether it lacks a picture, true for the first of equal ones only."""
    first = np.zeros(len(picture_digests), bool)
    first[np.unique(picture_digests, return_index=True)[1]] = True
    missing = {tap: first & (entry.find(picture_digests) < 0) for tap, entry in entries.items()}
    return {tap: lacks for tap, lacks in missing.items() if lacks.any()}


def _fill(
    entries: Entries,
    model_of: ModelOf,
    images: Images,
    picture_digests: np.ndarray,
    batch: int,
) -> None:
    missing, clipped = _missing(entries, picture_digests), Counter[str]()
    if not missing:  # another process was quicker
        return
    model = model_of(tuple(missing))
    for (tap, lacks), output in zip(missing.items(), model.outputs, strict=True):
        entries[tap].prepare(np.dtype((FEATURE, output.shape[1:])), more=int(lacks.sum()))
    wanted = np.flatnonzero(np.any([*missing.values()], axis=0))
    title = f"features of {', '.join(tap.layer for tap in missing)}"
    with progress_bar(len(wanted), title, "picture") as advance:
        for chosen, outputs in forward_batches(model, images, wanted, batch):
            for (tap, lacks), (rows, beyond) in zip(missing.items(), outputs, strict=True):
                new = np.flatnonzero(lacks[chosen])  # another tap may lack more
                _append(entries[tap], rows[new], picture_digests[chosen[new]])
                clipped[tap.layer] += int(beyond[new].sum())
            advance(len(chosen))
    for layer, count in (+clipped).items():
        say(f"{layer}: {count} features beyond {LARGEST:.0f} were stored as that (float16)")


def _append(entry: RowStore, rows: np.ndarray, picture_digests: np.ndarray) -> None:
    if np.isnan(rows).any():
        layer = entry.description["layer"]
        raise UserError(f"layer {layer} gives values that are not numbers; the weights are unusable")
    if len(rows):
        entry.append(rows, picture_digests)
