"""Rows of one key on disk, only ever appended, found by digest: features of pictures, decoded pictures."""

import ast
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import filelock
import numpy as np

from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import say
from garment_ml.base.write_aside import write_aside

DIGEST = np.dtype("S32")
ELSEWHERE = "free some, or set GARMENT_ML_CACHE to a directory on a larger disk"


class StoredRows:
    """Looks like an array `(n, ...)`; indexing reads those rows, in the order asked, and no others."""

    def __init__(self, stored: np.ndarray, rows: np.ndarray) -> None:
        self.stored, self.rows = stored, rows
        self.shape, self.ndim, self.dtype = (len(rows), *stored.shape[1:]), stored.ndim, stored.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: np.ndarray | slice | int) -> np.ndarray:
        return self.stored[self.rows[chosen]]

    def take(self, chosen: np.ndarray | slice) -> Self:
        """The chosen rows, still on disk."""
        return type(self)(self.stored, self.rows[chosen])


class RowStore:
    """A directory with `description.json`, `rows` and `digests`, whose i-th is that of row i.

    A row counts once it and its digest are whole. Rows are on disk before their digests are written, so
    whatever a killed process or a full disk leaves behind, the rows that count are right.
    """

    def __init__(self, directory: Path, description: Mapping[str, Any]) -> None:
        self.directory, self.description = directory, description
        self._record = directory / "description.json"
        self._rows, self._digests = directory / "rows", directory / "digests"

    def __len__(self) -> int:
        """Rows that count."""
        row = self._row_type()
        rows = _size(self._rows) // row.itemsize if row else 0
        return min(rows, _size(self._digests) // DIGEST.itemsize)

    def digests(self) -> list[bytes]:
        """Of the rows that count, in their order."""
        count = len(self)
        return np.fromfile(self._digests, DIGEST, count).tolist() if count else []

    def find(self, digests: np.ndarray) -> np.ndarray:
        """The row of each digest, -1 where there is none yet."""
        rows = {digest: row for row, digest in enumerate(self.digests())}
        return np.array([rows.get(digest, -1) for digest in digests.tolist()], np.int64)

    def open(self, digests: np.ndarray) -> StoredRows:
        """The rows of these digests, in this order, left on disk until they are used."""
        rows = self.find(digests)
        row = self._row_type()
        if row is None or (rows < 0).any():
            raise GarmentError(f"{self.directory} was cleared a moment ago; start again")
        return StoredRows(np.memmap(self._rows, row, "r", shape=(len(self),)), rows)

    def lock(self) -> AbstractContextManager[Any]:
        """Held by whoever appends; says so when it has to wait for another process."""
        lock = filelock.FileLock(self.directory.with_suffix(".lock"))
        try:
            return lock.acquire(timeout=0)
        except filelock.Timeout:
            say("waiting for another process that is filling the same cache")
            return lock.acquire()

    def prepare(self, row: np.dtype, more: int) -> None:
        """For `more` rows of type `row` to be appended under the lock; cuts off what was left half done."""
        with self._disk_errors():
            if self._row_type() != row:
                self._begin(row)
            rows, row_bytes = len(self), row.itemsize
            for path, end in ((self._rows, rows * row_bytes), (self._digests, rows * DIGEST.itemsize)):
                if _size(path) > end:
                    os.truncate(path, end)
            needed, free = more * row_bytes / 1e9, shutil.disk_usage(self.directory).free / 1e9
        if needed > free:
            told = f"needs {needed:.2f} GB more, but its disk has {free:.2f} GB"
            raise GarmentError(f"{self.directory} {told}; {ELSEWHERE}")

    def append(self, rows: np.ndarray, digests: np.ndarray) -> None:
        """Rows of digests that have none yet; raises GarmentError when the disk is full."""
        with self._disk_errors():
            with self._rows.open("ab") as file:
                file.write(np.ascontiguousarray(rows).tobytes())
                file.flush()
                os.fsync(file.fileno())
            with self._digests.open("ab") as file:
                file.write(np.ascontiguousarray(digests, DIGEST).tobytes())

    def _begin(self, row: np.dtype) -> None:
        if self._rows.exists():
            say(f"{self._record} is damaged; beginning again")
        for path in (self._digests, self._rows):
            path.unlink(missing_ok=True)  # not overwritten: another process may have it mapped
        record = {"description": self.description, "row": repr(_wrapped(row).descr)}
        write_aside(self._record, json.dumps(record, indent=2).encode())

    def _row_type(self) -> np.dtype | None:
        with suppress(OSError, ValueError, KeyError, SyntaxError):
            return np.dtype(ast.literal_eval(json.loads(self._record.read_text())["row"]))["row"]
        return None

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GarmentError(
                f"cannot write to {self.directory} ({error.strerror or error}); the {len(self):,} "
                f"rows that were finished are kept; {ELSEWHERE}"
            ) from error


def _wrapped(row: np.dtype) -> np.dtype:
    """As a field: alone, a type with a shape can't be written down."""
    return np.dtype([("row", row)])


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
