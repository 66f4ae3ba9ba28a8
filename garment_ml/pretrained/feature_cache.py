"""Features on disk: per tapped layer one .npy file and a JSON record, filled in one sitting or several."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import filelock
import numpy as np

from garment_ml.base.errors import GarmentError
from garment_ml.pretrained.feature_file import sound_chunks
from garment_ml.pretrained.feature_writer import FeatureWriter, disk_errors

ENDINGS = (".npy", ".json", ".partial")


class FeatureCache:
    """The entries of one directory; several processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def entry(self, description: Mapping[str, Any]) -> Entry:
        """The features with this description: anything JSON can hold, `pictures` being their number."""
        return Entry(self.directory, description)

    def list_entries(self) -> list[Entry]:
        """All entries whose record can be read."""
        records = map(_read_record, sorted(self.directory.glob("*.json")))
        return [self.entry(record["description"]) for record in records if record]

    def clear(self) -> int:
        """Delete all files of entries that no process is filling; returns the bytes that were freed."""
        freed = 0
        for path in [path for ending in ENDINGS for path in self.directory.glob(f"*{ending}")]:
            try:
                with filelock.FileLock(path.with_suffix(".lock"), timeout=0):
                    freed += path.stat().st_size
                    path.unlink()
            except filelock.Timeout:
                _say(f"kept {path}: another process is working on it")
        return freed


class Entry:
    """Float16 features of `pictures` rows; the first `rows_done` of them are safely on disk."""

    def __init__(self, directory: Path, description: Mapping[str, Any]) -> None:
        canonical = json.dumps(description, sort_keys=True)
        self.description: dict[str, Any] = json.loads(canonical)
        self.key = hashlib.sha256(canonical.encode()).hexdigest()[:32]
        self.path = directory / f"{self.key}.npy"
        self.record_path = directory / f"{self.key}.json"
        self._record = self._read()

    @property
    def rows_done(self) -> int:
        chunks = self._record["chunks"]
        return chunks[-1][0] if chunks else 0

    @property
    def complete(self) -> bool:
        return self.rows_done == self.description["pictures"]

    @property
    def clipped(self) -> int:
        """How many values lay beyond float16 and were stored as its largest."""
        return self._record["clipped"]

    def open(self) -> np.memmap:
        """The features, read-only, `(pictures, ...)`; raises GarmentError while they are incomplete."""
        if not self.complete:
            raise GarmentError(
                f"{self.path} has {self.rows_done} of {self.description['pictures']} rows so far"
            )
        return np.load(self.path, mmap_mode="r")

    @contextmanager
    def locked(self) -> Iterator[Self]:
        """Wait for other processes, then check what is on disk and forget whatever is damaged."""
        lock = filelock.FileLock(self.path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            _say("waiting for another process that is extracting the same features")
            lock.acquire()
        try:
            self._record = self._read()
            self._check()
            yield self
        finally:
            lock.release()

    @contextmanager
    def writer(self, row_shape: tuple[int, ...]) -> Iterator[FeatureWriter]:
        """Append rows after the last good one; hold the lock. What was appended is kept on interruption."""
        shape = [self.description["pictures"], *row_shape]
        if self._record["shape"] != shape:
            self._forget("" if self._record["shape"] is None else f"its shape is not {tuple(shape)}")
            self._record["shape"] = shape
        with disk_errors(self):
            writer = FeatureWriter(self, self._record)
        try:
            yield writer
        finally:
            writer.close()

    def _read(self) -> dict[str, Any]:
        record = _read_record(self.record_path)
        if record is None or record["description"] != self.description:
            return {"description": self.description, "shape": None, "chunks": [], "clipped": 0}
        return record

    def _check(self) -> None:
        """Keep the leading chunks that are sound; delete the file when there is none."""
        good, problem = 0, "it has no readable record"
        if self._record["shape"]:
            good, problem = sound_chunks(self.path, self._record)
        elif not self.path.exists():
            return
        if good == 0:
            self._forget(problem)
        elif problem:
            del self._record["chunks"][good:]
            _say(f"{self.path}: {problem}; extracting again from row {self.rows_done}")

    def _forget(self, problem: str) -> None:
        # unlink, never overwrite: another process may have the old file mapped
        self.path.unlink(missing_ok=True)
        self.record_path.unlink(missing_ok=True)
        if problem:
            _say(f"{self.path}: {problem}; extracting again")
        self._record = self._read()


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text())
        return {
            "description": dict(record["description"]),
            "shape": [int(side) for side in record["shape"]],
            "chunks": [[int(end), int(checksum)] for end, checksum in record["chunks"]],
            "clipped": int(record["clipped"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
