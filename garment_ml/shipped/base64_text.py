"""A picture file as text, as tools write it. Shipped inside served models: numpy and Pillow only."""

import base64
import io

import numpy as np
from PIL import Image

URL_SAFE = str.maketrans("-_", "+/")


def read_base64(text: object) -> bytes:
    """The bytes; ValueError for what is no base64.

    Taken are lines broken anywhere (the `base64` command and MLflow's example client break them at 76
    characters), URL-safe letters, missing padding (RFC 4648, sections 3 and 5), and a `data:` prefix
    (RFC 2397).
    """
    if not isinstance(text, str):
        raise ValueError(f"expected a text, not a {type(text).__name__}")
    encoded = text.partition(",")[2] if text[:5].lower() == "data:" else text
    letters = "".join(encoded.split()).translate(URL_SAFE).rstrip("=")
    return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)


def encode_picture(picture: np.ndarray) -> str:
    """Base64 of a PNG of a uint8 picture, grey `(height, width)` or with 1 or 3 channels."""
    buffer = io.BytesIO()
    Image.fromarray(picture.squeeze()).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
