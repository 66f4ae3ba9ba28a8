"""A person and the clothes as flat parts, back to front: where they lie, not how they look."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

DOWN, NECK, HEAD = np.array([0.0, 1.0]), np.zeros(2), np.array([0.0, -0.3])
SLEEVES = ("sleeveless", "short", "long")
SIDES, BONES = (-1, 1), (0.36, 0.34)

Random = np.random.Generator


class Part(NamedTuple):
    """`outline` `(n, 2)`; pattern and roundness follow the axis from `origin`, `radius` to either side."""

    material: str
    outline: np.ndarray
    origin: np.ndarray = NECK
    axis: np.ndarray = DOWN
    radius: float = 0.6


def figure(random: Random, sleeve: str) -> list[Part]:
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


def place(figure: list[Part], random: Random, width: int, height: int) -> list[Part]:
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
