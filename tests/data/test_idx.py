import struct

import numpy as np
import pytest

from garment_ml.data.idx import parse_idx


def test_pictures_and_labels_are_read():
    pictures = np.arange(2 * 3 * 4, dtype=np.uint8)
    header = b"\0\0\x08\x03" + struct.pack(">3I", 2, 3, 4)
    assert np.array_equal(parse_idx(header + pictures.tobytes()), pictures.reshape(2, 3, 4))
    assert parse_idx(b"\0\0\x08\x01\0\0\0\x02\x07\x09").tolist() == [7, 9]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "begins with nothing, expected an IDX header"),
        (b"<html>", "begins with 3c 68 74 6d"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "holds IDX type 0x0d, expected 0x08"),
        (b"\0\0\x08\x03\0\0\0\x01", "ends inside its header, after 8 of 16 bytes"),
        (b"\0\0\x08\x01\0\0\0\x03\x01", r"announces \(3,\), 3 bytes, but holds 1"),
        (b"\0\0\x08\x01\0\0\0\x01\x01\x02", r"announces \(1,\), 1 bytes, but holds 2"),
    ],
)
def test_damage_is_described(data, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse_idx(data)
