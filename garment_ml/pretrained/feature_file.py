"""The bytes of one features file: its header, and the checksums of the chunks it was written in."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

DTYPE = np.dtype("<f2")
READ_BYTES = 1 << 24


def sound_chunks(path: Path, record: dict[str, Any]) -> tuple[int, str]:
    """How many leading chunks have the bytes they were written with, and what is wrong with the next."""
    try:
        shape, dtype, start = read_header(path)
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


def write_header(file: BinaryIO, shape: list[int]) -> None:
    header = {"descr": DTYPE.str, "fortran_order": False, "shape": tuple(shape)}
    np.lib.format.write_array_header_1_0(file, header)


def read_header(path: Path) -> tuple[list[int], np.dtype, int]:
    """Shape, type and the offset of the first row of a .npy file; raises ValueError for any other file."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return list(shape), dtype, file.tell()
