"""What a picture is like whatever it shows: its brightness, contrast, sharpness and background."""

from dataclasses import dataclass

import numpy as np

from garment_ml.data.pictures import Images

VALUES_AT_ONCE = 4_000_000
GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # as Pillow turns RGB into grey


@dataclass(frozen=True, eq=False)
class Measures:
    """Of each picture, float32 `(n,)`.

    `brightness` is the mean grey level, `bright` the one that 1 % of the pixels exceed. `contrast` is how far
    that is above the one that all but 1 % exceed, in the channel where it is most: red on green may be one
    grey. `sharpness` is the spread of the Laplacian as a part of the spread of the grey levels, so that
    a plain garment isn't taken for a blurred one.
    `background` `(n, channels)` is the median colour of the outermost pixels.
    """

    brightness: np.ndarray
    bright: np.ndarray
    contrast: np.ndarray
    sharpness: np.ndarray
    background: np.ndarray


def measure(images: Images) -> Measures:
    """Some pictures at a time, since all need not fit into memory."""
    at_once = max(1, VALUES_AT_ONCE // int(np.prod(images.shape[1:])))
    batches = [_measure(images[start : start + at_once]) for start in range(0, len(images), at_once)]
    return Measures(*(np.concatenate(column) for column in zip(*batches, strict=True)))


def _measure(images: np.ndarray) -> tuple[np.ndarray, ...]:
    """In the order of the fields."""
    grey = images @ GREY_WEIGHTS if images.shape[-1] == 3 else images[..., 0].astype(np.float32)
    by_channel = images.reshape(len(images), -1, images.shape[-1])
    low, high = _ends(by_channel)
    contrast = (high - low).max(axis=1)
    bright = high[:, 0] if images.shape[-1] == 1 else _ends(grey.reshape(len(grey), -1, 1))[1][:, 0]
    sharpness = _laplacian(grey).std(axis=(1, 2)) / np.maximum(grey.std(axis=(1, 2)), 1e-6)
    return grey.mean(axis=(1, 2)), bright, contrast, sharpness, _background(images)


def _ends(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of levels `(n, pixels, channels)` those that all but 1 % and that only 1 % of the pixels exceed."""
    few = levels.shape[1] // 100
    ordered = np.partition(levels, (few, levels.shape[1] - 1 - few), axis=1)
    return ordered[:, few].astype(np.float32), ordered[:, -1 - few].astype(np.float32)


def _laplacian(grey: np.ndarray) -> np.ndarray:
    """How far each pixel is from its four neighbours; the outermost repeat themselves."""
    around = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    neighbours = around[:, :-2, 1:-1] + around[:, 2:, 1:-1] + around[:, 1:-1, :-2] + around[:, 1:-1, 2:]
    return neighbours - 4 * grey


def _background(images: np.ndarray) -> np.ndarray:
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    return np.median(np.concatenate(sides, axis=1), axis=1).astype(np.float32)
