"""Garments drawn here, told apart by their sleeves alone: RGB class folders like those of a published set.

A picture is a list of flat parts in painter's order. They are drawn as one map of part numbers, from which
numpy looks up each pixel's colour, pattern and roundness in the frame of its part.
"""

import colorsys
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import filelock
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import GarmentError, UserError
from garment_ml.base.terminal import progress_bar
from garment_ml.data.dataset import Dataset
from garment_ml.data.folders import load_folders
from garment_ml.data.source_options import SourceOptions

NAME = "rendered-sleeves"
CLASS_NAMES = ("sleeveless", "short", "long")
COUNTS = {"train": (494, 494, 494), "test": (173, 173, 174)}  # as many as the published set has
RECIPE = 1  # part of the folder's name: raise it when the same index would be drawn otherwise
SEED, QUALITY, FINER = 20, 90, 2  # drawn so much finer, then averaged
SKIN = np.array([[246, 214, 190], [86, 54, 38]])
ORIGIN, DOWN = np.array([0.0, 0.0]), np.array([0.0, 1.0])
PATTERNS = ("plain", "plain", "rings", "lengthwise", "checks", "dots", "gradient")
BACKGROUNDS = ("plain", "gradient", "texture", "clutter")
Random = np.random.Generator


def load_rendered_sleeves(data_dir: Path | None, options: SourceOptions) -> Dataset:
    """Drawn once, into the cache or a subfolder of `data_dir`; UserError where that holds something else."""
    folder = _own_folder(data_dir)
    try:
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():
                _write(folder)
    except OSError as error:
        raise GarmentError(f"cannot write the pictures to {folder}: {error.strerror or error}") from error
    dataset = load_folders(folder, options)
    return replace(dataset, name=NAME, origin=f"drawn by garment-ml, recipe {RECIPE}, in {folder}")


def _own_folder(data_dir: Path | None) -> Path:
    if data_dir is None:
        return cache_directory(NAME) / f"v{RECIPE}"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{data_dir} cannot be made a folder for {NAME}: {error.strerror}") from error
    others = [each.name for each in data_dir.iterdir() if not each.name.startswith((".", f"{NAME}-v"))]
    if others:
        raise UserError(
            f"{data_dir} holds {min(others)!r}; the source {NAME!r} draws its own pictures, into an empty "
            "folder or, without --data-dir, into the cache"
        )
    return data_dir / f"{NAME}-v{RECIPE}"


def _write(folder: Path) -> None:
    """All pictures, under another name until they are complete; a killed process leaves that one behind."""
    aside = folder.with_name(f".{folder.name}.part")
    if aside.exists():
        shutil.rmtree(aside)
    first = [0] * len(CLASS_NAMES)
    with progress_bar(sum(map(sum, COUNTS.values())), f"drawing {NAME}", "picture") as advance:
        for part, counts in COUNTS.items():
            for label, count in enumerate(counts):
                inside = aside / part / CLASS_NAMES[label]
                inside.mkdir(parents=True)
                for index in range(first[label], first[label] + count):
                    draw(SEED, label, index).save(inside / f"{index:04}.jpg", quality=QUALITY)
                    advance()
                first[label] += count
    os.replace(aside, folder)


@dataclass(frozen=True)
class Part:
    """`outline` `(n, 2)`; pattern and roundness follow the axis from `origin`, `radius` to either side."""

    material: str
    outline: np.ndarray
    origin: np.ndarray
    axis: np.ndarray
    radius: float


def draw(seed: int, label: int, index: int) -> Image.Image:
    """The same picture each time; only the parts made of cloth depend on the label."""
    random = np.random.default_rng([seed, label, index])
    height = int(random.integers(100, 181))
    width = int(np.clip(height * random.uniform(0.65, 1.15), 90, 180))
    parts = _place(_figure(random, CLASS_NAMES[label]), random, FINER * width, FINER * height)
    if random.random() < 0.4:  # lies flat, nobody in it
        parts = [part for part in parts if part.material in ("cloth", "inside")]
    else:
        parts = [replace(part, material=part.material.replace("inside", "skin")) for part in parts]
    pixels = _paint(parts, random, FINER * width, FINER * height)
    small = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(random.uniform(0, 0.7)))
    noise = random.normal(0, random.uniform(1, 7), (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(small) + noise, 0, 255).astype(np.uint8))


