"""Paints a garment: one map of part numbers, from which each pixel's colour, pattern and roundness follow."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from garment_ml.data.rendered_shapes import SLEEVES, Part, Random, figure, place

FINER = 2  # drawn so much finer, then averaged
PATTERNS = ("plain", "plain", "rings", "lengthwise", "checks", "dots", "gradient")
PALEST, DARKEST = np.array([246, 214, 190]), np.array([86, 54, 38])  # skin
TOLD_APART = 60  # of 442 between black and white, for the eye


def draw(seed: int, label: int, index: int) -> Image.Image:
    """RGB, the same picture each time; only the cut of the cloth depends on the label."""
    random = np.random.default_rng([seed, label, index])
    height = int(random.integers(100, 181))
    width = int(np.clip(height * random.uniform(0.65, 1.15), 90, 180))
    parts = place(figure(random, SLEEVES[label]), random, width, height)
    if random.random() < 0.5:  # the garment lies flat, with nobody in it
        parts = [part for part in parts if part.material in ("cloth", "inside")]
    else:
        parts = [part._replace(material=part.material.replace("inside", "skin")) for part in parts]
    picture = _paint(parts, random, width, height).filter(ImageFilter.GaussianBlur(random.uniform(0, 0.7)))
    slope_x, slope_y = random.normal(0, 0.15, 2)
    light = slope_x * np.linspace(-0.5, 0.5, width) + slope_y * np.linspace(-0.5, 0.5, height)[:, np.newaxis]
    light = (random.uniform(0.75, 1.2) + light).astype(np.float32)[..., np.newaxis]
    noise = random.uniform(1, 7) * random.standard_normal((height, width, 3), np.float32)
    return Image.fromarray((np.asarray(picture) * light + noise).clip(0, 255).astype(np.uint8))


def _paint(parts: list[Part], random: Random, width: int, height: int) -> Image.Image:
    image = Image.new("L", (FINER * width, FINER * height))
    pencil = ImageDraw.Draw(image)
    for number, part in enumerate(parts, 1):
        pencil.polygon([*map(tuple, (FINER * part.outline).tolist())], fill=number)
    numbers = np.asarray(image)
    colours = _colours(random)
    back = _background(random, colours["back"], width, height)
    covered = Image.fromarray(255 * (numbers[::FINER, ::FINER] > 0).astype(np.uint8))
    covered = covered.filter(ImageFilter.BoxBlur(0.03 * width))
    shadow = np.asarray(covered) / 255 * random.uniform(0, 0.5)
    back = np.clip(back * (1 - shadow[..., np.newaxis]), 0, 255).astype(np.uint8)
    pixels = back.repeat(FINER, axis=0).repeat(FINER, axis=1)
    pixels[numbers > 0] = _figure_pixels(parts, numbers, colours, random)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX)


def _figure_pixels(
    parts: list[Part], numbers: np.ndarray, colours: dict[str, np.ndarray], random: Random
) -> np.ndarray:
    """uint8 `(n, 3)` of the n pixels that belong to a part, row by row."""
    rows, columns = np.nonzero(numbers)
    part = numbers[rows, columns] - 1
    frames = np.array([(*each.origin, *each.axis, each.radius) for each in parts], np.float32)
    left, top, right, down, radius = frames[part].T
    left, top = (columns / np.float32(FINER)) - left, (rows / np.float32(FINER)) - top
    along, across = left * right + top * down, top * right - left * down
    is_cloth = np.array([each.material == "cloth" for each in parts])
    unit = min(numbers.shape) / FINER
    mix = _pattern(random, along / unit, across / unit) * is_cloth[part]
    plain = np.array([colours[each.material] for each in parts], np.float32)
    mixed = plain[part] + mix[:, np.newaxis] * (colours["second"] - colours["cloth"]).astype(np.float32)
    shade = 1.05 - 0.35 * np.minimum((across / radius) ** 2, 1)
    shade += 0.05 * _blotches(random, 6, *numbers.shape)[rows, columns]
    shade *= 1 - 0.4 * _seams(np.append(0, is_cloth * np.arange(1, len(parts) + 1))[numbers])[rows, columns]
    return np.clip(mixed * shade[:, np.newaxis], 0, 255).astype(np.uint8)


def _seams(pieces: np.ndarray) -> np.ndarray:
    """Where a piece of cloth meets another, or none."""
    seams = np.zeros(pieces.shape, bool)
    seams[:-1] |= pieces[:-1] != pieces[1:]
    seams[:, :-1] |= pieces[:, :-1] != pieces[:, 1:]
    return seams


def _colours(random: Random) -> dict[str, np.ndarray]:
    """Of the background and of each material; cloth is told apart from skin and from the background."""
    skin = PALEST + random.random() * (DARKEST - PALEST) + random.normal(0, 5, 3)
    back = _colour(random, skin)
    if random.random() < 0.75:  # as in a shop's pictures
        back = random.uniform(190, 255) - random.uniform(0, 12, 3)
    cloth = _colour(random, skin, back)
    hair = random.random() * np.array([200, 160, 100])
    found = {"skin": skin, "back": back, "cloth": cloth, "inside": 0.55 * cloth, "hair": hair}
    return found | {"second": _colour(random, cloth), "trousers": _colour(random)}


def _colour(random: Random, *others: np.ndarray) -> np.ndarray:
    """Any that is told apart from the others, a third of them near some skin."""
    while True:
        hue, saturation, value, kind = random.random(4)
        colour = 255 * np.array(colorsys.hsv_to_rgb(hue, saturation**1.3, 0.1 + 0.9 * value))
        if kind < 1 / 3:
            colour = PALEST + value * (DARKEST - PALEST) + random.normal(0, 15, 3)
        if all(np.linalg.norm(colour - other) > TOLD_APART for other in others):
            return colour


def _pattern(random: Random, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """How much there is of the second colour, 0 to 1."""
    kind, (period, share) = random.choice(PATTERNS), random.uniform([0.05, 0.25], [0.16, 0.6])
    if kind == "plain":
        return np.zeros_like(along)
    if kind == "gradient":
        return np.clip(along * random.uniform(1, 2.5), 0, 1)
    down, over = along / period % 1, across / period % 1
    if kind == "dots":
        return (down - 0.5) ** 2 + (over - 0.5) ** 2 < (0.7 * share) ** 2
    rings, lengthwise = down < share, over < share
    return {"rings": rings, "lengthwise": lengthwise}.get(kind, (rings + 1.0 * lengthwise) / 2)


def _background(random: Random, colour: np.ndarray, width: int, height: int) -> np.ndarray:
    """Plain, a gradient, textured or cluttered, float `(height, width, 3)`."""
    kind, other = random.integers(4), _colour(random)
    pixels = np.tile(colour.astype(np.float32), (height, width, 1))
    if kind == 1:
        ramp = np.linspace(0, 0.6, height)[:, np.newaxis, np.newaxis]
        return pixels + ramp * (other - colour)
    if kind == 2:
        cells = int(random.integers(4, 60))
        return pixels + random.uniform(5, 16) * _blotches(random, cells, height, width)[..., np.newaxis]
    for _ in range(random.integers(3, 10) if kind == 3 else 0):
        top, left = (random.uniform(-0.2, 1, 2) * [height, width]).astype(int).clip(0)
        down, right = (random.uniform(0.05, 0.5, 2) * [height, width]).astype(int)
        pixels[top : top + down, left : left + right] = (_colour(random) + colour) / 2
    return pixels


def _blotches(random: Random, cells: int, height: int, width: int) -> np.ndarray:
    """Smooth noise of deviation about 1."""
    coarse = Image.fromarray(random.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
