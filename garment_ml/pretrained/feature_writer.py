"""Appends features to their file; what was appended survives an interruption."""

from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from garment_ml.base.errors import GarmentError
from garment_ml.pretrained.feature_file import DTYPE, read_header, write_header

if TYPE_CHECKING:
    from garment_ml.pretrained.feature_cache import Entry

COMMIT_SECONDS = 5.0  # the most work that an interruption can cost
ELSEWHERE = "free some, or set GARMENT_ML_CACHE to a directory on a larger disk"


class FeatureWriter:
    """Appends to one entry's file; a row counts once the record says so, which is written after the rows."""

    def __init__(self, entry: Entry, record: dict[str, Any]) -> None:
        self.entry, self.record = entry, record
        self.row_bytes = DTYPE.itemsize * int(np.prod(record["shape"][1:]))
        self.rows = self.committed = entry.rows_done
        self.checksum, self.clipped, self.committed_at = 0, 0, time.monotonic()
        self._check_space()
        self.file = entry.path.open("r+b" if self.rows else "wb", buffering=0)
        if not self.rows:
            write_header(self.file, record["shape"])
        start = read_header(entry.path)[2]
        self.file.truncate(start + self.rows * self.row_bytes)
        self.file.seek(0, os.SEEK_END)

    def append(self, rows: np.ndarray, clipped: int = 0) -> None:
        """Add float16 rows; raises GarmentError when the disk is full."""
        content = memoryview(np.ascontiguousarray(rows, DTYPE)).cast("B")
        with disk_errors(self.entry):
            _write_all(self.file, content)
            self.checksum = zlib.crc32(content, self.checksum)
            self.rows += len(rows)
            self.clipped += clipped
            if time.monotonic() - self.committed_at >= COMMIT_SECONDS:
                self.commit()

    def commit(self) -> None:
        os.fsync(self.file.fileno())
        if self.rows > self.committed:
            self.record["chunks"].append([self.rows, self.checksum])
            self.record["clipped"] += self.clipped
        aside = self.entry.record_path.with_suffix(".partial")
        aside.write_text(json.dumps(self.record))
        os.replace(aside, self.entry.record_path)
        self.committed, self.checksum, self.clipped = self.rows, 0, 0
        self.committed_at = time.monotonic()

    def close(self) -> None:
        with disk_errors(self.entry):
            try:
                self.commit()
            finally:
                self.file.close()

    def _check_space(self) -> None:
        needed = (self.record["shape"][0] - self.rows) * self.row_bytes
        free = shutil.disk_usage(self.entry.path.parent).free
        if needed > free:
            raise GarmentError(
                f"{self.entry.path} needs {needed / 1e9:.2f} GB more, but its disk has {free / 1e9:.2f} GB; "
                f"{ELSEWHERE}"
            )


@contextmanager
def disk_errors(entry: Entry) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GarmentError(
            f"cannot write features to {entry.path} ({error.strerror or error}); {entry.rows_done} of "
            f"{entry.description['pictures']} rows were finished and are kept; {ELSEWHERE}"
        ) from error


def _write_all(file: BinaryIO, content: memoryview) -> None:
    while content:
        content = content[file.write(content) :]
