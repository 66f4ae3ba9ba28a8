"""The features of one key on disk: rows that are only ever appended, and whose pictures they are."""

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import say
from garment_ml.base.write_aside import write_aside
from garment_ml.pretrained.cached_features import CachedFeatures

FEATURE, DIGEST = np.dtype("<f2"), np.dtype("S32")
ELSEWHERE = "free some, or set GARMENT_ML_CACHE to a directory on a larger disk"


class FeatureRows:
    """A directory with `description.json`, `rows.f16` and `digests`, whose i-th names the picture of row i.

    A row counts once it and its digest are whole. Rows are on disk before their digests are written, so
    whatever a killed process or a full disk leaves behind, the rows that count are right.
    """

    def __init__(self, directory: Path, description: Mapping[str, Any]) -> None:
        self.directory, self.description = directory, description
        self._record = directory / "description.json"
        self._rows, self._digests = directory / "rows.f16", directory / "digests"

    def __len__(self) -> int:
        """Rows that count."""
        shape = self._row_shape()
        rows = _size(self._rows) // _row_bytes(shape) if shape else 0
        return min(rows, _size(self._digests) // DIGEST.itemsize)

    def find(self, picture_digests: np.ndarray) -> np.ndarray:
        """The row of each picture, -1 where there is none yet."""
        count = len(self)
        stored = np.fromfile(self._digests, DIGEST, count).tolist() if count else []
        rows = {digest: row for row, digest in enumerate(stored)}
        return np.array([rows.get(digest, -1) for digest in picture_digests.tolist()], np.int64)

    def open(self, picture_digests: np.ndarray) -> CachedFeatures:
        """The rows of these pictures, in this order, left on disk until they are used."""
        rows = self.find(picture_digests)
        if (rows < 0).any():
            raise GarmentError(f"{self.directory} was cleared a moment ago; start again")
        shape = (len(self), *(self._row_shape() or ()))
        return CachedFeatures(np.memmap(self._rows, FEATURE, "r", shape=shape), rows)

    def lock(self) -> AbstractContextManager[Any]:
        """Held by whoever appends; says so when it has to wait for another process."""
        lock = filelock.FileLock(self.directory.with_suffix(".lock"))
        try:
            return lock.acquire(timeout=0)
        except filelock.Timeout:
            say("waiting for another process that is extracting the same features")
            return lock.acquire()

    def prepare(self, row_shape: tuple[int, ...], more: int) -> None:
        """For `more` rows to be appended under the lock; cuts off what an interruption left half done."""
        with self._disk_errors():
            if self._row_shape() != row_shape:
                self._begin(row_shape)
            rows, row_bytes = len(self), _row_bytes(row_shape)
            for path, end in ((self._rows, rows * row_bytes), (self._digests, rows * DIGEST.itemsize)):
                if _size(path) > end:
                    os.truncate(path, end)
            needed, free = more * row_bytes / 1e9, shutil.disk_usage(self.directory).free / 1e9
        if needed > free:
            told = f"needs {needed:.2f} GB more, but its disk has {free:.2f} GB"
            raise GarmentError(f"{self.directory} {told}; {ELSEWHERE}")

    def append(self, features: np.ndarray, picture_digests: np.ndarray) -> None:
        """Features of pictures that have no row yet; raises GarmentError when the disk is full."""
        with self._disk_errors():
            with self._rows.open("ab") as file:
                file.write(np.ascontiguousarray(features, FEATURE).data)
                file.flush()
                os.fsync(file.fileno())
            with self._digests.open("ab") as file:
                file.write(np.ascontiguousarray(picture_digests, DIGEST).data)

    def _begin(self, row_shape: tuple[int, ...]) -> None:
        if self._rows.exists():
            say(f"{self._record} is damaged; extracting again")
        for path in (self._digests, self._rows):
            path.unlink(missing_ok=True)  # not overwritten: another process may have it mapped
        record = {"description": self.description, "row_shape": row_shape}
        write_aside(self._record, json.dumps(record, indent=2).encode())

    def _row_shape(self) -> tuple[int, ...] | None:
        with suppress(OSError, ValueError):
            return tuple(json.loads(self._record.read_text())["row_shape"])
        return None

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GarmentError(
                f"cannot write features to {self.directory} ({error.strerror or error}); the {len(self):,} "
                f"pictures that were finished are kept; {ELSEWHERE}"
            ) from error


def _row_bytes(row_shape: tuple[int, ...]) -> int:
    return FEATURE.itemsize * math.prod(row_shape)


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
