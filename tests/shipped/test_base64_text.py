import base64
import textwrap

import pytest

from garment_ml.shipped.base64_text import read_base64

DATA = bytes(range(256)) + b"\xff"  # so that padding, + and / occur
PLAIN = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.encodebytes(DATA).decode(),
        "\r\n".join(textwrap.wrap(PLAIN, 76)),
        f"  {PLAIN}\n",
        f"data:image/png;base64,{PLAIN}",
        f"DATA:;base64,{PLAIN}",
    ],
    ids=["plain", "unpadded", "URL-safe", "encodebytes", "CRLF", "spaces", "data URL", "bare data URL"],
)
def test_all_that_tools_write_is_taken(text):
    assert read_base64(text) == DATA


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no base64!", "Only base64 data|not allowed|invalid"),
        ("é", "ASCII"),
        ("A", "cannot be 1 more than a multiple of 4"),
        ("AA=A", "."),
        (None, "expected a text, not a NoneType"),
        (b"AAAA", "expected a text, not a bytes"),
    ],
)
def test_all_else_is_a_value_error(text, words):
    with pytest.raises(ValueError, match=words):
        read_base64(text)


def test_no_text_is_no_bytes():
    assert read_base64("") == read_base64("data:image/png;base64,") == b""
