"""Pictures as the world sends them: every mode, size and damage, and files that only look like one."""

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

Odd = tuple[bytes, bool | None]  # the file, and whether it can be read; None where both will do
RANDOM = np.random.default_rng(0)


def odd_pictures() -> dict[str, Odd]:
    """By name; small ones, as they travel in one request each."""
    return {**modes(), **sizes(), **rotated(), **animated(), **damaged(), **in_disguise()}


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def noise(mode: str, size: tuple[int, int] = (12, 9)) -> Image.Image:
    return Image.fromarray(RANDOM.integers(0, 256, (size[1], size[0], 3), np.uint8)).convert(mode)


def modes() -> dict[str, Odd]:
    deep = Image.fromarray(RANDOM.integers(0, 65536, (9, 12), np.uint16))
    palette = noise("P")
    palette.info["transparency"] = 3
    grey = {mode: (encoded(noise(mode)), True) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")}
    return {
        **{f"PNG {mode}": odd for mode, odd in grey.items()},
        "PNG, 16 bits": (encoded(deep), True),
        "TIFF, 16 bits": (encoded(deep, "TIFF"), True),
        "TIFF, 32 bits": (encoded(Image.fromarray(np.full((9, 12), 70_000, np.int32)), "TIFF"), False),
        "TIFF, floating point": (encoded(Image.fromarray(np.ones((9, 12), np.float32)), "TIFF"), False),
        "TIFF, CMYK": (encoded(noise("CMYK"), "TIFF"), True),
        "JPEG, CMYK": (encoded(noise("CMYK"), "JPEG"), True),
        "JPEG, grey": (encoded(noise("L"), "JPEG"), True),
        "JPEG, progressive": (encoded(noise("RGB"), "JPEG", progressive=True), True),
        "palette with transparency": (encoded(palette, transparency=3), True),
        "WEBP, lossless": (encoded(noise("RGBA"), "WEBP", lossless=True), True),
        "WEBP": (encoded(noise("RGB"), "WEBP"), True),
        "GIF": (encoded(noise("P"), "GIF"), True),
        "BMP": (encoded(noise("RGB"), "BMP"), True),
        "MPO": (encoded(noise("RGB"), "MPO"), True),
        "PPM": (encoded(noise("RGB"), "PPM"), False),
        "ICO": (encoded(noise("RGB", (16, 16)), "ICO"), False),
        "PNG with a long comment": (png_with_text(50_000), True),
    }


def png_with_text(length: int) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "a" * length)
    return encoded(noise("RGB"), pnginfo=info)


def sizes() -> dict[str, Odd]:
    shapes = ((1, 1), (1, 2_000), (2_000, 1), (2, 2), (4, 4), (1_000, 1_000))
    flat = {f"{w}x{h}": (encoded(Image.new("L", (w, h), 99)), True) for w, h in shapes}
    return {
        **flat,
        "a bomb": (bomb(6_000, 6_000), False),
        "a larger bomb": (bomb(60_000, 60_000), False),
        "no width": (bomb(0, 5), False),
    }


def bomb(width: int, height: int) -> bytes:
    """A PNG of black pixels that announces its size; what it holds is short."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def rotated() -> dict[str, Odd]:
    found = {}
    for orientation in range(1, 10):  # 9 is none that there is
        exif = Image.Exif()
        exif[0x0112] = orientation
        found[f"EXIF orientation {orientation}"] = (encoded(noise("RGB"), "JPEG", exif=exif), True)
    return found


def animated() -> dict[str, Odd]:
    frames = [noise("RGB") for _ in range(3)]
    options = {"save_all": True, "append_images": frames[1:]}
    return {
        f"animated {kind}": (encoded(frames[0], kind, **options), True)
        for kind in ("GIF", "PNG", "WEBP", "TIFF")
    }


def damaged() -> dict[str, Odd]:
    found: dict[str, Odd] = {}
    for kind in ("PNG", "JPEG"):
        whole = encoded(noise("RGB", (40, 40)), kind)
        for tenth in range(1, 10):
            found[f"{kind}, {tenth} tenths"] = (whole[: len(whole) * tenth // 10], False)
    whole = bytearray(encoded(noise("RGB", (40, 40))))
    whole[len(whole) // 2] ^= 0xFF
    return {**found, "PNG, one byte changed": (bytes(whole), None)}


def in_disguise() -> dict[str, Odd]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.txt", "nothing")
    jpeg = encoded(noise("RGB"), "JPEG")
    return {
        "JPEG and ZIP": (jpeg + archive.getvalue(), True),
        "PNG and a script": (encoded(noise("RGB")) + b"<script>alert(1)</script>", True),
        "GIF's name alone": (b"GIF89a/*" + b"x" * 50, False),
        "ZIP": (archive.getvalue(), False),
        "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>', False),
        "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", False),
        "PDF": (b"%PDF-1.4\n%%EOF\n", False),
        "HTML": (b"<!doctype html><img src=x onerror=alert(1)>", False),
        "text": ("ein Kleid, groß".encode(), False),
        "nothing": (b"", False),
        "zeros": (bytes(1_000), False),
    }
