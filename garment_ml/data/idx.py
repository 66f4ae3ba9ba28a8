"""The IDX format of MNIST and its successors: yann.lecun.com/exdb/mnist, "The IDX file format"."""

from __future__ import annotations

import math
import struct

import numpy as np

UNSIGNED_BYTE = 0x08


def parse_idx(data: bytes) -> np.ndarray:
    """The uint8 array of an IDX file's bytes; ValueError says what is wrong with them."""
    if len(data) < 4 or data[:2] != b"\0\0":
        raise ValueError(
            f"begins with {data[:4].hex(' ') or 'nothing'}, expected an IDX header (00 00 08 ..)"
        )
    kind, dimensions = data[2], data[3]
    if kind != UNSIGNED_BYTE:
        raise ValueError(f"holds IDX type 0x{kind:02x}, expected 0x08 (unsigned bytes)")
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise ValueError(f"ends inside its header, after {len(data)} of {start} bytes")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    if len(data) - start != math.prod(shape):
        raise ValueError(f"announces {shape}, {math.prod(shape):,} bytes, but holds {len(data) - start:,}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
