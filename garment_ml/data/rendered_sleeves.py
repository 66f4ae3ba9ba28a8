"""Garments drawn here, told apart by their sleeves alone: RGB class folders like those of a published set.

A picture is a list of flat parts, back to front. They are drawn as one map of part numbers, from which each
pixel's colour, pattern and roundness follow in the frame of its part.
"""

import colorsys
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import GarmentError, UserError
from garment_ml.base.terminal import progress_bar
from garment_ml.data.dataset import Dataset
from garment_ml.data.folders import load_folders
from garment_ml.data.source_options import SourceOptions

NAME, CLASS_NAMES = "rendered-sleeves", ("sleeveless", "short", "long")
COUNTS = {"train": (494, 494, 494), "test": (173, 173, 174)}  # as many as the published set has
RECIPE, SEED = 1, 20  # the recipe is in the folder's name: raise it when an index would be drawn otherwise
QUALITY, FINER = 90, 2  # drawn so much finer, then averaged
PATTERNS = ("plain", "plain", "rings", "lengthwise", "checks", "dots", "gradient")
PALEST, DARKEST = np.array([246, 214, 190]), np.array([86, 54, 38])  # skin
TOLD_APART = 60  # of 442 between black and white, for the eye
DOWN, NECK, HEAD = np.array([0.0, 1.0]), np.zeros(2), np.array([0.0, -0.3])
SIDES, BONES = (-1, 1), (0.36, 0.34)

Random = np.random.Generator


def load_rendered_sleeves(data_dir: Path | None, options: SourceOptions) -> Dataset:
    """Drawn once, into the cache or a subfolder of `data_dir`; UserError where that holds something else."""
    folder = cache_directory(NAME) / f"v{RECIPE}" if data_dir is None else _subfolder(data_dir)
    try:
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():
                _write(folder)
    except OSError as error:
        raise GarmentError(f"cannot write the pictures to {folder}: {error.strerror or error}") from error
    dataset = load_folders(folder, options)
    return replace(dataset, name=NAME, origin=f"drawn by garment-ml, recipe {RECIPE}, in {folder}")