def _figure(random: Random, sleeve: str) -> list[Part]:
    """In units of about a torso's length, the neck at the origin; a person and the clothes, back to front."""
    shoulder, length, loose = (
        random.uniform(0.29, 0.38),
        random.uniform(0.7, 1.15),
        random.uniform(0.01, 0.09),
    )
    thick = random.uniform(0.055, 0.085)
    limbs = _arms(random, shoulder - thick)
    bare = _bare_parts(random, shoulder, limbs, thick)
    upper, fore = _sleeves(random, sleeve, limbs, thick, loose)
    torso = _torso(random, sleeve, shoulder + loose / 2, length, loose)
    hidden, front = bare[:-2], bare[-2:]  # the forearms may lie before the torso
    return [*hidden, *upper, torso, *_neckline(random), *front, *fore]


def _arms(random: Random, reach: float) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Shoulder, elbow and wrist of either arm."""
    both, arms = random.uniform(8, 75), []
    for side in (-1, 1):
        angle, bend = both + random.normal(0, 6), random.uniform(-5, 30)
        kind = random.random()
        if kind < 0.3:
            angle, bend = random.uniform(12, 60), random.uniform(50, 130)
        elif kind < 0.4:
            angle, bend = random.uniform(95, 150), random.uniform(-60, 30)
        bones = np.radians([angle, angle - bend])
        steps = np.stack([side * np.sin(bones), np.cos(bones)], axis=1) * [[0.36], [0.34]]
        joints = np.array([side * reach, 0.1]) + np.vstack([ORIGIN, steps.cumsum(axis=0)])
        arms.append((joints[0], joints[1], joints[2]))
    return arms


def _bare_parts(random: Random, shoulder: float, limbs: Sequence, thick: float) -> list[Part]:
    """Hair, legs, body, head, and last the forearms."""
    hip, head = random.uniform(0.24, 0.32), np.array([random.normal(0, 0.02), -0.3])
    legs = _mirrored([(hip * 0.9, 0.6), (hip, 0.9), (hip * 1.05, 2.2)])
    body = _mirrored([(0.075, -0.25), (0.085, -0.05), (shoulder * 0.8, 0.02), (shoulder, 0.1)])
    trunk = _mirrored([(shoulder * 0.8, 0.02), (shoulder, 0.1), (shoulder * 0.8, 0.35), (hip * 0.9, 0.65)])
    locks = _ellipse(head - [0, 0.03], 0.17, random.uniform(0.19, 0.4))
    parts = [Part("hair", locks, head, DOWN, 0.3), Part("trousers", legs, ORIGIN, DOWN, 0.5)]
    parts += [Part("skin", _smooth(each), ORIGIN, DOWN, 0.6) for each in (body, trunk)]
    parts.append(Part("skin", _ellipse(head, 0.125, 0.165), head, DOWN, 0.2))
    parts += [_limb("skin", start, elbow, 1.15 * thick, thick) for start, elbow, _ in limbs]
    for _, elbow, wrist in limbs:
        forearm = _limb("skin", elbow, wrist, thick, 0.75 * thick)
        parts.append(forearm)
    return parts


def _sleeves(
    random: Random, sleeve: str, limbs: Sequence, thick: float, loose: float
) -> tuple[list[Part], list[Part]]:
    """What lies behind the torso, and what lies before it."""
    share, flare = random.uniform(0.45, 1.0), random.uniform(0.9, 1.5)
    wide, cuff = thick * 1.25 + loose / 2, thick + loose * random.uniform(0.1, 0.8)
    if sleeve == "sleeveless":
        return [], []
    if sleeve == "short":
        ends = [start + share * (elbow - start) for start, elbow, _ in limbs]
        pairs = zip(limbs, ends, strict=True)
        return [_limb("cloth", each[0], end, wide, flare * wide, flat=True) for each, end in pairs], []
    upper = [_limb("cloth", start, elbow, wide, (wide + cuff) / 2) for start, elbow, _ in limbs]
    ends = [elbow + (0.65 + 0.35 * share) * (wrist - elbow) for _, elbow, wrist in limbs]
    pairs = zip(limbs, ends, strict=True)
    return upper, [_limb("cloth", each[1], end, (wide + cuff) / 2, cuff, flat=True) for each, end in pairs]


def _torso(random: Random, sleeve: str, shoulder: float, length: float, loose: float) -> Part:
    strap, waist, hem = random.uniform(0.55, 0.85), random.uniform(0.7, 0.95), random.uniform(0.75, 1.15)
    tip = [(shoulder * 0.75, 0.005), (shoulder, 0.06), (shoulder * 0.98, 0.15)]
    if sleeve == "sleeveless":
        tip = [(shoulder * strap, 0.0), (shoulder * strap, 0.02), (shoulder * (strap + 0.05), 0.2)]
    right = [
        (0.09, -0.045),
        *tip,
        (shoulder * 0.92, 0.32),
        (shoulder * waist, 0.55),
        (shoulder * hem, length),
    ]
    low = (0.0, length + random.uniform(-0.02, 0.06))
    return Part("cloth", _smooth(_mirrored([*right, low])), ORIGIN, DOWN, shoulder * 1.4 + loose)


def _neckline(random: Random) -> list[Part]:
    """An opening, round or pointed, some with a collar."""
    kind, half = random.choice(["round", "pointed", "collar"]), random.uniform(0.09, 0.15)
    deep = random.uniform(0.07, 0.18) * (1.7 if kind == "pointed" else 1)
    opening = _mirrored([(half, -0.07), (half * 0.5, deep * 0.45), (0.001, deep)])
    if kind != "pointed":
        turn = np.linspace(0, np.pi, 12)
        opening = np.stack([half * np.cos(turn), deep * np.sin(turn) - 0.045], axis=1)
    parts = [Part("inside", opening, ORIGIN, DOWN, 0.6)]
    if kind == "collar":
        flap = np.array([(half + 0.02, -0.09), (half + 0.05, 0.06), (half * 0.6, 0.14), (0.0, deep - 0.05)])
        sides = [flap * [side, 1] for side in (-1, 1)]
        parts += [Part("cloth", each, ORIGIN, np.array([1.0, 0.0]), 0.4) for each in sides]
    return parts


def _limb(
    material: str, start: np.ndarray, end: np.ndarray, first: float, last: float, flat: bool = False
) -> Part:
    """A tapered stretch with a round beginning, and an end round or cut straight."""
    axis = (end - start) / np.linalg.norm(end - start)
    across = np.array([-axis[1], axis[0]])
    turn = np.linspace(-np.pi / 2, np.pi / 2, 9)[:, np.newaxis]
    back = start + first * (np.sin(turn) * across - np.cos(turn) * axis)
    front = end - last * (np.sin(turn) * across - (0 if flat else np.cos(turn)) * axis)
    return Part(material, np.vstack([back, front]), start, axis, 1.15 * max(first, last))


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
    """Turned, and scaled to the picture by the person's box, so that the sleeves do not tell in the size."""
    angle = np.radians(random.normal(0, 9))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    box = np.vstack([part.outline for part in figure if part.material == "skin"] + [[[0.0, 0.95]]]) @ turn
    low, high = box.min(axis=0), box.max(axis=0)
    scale = np.min([width, height] / (high - low)) * random.uniform(0.78, 1.12)
    shift = np.array([width, height]) * (0.5 + random.normal(0, 0.035, 2)) - scale * (low + high) / 2
    return [
        replace(
            part,
            outline=part.outline @ turn * scale + shift,
            origin=part.origin @ turn * scale + shift,
            axis=part.axis @ turn,
            radius=part.radius * scale,
        )
        for part in figure
    ]


