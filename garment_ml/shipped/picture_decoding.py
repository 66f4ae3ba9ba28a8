"""A picture file's bytes to the array a model takes. Shipped inside served models: numpy and Pillow only."""

import io
import math

import numpy as np
from PIL import Image, ImageOps

# Pillow would also run Ghostscript on EPS and open many seldom-tested formats.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MOST_PIXELS = 25_000_000  # 75 MB as RGB; a small file can announce far more
STRETCH, PAD = FITS = ("stretch", "pad")
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


def decode_picture(data: bytes, size: tuple[int, int], channels: int, fit: str = STRETCH) -> np.ndarray:
    """uint8 `(height, width, channels)` for `size` = (height, width) and 1 (grey) or 3 (RGB) channels.

    Raises ValueError for bytes that are no picture.
    """
    return fit_picture(open_picture(data), size, channels, fit)


def open_picture(data: bytes) -> Image.Image:
    """The picture as it is seen, at its own size: mode L or RGB.

    The EXIF orientation is applied, transparent parts become black, 16-bit grey keeps its upper 8 bits, of an
    animation the first frame is taken. A JPEG beyond MOST_PIXELS is decoded at a half, a quarter or an eighth
    of its sides. Raises ValueError for bytes that are no picture, and for other kinds beyond MOST_PIXELS.
    """
    picture = _read_header(data)
    # Progressive ones are kept whole while they are decoded. An MPO, as cameras write, begins with a JPEG.
    if picture.format in ("JPEG", "MPO") and not picture.info.get("progressive"):
        _shrink(picture)
    if picture.width * picture.height > MOST_PIXELS:
        found = f"{picture.width:,} x {picture.height:,} pixels"
        raise ValueError(f"the picture has {found}, expected at most {MOST_PIXELS:,} in all")
    try:
        mode = "L" if picture.mode in GREY_MODES else "RGB"
        return _flatten(ImageOps.exif_transpose(picture)).convert(mode)
    except Exception as error:  # damaged files make Pillow's decoders raise nearly every kind there is
        raise ValueError(
            f"the picture ({picture.format}, {len(data):,} bytes) is damaged: {error}"
        ) from error


def fit_picture(picture: Image.Image, size: tuple[int, int], channels: int, fit: str = STRETCH) -> np.ndarray:
    """Bring an opened picture to one form.

    A picture of the right size keeps every pixel as it is; another is resized with Pillow's bilinear filter,
    which averages when it shrinks and never overshoots: stretched, or with `pad` at its own proportions
    between black margins.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}, expected 1 or 3")
    if fit not in FITS:
        raise ValueError(f"fit is {fit!r}, expected stretch or pad")
    height, width = size
    picture = picture.convert("L" if channels == 1 else "RGB")
    if fit == PAD:
        picture = ImageOps.pad(picture, (width, height), Image.Resampling.BILINEAR)
    elif picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(height, width, channels)


def without_margins(padded: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Of `(height, width)`, made by `pad` from a picture of `size` = (width, height), what shows that."""
    height, width = padded.shape
    if size[0] * height > size[1] * width:
        inner = width, max(1, round(size[1] / size[0] * width))
    else:
        inner = max(1, round(size[0] / size[1] * height)), height
    left, top = round((width - inner[0]) / 2), round((height - inner[1]) / 2)
    return padded[top : top + inner[1], left : left + inner[0]]


def _read_header(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.UnidentifiedImageError:
        kinds = ", ".join(FORMATS)
        raise ValueError(f"{len(data):,} bytes are no picture, expected one of: {kinds}") from None
    except Exception as error:  # see above; a size far beyond MOST_PIXELS is refused here by Pillow itself
        raise ValueError(f"the picture ({len(data):,} bytes) cannot be read: {error}") from error


def _shrink(picture: Image.Image) -> None:
    """To MOST_PIXELS, if the decoder can, before there is more of it in memory."""
    width, height = picture.size
    for divisor in (1, 2, 4, 8):
        if math.ceil(width / divisor) * math.ceil(height / divisor) <= MOST_PIXELS:
            picture.draft(None, (width // divisor, height // divisor))
            return


def _flatten(picture: Image.Image) -> Image.Image:
    """8 bits a channel and no transparency."""
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no fixed range, expected 8 or 16 bits")
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ValueError(f"pixels from {values.min()} to {values.max()}, expected 8 or 16 bits")
        return Image.fromarray((values >> 8).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    # Black is the background of Fashion-MNIST, so a cut-out garment looks like what its models learnt from.
    # Merely dropping the alpha channel would bring out whatever colour the editor left underneath.
    opaque = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    return Image.alpha_composite(opaque, picture.convert("RGBA"))
