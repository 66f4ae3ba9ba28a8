"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), from the first place that has it whole."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import UserError
from garment_ml.base.first_place import first_place
from garment_ml.base.write_aside import write_aside
from garment_ml.data.dataset import Dataset
from garment_ml.data.fetch import debian_package_files, download
from garment_ml.data.pictures import Pictures
from garment_ml.data.source_options import SourceOptions, own_class_names

CLASS_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
# sha256 of the decompressed content: Debian compresses anew, so its .gz files differ from the published ones
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def _keras_directory() -> Path:
    """Where keras.datasets.fashion_mnist keeps its files (keras/src/backend/config.py)."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets" / "fashion-mnist"


@dataclass(frozen=True)
class Places:
    """Where to look and what counts as genuine; the defaults are those of a user's machine."""

    package: Path = Path("/usr/share/datasets/fashion-mnist")
    keras: Path = field(default_factory=_keras_directory)
    cache: Path = field(default_factory=lambda: cache_directory("fashion-mnist"))
    address: str = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
    apt: tuple[str, ...] = ("apt-get", "download", "dataset-fashion-mnist")
    checksums: Mapping[str, str] = field(default_factory=lambda: CHECKSUMS)


def load_fashion_mnist(
    data_dir: Path | None = None, options: SourceOptions | None = None, *, places: Places | None = None
) -> Dataset:
    """60,000 + 10,000 pictures, uint8 (28, 28, 1); `origin` says where they were found.

    Raises UserError where a given `data_dir` lacks a file or holds a damaged one, GarmentError where no place
    works.
    """
    own_class_names("fashion-mnist", CLASS_NAMES, options)
    places = places or Places()
    if data_dir is not None:
        try:
            return _dataset(_read_directory(Path(data_dir), places.checksums), f"directory {data_dir}")
        except (OSError, ValueError) as error:
            names = ", ".join(places.checksums)
            raise UserError(f"{error}; the data directory must hold {names}, as published") from error
    advice = f"Put {', '.join(places.checksums)} into a directory and name it as data directory"
    origin, arrays = first_place("Fashion-MNIST", _look_ups(places), advice)
    return _dataset(arrays, origin)


Arrays = dict[str, np.ndarray]


def _look_ups(places: Places) -> Iterator[tuple[str, Callable[[], Arrays]]]:
    """What to call each place and how to read it, cheapest first."""
    kept = {"Debian package": places.package, "Keras cache": places.keras, "cache": places.cache}
    for name, directory in kept.items():
        yield f"{name} {directory}", partial(_read_directory, directory, places.checksums)

    @cache
    def packaged() -> dict[str, bytes]:
        return debian_package_files(places.apt, places.checksums)

    address = places.address
    yield f"download from {address}", partial(_fetch, places, lambda name: download(f"{address}/{name}"))
    yield f"`{' '.join(places.apt)}`", partial(_fetch, places, lambda name: packaged()[name])


def _fetch(places: Places, get: Callable[[str], bytes]) -> Arrays:
    """Complete the cache with what `get` gives for a file's name; nothing unchecked is stored."""
    arrays = {}
    for name, checksum in places.checksums.items():
        path = places.cache / name
        try:
            arrays[name] = _parse(path.read_bytes(), checksum, str(path))
        except (OSError, ValueError):
            data = get(name)
            arrays[name] = _parse(data, checksum, name)
            write_aside(path, data)
    return arrays


def _read_directory(directory: Path, checksums: Mapping[str, str]) -> Arrays:
    paths = {directory / name: checksum for name, checksum in checksums.items()}
    return {path.name: _parse(path.read_bytes(), checksum, str(path)) for path, checksum in paths.items()}


def _parse(compressed: bytes, checksum: str, name: str) -> np.ndarray:
    try:
        content = gzip.decompress(compressed)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{name} ({len(compressed):,} bytes) is no whole gzip file: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != checksum:
        raise ValueError(
            f"{name} is not Fashion-MNIST's (MNIST's own files bear the same names): "
            f"the sha256 of its decompressed content is {found}, expected {checksum}"
        )
    dimensions = content[3]  # of an IDX file, big-endian lengths after it; nothing to check: the sum is right
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _dataset(arrays: Arrays, origin: str) -> Dataset:
    train_images, train_labels, test_images, test_labels = (arrays[name] for name in CHECKSUMS)
    return Dataset(
        name="fashion-mnist",
        pictures=Pictures.of(np.concatenate([train_images, test_images])[..., np.newaxis]),
        labels=np.concatenate([train_labels, test_labels]).astype(np.int64),
        class_names=CLASS_NAMES,
        origin=origin,
        published_test=np.repeat([False, True], [len(train_labels), len(test_labels)]),
    )
