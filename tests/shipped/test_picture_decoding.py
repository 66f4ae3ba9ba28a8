import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from garment_ml.shipped import picture_decoding as pictures
from garment_ml.shipped.picture_decoding import decode_picture, fit_picture, without_margins

GREY = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)


def encoded(picture: np.ndarray | Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_picture_of_the_right_size_passes_untouched(kind):
    assert np.array_equal(decode_picture(encoded(GREY, kind), (28, 28), 1)[..., 0], GREY)


def test_colour_picture_of_the_right_size_passes_untouched():
    assert np.array_equal(decode_picture(encoded(COLOUR), (20, 30), 3), COLOUR)
    assert np.array_equal(decode_picture(encoded(COLOUR, "WEBP", lossless=True), (20, 30), 3), COLOUR)


def test_grey_for_a_colour_model_has_three_equal_channels():
    assert np.array_equal(decode_picture(encoded(GREY), (28, 28), 3), np.repeat(GREY[..., None], 3, axis=2))


def test_colour_for_a_grey_model_is_weighted_by_luma():
    grey = decode_picture(encoded(COLOUR), (20, 30), 1)[..., 0]
    assert np.abs(grey - COLOUR @ [0.299, 0.587, 0.114]).max() < 1.01  # ITU-R BT.601


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_mode_is_decoded(mode):
    image = Image.new("L", (9, 7), 255).convert(mode) if mode != "I;16" else Image.new("I;16", (9, 7), 65535)
    kind = "TIFF" if mode in ("PA", "CMYK", "YCbCr") else "PNG"
    for channels in (1, 3):
        assert decode_picture(encoded(image, kind), (7, 9), channels).tolist() == [[[255] * channels] * 9] * 7


def test_transparent_parts_become_black():
    colours = np.full((2, 2, 4), 200, np.uint8)
    colours[..., 3] = [[0, 255], [128, 255]]
    expected = [[0, 200], [100, 200]]
    for image in (Image.fromarray(colours), Image.fromarray(colours).convert("LA")):
        assert np.abs(decode_picture(encoded(image), (2, 2), 1)[..., 0].astype(int) - expected).max() <= 1


def test_transparent_palette_entry_becomes_black():
    image = Image.new("P", (2, 1))
    image.putpalette([250, 250, 250, 90, 90, 90])
    image.putpixel((1, 0), 1)
    assert decode_picture(encoded(image, transparency=0), (1, 2), 1).ravel().tolist() == [0, 90]


def test_sixteen_bit_grey_keeps_its_upper_bits():
    deep = (GREY.astype(np.uint16) << 8) + GREY.T
    assert np.array_equal(decode_picture(encoded(deep), (28, 28), 1)[..., 0], GREY)
    assert np.array_equal(decode_picture(encoded(deep.astype(np.int32), "TIFF"), (28, 28), 1)[..., 0], GREY)


@pytest.mark.parametrize(("values", "words"), [([[-1]], "-1 to -1"), ([[0.5]], "floating-point")])
def test_pixels_without_a_known_range_are_refused(values, words):
    deep = np.array(values, np.int32 if isinstance(values[0][0], int) else np.float32)
    with pytest.raises(ValueError, match=words):
        decode_picture(encoded(deep, "TIFF"), (1, 1), 1)


def test_orientation_of_the_camera_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side: to be turned clockwise
    data = encoded(COLOUR, exif=exif.tobytes())
    assert np.array_equal(decode_picture(data, (30, 20), 3), np.rot90(COLOUR, -1))


def test_another_size_is_stretched_without_overshoot():
    edge = np.repeat(np.array([[10] * 60 + [240] * 60], np.uint8), 90, axis=0)
    for size in ((28, 28), (200, 300)):
        resized = decode_picture(encoded(edge), size, 1)
        assert resized.shape == (*size, 1) and (resized.min(), resized.max()) == (10, 240)


def test_shrinking_averages():
    board = (np.indices((56, 56)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.abs(decode_picture(encoded(board), (28, 28), 1).astype(int)[2:-2, 2:-2] - 127).max() <= 1


@pytest.mark.parametrize(
    "data", [b"", b"not a picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match=rf"{len(data)} bytes are no picture, expected one of: PNG"):
        decode_picture(data, (28, 28), 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.filterwarnings("ignore:Truncated File Read")
def test_truncated_picture_is_refused_wherever_it_ends(kind):
    whole = encoded(COLOUR, kind)
    for end in range(0, len(whole) - 20, 97):
        with pytest.raises(ValueError, match="picture"):
            decode_picture(whole[:end], (28, 28), 3)


def test_flipped_bytes_give_a_picture_or_a_value_error():
    whole = encoded(COLOUR)
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        try:
            assert decode_picture(bytes(damaged), (28, 28), 3).shape == (28, 28, 3)
        except ValueError as error:
            assert "picture" in str(error)


@pytest.mark.parametrize("side", [8_000, 60_000])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_small_file_that_announces_a_huge_picture_is_refused(side):
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(ValueError, match=r"8,000 x 8,000 pixels, expected|decompression bomb"):
        decode_picture(data, (28, 28), 1)


@pytest.mark.parametrize(("most", "expected"), [(24 * 16, (24, 16)), (24 * 16 - 1, (12, 8)), (90, (6, 4))])
def test_a_huge_jpeg_is_decoded_smaller(monkeypatch, most, expected):
    monkeypatch.setattr(pictures, "MOST_PIXELS", most)
    ramp = np.tile(np.linspace(0, 255, 24).astype(np.uint8), (16, 1))
    as_cameras_write = {"save_all": True, "append_images": [Image.fromarray(ramp[:8, :8])]}
    several = encoded(Image.fromarray(ramp), "MPO", quality=95, **as_cameras_write)
    assert pictures.open_picture(several).size == expected
    opened = pictures.open_picture(encoded(ramp, "JPEG", quality=95))
    assert opened.size == expected
    columns = np.asarray(opened.resize((6, 4), Image.Resampling.BOX)).mean(axis=0)
    assert np.abs(columns - ramp.reshape(16, 6, 4).mean(axis=(0, 2))).max() < 4


@pytest.mark.parametrize(
    ("kind", "most", "options"), [("JPEG", 5, {}), ("PNG", 100, {}), ("JPEG", 100, {"progressive": True})]
)
def test_what_is_huge_at_an_eighth_of_another_kind_or_progressive_is_refused(
    monkeypatch, kind, most, options
):
    monkeypatch.setattr(pictures, "MOST_PIXELS", most)
    with pytest.raises(ValueError, match=f"the picture has 24 x 16 pixels, expected at most {most} in all"):
        pictures.open_picture(encoded(np.zeros((16, 24), np.uint8), kind, **options))


def test_channels_are_one_or_three():
    with pytest.raises(ValueError, match="channels is 2, expected 1 or 3"):
        decode_picture(encoded(GREY), (28, 28), 2)


def test_module_stands_alone():
    """Served models carry this file without the rest of the project."""
    program = (
        f"import sys; sys.path.insert(0, {str(pictures.__file__.rsplit('/', 1)[0])!r}); "
        "import picture_decoding; "
    )
    program += (
        "print([name for name in sys.modules if name.startswith(('garment_ml', 'tensorflow', 'mlflow'))])"
    )
    printed = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (30, 30), (400, 12), (12, 401), (17, 23)])
def test_margins_are_found_again(size):
    padded = fit_picture(Image.new("L", size, 255), (24, 32), 1, "pad")[..., 0]
    inner = without_margins(padded, size)
    assert (inner > 0).all() and (inner > 0).sum() == (padded > 0).sum()
