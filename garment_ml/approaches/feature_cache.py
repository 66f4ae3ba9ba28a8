"""Features on disk: per tapped layer one .npy file and a JSON record, filled in one sitting or several."""

import hashlib
import json
import os
import shutil
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

import filelock
import numpy as np

from garment_ml.errors import GarmentError

DTYPE = np.dtype("<f2")
COMMIT_SECONDS = 5.0  # the most work that an interruption can cost
READ_BYTES = 1 << 24
ENDINGS = (".npy", ".json", ".partial")
ELSEWHERE = "free some, or set GARMENT_ML_CACHE to a directory on a larger disk"


class FeatureCache:
    """The entries of one directory; several processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def entry(self, description: Mapping[str, Any]) -> "Entry":
        """The features with this description: anything JSON can hold, `pictures` being their number."""
        return Entry(self.directory, description)

    def list_entries(self) -> list["Entry"]:
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
    def writer(self, row_shape: tuple[int, ...]) -> Iterator["Writer"]:
        """Append rows after the last good one; hold the lock. What was appended is kept on interruption."""
        shape = [self.description["pictures"], *row_shape]
        if self._record["shape"] != shape:
            self._forget("" if self._record["shape"] is None else f"its shape is not {tuple(shape)}")
            self._record["shape"] = shape
        with _disk_errors(self):
            writer = Writer(self, self._record)
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
            good, problem = _sound_chunks(self.path, self._record)
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


class Writer:
    """Appends to one entry's file; a row counts once the record says so, which is written after the rows."""

    def __init__(self, entry: Entry, record: dict[str, Any]) -> None:
        self.entry, self.record = entry, record
        self.row_bytes = DTYPE.itemsize * int(np.prod(record["shape"][1:]))
        self.rows = self.committed = entry.rows_done
        self.checksum, self.clipped, self.committed_at = 0, 0, time.monotonic()
        self._check_space()
        self.file = entry.path.open("r+b" if self.rows else "wb", buffering=0)
        if not self.rows:
            _write_header(self.file, record["shape"])
        start = _read_header(entry.path)[2]
        self.file.truncate(start + self.rows * self.row_bytes)
        self.file.seek(0, os.SEEK_END)

    def append(self, rows: np.ndarray, clipped: int = 0) -> None:
        """Add float16 rows; raises GarmentError when the disk is full."""
        content = memoryview(np.ascontiguousarray(rows, DTYPE)).cast("B")
        with _disk_errors(self.entry):
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
        with _disk_errors(self.entry):
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
def _disk_errors(entry: Entry) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GarmentError(
            f"cannot write features to {entry.path} ({error.strerror or error}); {entry.rows_done} of "
            f"{entry.description['pictures']} rows were finished and are kept; {ELSEWHERE}"
        ) from error


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


def _sound_chunks(path: Path, record: dict[str, Any]) -> tuple[int, str]:
    """How many leading chunks have the bytes they were written with, and what is wrong with the next."""
    try:
        shape, dtype, start = _read_header(path)
    except (OSError, ValueError) as error:
        return 0, f"its header cannot be read ({error})"
    if shape != record["shape"] or dtype != DTYPE:
        return 0, f"it holds {dtype} {tuple(shape)}, expected {DTYPE} {tuple(record['shape'])}"
    row, row_bytes = 0, DTYPE.itemsize * int(np.prod(shape[1:]))
    with path.open("rb") as file:
        file.seek(start)
        for good, (end, checksum) in enumerate(record["chunks"]):
            if _checksum(file, (end - row) * row_bytes) != checksum:
                return good, f"rows {row} to {end} are damaged"
            row = end
    return len(record["chunks"]), ""


def _checksum(file: BinaryIO, length: int) -> int | None:
    checksum = 0
    while length > 0:
        content = file.read(min(length, READ_BYTES))
        if not content:
            return None
        checksum = zlib.crc32(content, checksum)
        length -= len(content)
    return checksum


def _write_header(file: BinaryIO, shape: list[int]) -> None:
    header = {"descr": DTYPE.str, "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(file, header)


def _read_header(path: Path) -> tuple[list[int], np.dtype, int]:
    """Shape, type and the offset of the first row of a .npy file; raises ValueError for any other file."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return list(shape), dtype, file.tell()


def _write_all(file: BinaryIO, content: memoryview) -> None:
    while content:
        content = content[file.write(content) :]


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
