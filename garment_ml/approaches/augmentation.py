"""Random changes of training pictures that keep a garment what it is."""

from dataclasses import dataclass
from typing import Self

import numpy as np

PIXELS = 28  # of a side, to which shifts in pixels refer


@dataclass(frozen=True)
class Augmentation:
    """Shifts by up to `shift` pixels of a 28-pixel side, flips, and a patch erased (DeVries & Taylor 2017).

    With `flips` every picture is flipped in every other epoch, each with its own phase (Jordan 2024).
    """

    shift: int = 0
    erased: float = 0.0  # share of the pictures that lose a patch
    flips: bool = True

    @classmethod
    def of_strength(cls, strength: float) -> Self | None:
        """Two pixels and every second picture at strength 1, None at 0."""
        return cls(shift=round(2 * strength), erased=strength / 2) if strength else None

    def __call__(
        self, pictures: np.ndarray, numbers: np.ndarray, epoch: int, random: np.random.Generator
    ) -> np.ndarray:
        """Changed copies of uint8 `pictures` (n, height, width, channels), rows `numbers` of the data."""
        flipped = ((_phase(numbers) + epoch) % 2 == 1) & self.flips
        changed = pictures.copy()
        changed[flipped] = pictures[flipped, :, ::-1]
        changed = _shifted(changed, round(self.shift * max(pictures.shape[1:3]) / PIXELS), random)
        return _erased(changed, self.erased, random)


def _phase(numbers: np.ndarray) -> np.ndarray:
    """0 or 1, as if by chance, and always the same for a number (Knuth's multiplicative hash)."""
    return (numbers.astype(np.uint64) * np.uint64(2654435761) >> np.uint64(16)) & np.uint64(1)


def _shifted(pictures: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    """Each by its own whole number of pixels; what comes in repeats the edge."""
    if most == 0:
        return pictures
    _, height, width, _ = pictures.shape
    padded = np.pad(pictures, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    tops, lefts = random.integers(0, 2 * most + 1, (2, len(pictures)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    return np.moveaxis(windows[np.arange(len(pictures)), tops, lefts], 1, -1)


def _erased(pictures: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """A rectangle of 5 to 20 % of the picture is black."""
    _, height, width, _ = pictures.shape
    for number in np.flatnonzero(random.random(len(pictures)) < share):
        area, ratio = random.uniform(0.05, 0.2), np.exp(random.uniform(-1, 1))
        tall = min(height, max(1, round(height * np.sqrt(area * ratio))))
        wide = min(width, max(1, round(width * np.sqrt(area / ratio))))
        top, left = random.integers(0, height - tall + 1), random.integers(0, width - wide + 1)
        pictures[number, top : top + tall, left : left + wide] = 0
    return pictures