def _paint(parts: list[Part], random: Random, width: int, height: int) -> np.ndarray:
    """uint8 `(height, width, 3)`."""
    image = Image.new("L", (width, height))
    pencil = ImageDraw.Draw(image)
    for number, part in enumerate(parts, 1):
        pencil.polygon([*map(tuple, part.outline.tolist())], fill=number)
    numbers = np.asarray(image)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    rows = [(0, 0, 0, 1, 1e9), *((*part.origin, *part.axis, part.radius) for part in parts)]
    left, top, right, down, radius = np.moveaxis(np.array(rows, np.float32)[numbers], -1, 0)
    along, across = (x - left) * right + (y - top) * down, (y - top) * right - (x - left) * down
    back, colours = _colours(random)
    pixels = _background(random, back, width, height)
    pixels *= 1 - _shadow(image, random)[..., np.newaxis]
    flat = np.array([ORIGIN[[0, 0, 0]], *(colours[part.material] for part in parts)], np.float32)[numbers]
    cloth = np.array([False, *(part.material == "cloth" for part in parts)])[numbers]
    mix = _pattern(random, along / min(width, height), across / min(width, height))
    flat[cloth] += mix[cloth, np.newaxis] * (colours["second"] - colours["cloth"])
    shade = 1.05 - 0.35 * np.minimum(across / radius, 1) ** 2 + 0.05 * _blotches(random, 6, width, height)
    shade *= 1 - 0.4 * _seams(parts, numbers)
    pixels = np.where(numbers[..., np.newaxis] > 0, flat * shade[..., np.newaxis], pixels)
    light = random.uniform(0.65, 1.15) + random.normal(0, 0.12) * (x / width - 0.5)
    light += random.normal(0, 0.12) * (y / height - 0.5)
    return np.clip(pixels * light[..., np.newaxis], 0, 255).astype(np.uint8)


