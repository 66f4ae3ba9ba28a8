"""How many held-out pictures nearly repeat a training picture: the same photograph, shifted or touched up."""

from __future__ import annotations

import numpy as np
from PIL import Image

from garment_ml.data.dataset import Dataset
from garment_ml.data.split import Split

THUMBNAIL_SIDE = 16
# Root-mean-square difference in grey levels. Between Fashion-MNIST's test and training parts, the pairs up to
# 3.9 are one photograph twice; from 4.8 on they are different garments of one cut, first of all trousers.
THRESHOLD = 4.5
ROWS_AT_A_TIME = 128


def count_near_duplicates(dataset: Dataset, split: Split, threshold: float = THRESHOLD) -> dict[str, int]:
    """Pictures of `validation` and of `test` with a training picture nearer than `threshold` grey levels."""
    train = _thumbnails(dataset.images, split.train)
    train = train[np.argsort(train.mean(axis=1))]
    counts = {}
    for part, indices in (("validation", split.validation), ("test", split.test)):
        held_out = _thumbnails(dataset.images, indices)
        held_out = held_out[np.argsort(held_out.mean(axis=1))]
        counts[part] = _count_near(held_out, train, threshold)
    return counts


def _thumbnails(images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Grey, averaged down to 16x16, float32 `(n, 256)`."""
    images = images[..., 0] if images.shape[-1] == 1 else images  # Pillow's grey has no channel axis
    thumbnails = np.empty((len(indices), THUMBNAIL_SIDE**2), np.float32)
    for row, index in enumerate(indices):
        picture = Image.fromarray(images[index]).convert("L")
        small = picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
        thumbnails[row] = np.asarray(small).reshape(-1)
    return thumbnails


def _count_near(held_out: np.ndarray, train: np.ndarray, threshold: float) -> int:
    """Rows of `held_out` with a near row in `train`, both sorted by their mean.

    The means of two rows never differ by more than the root of their mean square difference, so each block of
    rows is compared only with the training rows of about its own brightness.
    """
    means, squares = train.mean(axis=1), (train**2).mean(axis=1)
    near = 0
    for start in range(0, len(held_out), ROWS_AT_A_TIME):
        rows = held_out[start : start + ROWS_AT_A_TIME]
        darkest, brightest = rows[0].mean() - threshold, rows[-1].mean() + threshold
        alike = slice(np.searchsorted(means, darkest), np.searchsorted(means, brightest, "right"))
        products = rows @ train[alike].T / train.shape[1]
        squared = (rows**2).mean(axis=1)[:, np.newaxis] + squares[alike] - 2 * products
        near += int(np.sum(squared.min(axis=1, initial=np.inf) < threshold**2))
    return near