def _subfolder(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        others = [each.name for each in data_dir.iterdir() if not each.name.startswith((".", f"{NAME}-v"))]
    except OSError as error:
        raise UserError(f"{data_dir} is no folder that {NAME} can be drawn into: {error.strerror}") from error
    if others:
        raise UserError(
            f"{data_dir} holds {min(others)!r}, but the source {NAME!r} draws its own pictures; give an "
            "empty folder or, to have them in the cache, none"
        )
    return data_dir / f"{NAME}-v{RECIPE}"


def _write(folder: Path) -> None:
    """All pictures, under another name until they are complete: a killed process leaves that one behind."""
    aside = folder.with_name(f".{folder.name}.part")
    if aside.exists():
        shutil.rmtree(aside)
    with progress_bar(sum(map(sum, COUNTS.values())), f"drawing {NAME}", "picture") as advance:
        for (label, class_name), (part, counts) in product(enumerate(CLASS_NAMES), COUNTS.items()):
            inside = aside / part / class_name
            inside.mkdir(parents=True)
            first = COUNTS["train"][label] if part == "test" else 0
            for index in range(first, first + counts[label]):
                draw(SEED, label, index).save(inside / f"{index:04}.jpg", quality=QUALITY)
                advance()
    os.replace(aside, folder)


class Part(NamedTuple):
    """`outline` `(n, 2)`; pattern and roundness follow the axis from `origin`, `radius` to either side."""

    material: str
    outline: np.ndarray
    origin: np.ndarray = NECK
    axis: np.ndarray = DOWN
    radius: float = 0.6


def draw(seed: int, label: int, index: int) -> Image.Image:
    """RGB, the same picture each time; only the cut of the cloth depends on the label."""
    random = np.random.default_rng([seed, label, index])
    height = int(random.integers(100, 181))
    width = int(np.clip(height * random.uniform(0.65, 1.15), 90, 180))
    parts = _place(_figure(random, CLASS_NAMES[label]), random, width, height)
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


def _figure(random: Random, sleeve: str) -> list[Part]:
    """A person and the clothes, in units of about a torso's length from the neck."""
    shoulder, thick, loose = random.uniform([0.29, 0.055, 0.01], [0.38, 0.085, 0.09])
    short, long = random.uniform([0.45, 1.65], [1.0, 2.0])
    reach = {"sleeveless": 0.0, "short": short, "long": long}[sleeve]
    flare = random.uniform(0.9, 1.4) if reach < 1 else random.uniform(0.65, 0.95)
    arms = _arms(random, shoulder - thick)
    bare = [_limbs("skin", joints, 2.0, thick, 0.85) for joints in arms]
    sleeves = [_limbs("cloth", joints, reach, thick * 1.25 + loose / 2, flare) for joints in arms]
    torso = _torso(random, sleeve, shoulder + loose / 2)
    upper = [limbs[0] for limbs in bare] + [limbs[0] for limbs in sleeves if limbs]
    fore = [limbs[1] for limbs in bare] + [limbs[1] for limbs in sleeves if limbs[1:]]
    return [*_body(random, shoulder), *upper, torso, *_neckline(random), *fore]


def _arms(random: Random, shoulder: float) -> list[np.ndarray]:
    """Shoulder, elbow and wrist of either arm: some bent, even across the chest, and some raised."""
    common, arms = random.uniform(8, 60), []
    for side in SIDES:
        angle, bend = common + random.normal(0, 6), random.uniform(-5, 30)
        kind = random.random()
        if kind < 0.2:
            angle, bend = random.uniform([12, 50], [60, 130])
        elif kind < 0.26:
            angle, bend = random.uniform([95, -60], [150, 30])
        turns = np.radians([angle, angle - bend])
        bones = np.stack([side * np.sin(turns), np.cos(turns)], axis=1) * np.reshape(BONES, (2, 1))
        arms.append(np.array([side * shoulder, 0.1]) + np.vstack([NECK, bones.cumsum(axis=0)]))
    return arms


def _limbs(material: str, joints: np.ndarray, reach: float, radius: float, taper: float) -> list[Part]:
    """What is round an arm as far as `reach`, 1 being the elbow: tapered, round but for the cut end."""
    parts = []
    for bone in range(int(np.ceil(reach))):
        start, share = joints[bone], min(reach - bone, 1.0)
        axis = (joints[bone + 1] - start) / BONES[bone]
        end, cut = start + share * BONES[bone] * axis, material == "cloth" and bone + 1 >= reach
        turn = np.linspace(-np.pi / 2, np.pi / 2, 9)[:, np.newaxis]
        across, ahead = np.sin(turn) * [-axis[1], axis[0]], np.cos(turn) * axis
        outline = [start + radius * (across - ahead), end - taper * radius * (across - (0 if cut else ahead))]
        parts.append(Part(material, np.vstack(outline), start, axis, 1.15 * radius * max(taper, 1)))
        radius *= taper
    return parts


def _body(random: Random, shoulder: float) -> list[Part]:
    """Hair, legs, trunk with neck, and head."""
    hip = random.uniform(0.24, 0.32)
    legs = _mirrored([(hip * 0.9, 0.6), (hip, 0.9), (hip * 1.05, 2.2)])
    trunk = [(0.075, -0.25), (0.08, -0.06), (shoulder * 0.75, 0.01), (shoulder, 0.1), (shoulder * 0.8, 0.35)]
    return [
        Part("hair", _ellipse(HEAD - [0, 0.03], 0.17, random.uniform(0.19, 0.4)), HEAD, DOWN, 0.3),
        Part("trousers", legs),
        Part("skin", _smooth(_mirrored([*trunk, (hip * 0.9, 0.65)]))),
        Part("skin", _ellipse(HEAD, 0.125, 0.165), HEAD, DOWN, 0.2),
    ]


def _torso(random: Random, sleeve: str, shoulder: float) -> Part:
    strap, waist, hem = random.uniform([0.55, 0.7, 0.75], [0.85, 0.95, 1.15]) * shoulder
    length, sag = random.uniform([0.7, -0.02], [1.15, 0.06])
    top = [(shoulder * 0.75, 0.005), (shoulder, 0.06), (shoulder * 0.98, 0.15)]
    if sleeve == "sleeveless":
        top = [(strap, 0.0), (strap, 0.02), (strap + 0.015, 0.2)]
    side = [(shoulder * 0.92, 0.32), (waist, 0.55), (hem, length), (0.0, length + sag)]
    return Part("cloth", _smooth(_mirrored([(0.09, -0.045), *top, *side])), radius=shoulder * 1.5)


def _neckline(random: Random) -> list[Part]:
    """An opening, round or pointed, sometimes with a collar."""
    kind, half, deep = random.integers(3), *random.uniform([0.09, 0.07], [0.15, 0.18])
    if kind == 0:
        return [Part("inside", _mirrored([(half, -0.07), (half * 0.5, deep * 0.8), (0.001, deep * 1.7)]))]
    parts = [Part("inside", np.maximum(_ellipse(NECK, half, deep), -0.06))]
    if kind == 1:
        flap = np.array([(half + 0.01, -0.07), (half + 0.05, 0.06), (half * 0.6, 0.14), (0.0, deep - 0.05)])
        parts += [Part("cloth", flap * [side, 1], axis=DOWN[::-1]) for side in SIDES]
    return parts


def _mirrored(right: Sequence[tuple[float, float]]) -> np.ndarray:
    points = np.array(right)
    return np.vstack([points, points[::-1] * [-1, 1]])


def _ellipse(centre: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return centre + np.stack([half_width * np.cos(turn), half_height * np.sin(turn)], axis=1)


def _smooth(points: np.ndarray) -> np.ndarray:
    """Cuts the corners of a closed outline, twice."""
    for _ in range(2):
        following = np.roll(points, -1, axis=0)
        points = np.stack([0.8 * points + 0.2 * following, 0.2 * points + 0.8 * following], 1).reshape(-1, 2)
    return points


def _place(figure: list[Part], random: Random, width: int, height: int) -> list[Part]:
    """In the picture, by the box of the person without clothes: its size must not tell the sleeve."""
    angle, size = np.radians(random.normal(0, 5)), np.array([width, height])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    body = np.vstack([part.outline for part in figure if part.material == "skin"] + [DOWN]) @ turn
    low, high = body.min(axis=0), body.max(axis=0)
    scale = (size / (high - low)).min() * random.uniform(0.85, 1.05)
    shift = size * (0.5 + random.normal(0, 0.02, 2)) - scale * (low + high) / 2
    return [
        Part(
            part.material,
            part.outline @ turn * scale + shift,
            part.origin @ turn * scale + shift,
            part.axis @ turn,
            part.radius * scale,
        )
        for part in figure
    ]


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