def _colours(random: Random) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Of the background and of each material, told apart by eye."""
    back = _colour(random)
    skin = SKIN[0] + random.random() * (SKIN[1] - SKIN[0]) + random.normal(0, 5, 3)
    while np.linalg.norm(skin - back) < 60:
        back = _colour(random)
    cloth = _colour(random)
    while min(np.linalg.norm(cloth - other) for other in (back, skin)) < 60:
        cloth = _colour(random)
    second = _colour(random)
    found = {"skin": skin, "cloth": cloth, "second": second, "inside": cloth * 0.55}
    return back, found | {"trousers": _colour(random), "hair": _colour(random) * 0.5}


def _colour(random: Random) -> np.ndarray:
    """Any, a third of them near some skin."""
    hue, saturation, value, kind = random.random(4)
    if kind < 0.33:
        return SKIN[0] + value * (SKIN[1] - SKIN[0]) + random.normal(0, 15, 3)
    return 255 * np.array(colorsys.hsv_to_rgb(hue, saturation**1.3, 0.1 + 0.9 * value))


def _pattern(random: Random, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """How much of the second colour there is, 0 to 1."""
    kind, period, share = random.choice(PATTERNS), random.uniform(0.05, 0.16), random.uniform(0.25, 0.6)
    if kind == "plain":
        return np.zeros_like(along)
    if kind == "gradient":
        return np.clip(along * random.uniform(1, 2.5), 0, 1)
    down, over = along / period % 1, across / period % 1
    if kind == "dots":
        return ((down - 0.5) ** 2 + (over - 0.5) ** 2 < (0.7 * share) ** 2).astype(np.float32)
    rings, lengthwise = (down < share).astype(np.float32), (over < share).astype(np.float32)
    return {"rings": rings, "lengthwise": lengthwise, "checks": (rings + lengthwise) / 2}[str(kind)]


def _background(random: Random, back: np.ndarray, width: int, height: int) -> np.ndarray:
    kind = random.choice(BACKGROUNDS)
    pixels = np.broadcast_to(back, (height, width, 3)).astype(np.float32)
    if kind == "gradient":
        ramp = np.linspace(0, 1, height if random.random() < 0.5 else width, dtype=np.float32)
        ramp = ramp[:, np.newaxis] if len(ramp) == height else ramp
        pixels += ((_colour(random) - back) * 0.6).astype(np.float32) * (ramp + 0 * pixels[..., 0])[..., None]
    elif kind == "texture":
        pixels += random.uniform(8, 25) * _blotches(random, int(random.integers(4, 60)), width, height)[..., None]
    elif kind == "clutter":
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        pencil = ImageDraw.Draw(image)
        for _ in range(int(random.integers(3, 10))):
            corner, size = random.uniform(-0.2, 1, 2), random.uniform(0.05, 0.5, 2)
            box = [*(corner * [width, height]), *((corner + size) * [width, height])]
            pencil.rectangle(box, fill=tuple(((_colour(random) + back) / 2).clip(0, 255).astype(int).tolist()))
        pixels = np.asarray(image).astype(np.float32)
    return pixels


def _blotches(random: Random, cells: int, width: int, height: int) -> np.ndarray:
    """Smooth noise of deviation about 1."""
    coarse = Image.fromarray(random.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def _shadow(image: Image.Image, random: Random) -> np.ndarray:
    """Of everything that is drawn, on the background."""
    mask = image.point(lambda number: 255 * (number > 0))
    offset = [int(step) for step in random.uniform(-0.03, 0.03, 2) * image.width]
    moved = Image.new("L", image.size)
    moved.paste(mask, tuple(offset))
    blurred = moved.filter(ImageFilter.BoxBlur(image.width * 0.02))
    return np.asarray(blurred, np.float32) / 255 * random.uniform(0, 0.5)


def _seams(parts: list[Part], numbers: np.ndarray) -> np.ndarray:
    """1 where a piece of cloth ends, 0 elsewhere."""
    pieces = np.array([0, *(number if part.material == "cloth" else 0 for number, part in enumerate(parts, 1))])
    piece, seams = pieces[numbers], np.zeros(numbers.shape, np.float32)
    seams[:-1] += piece[:-1] != piece[1:]
    seams[:, :-1] += piece[:, :-1] != piece[:, 1:]
    return np.minimum(seams, 1)
