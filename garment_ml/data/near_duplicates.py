"""How many held-out pictures nearly repeat a training picture: the same photograph, shifted or touched up."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from garment_ml.data.pictures import Images

THUMBNAIL_SIDE = 16
# Root-mean-square difference in grey levels. Between Fashion-MNIST's test and training parts, the pairs up to
# 3.9 are one photograph twice; from 4.8 on they are different garments of one cut, first of all trousers.
THRESHOLD = 4.5


def count_near(held_out: Mapping[str, Images], train: Images, threshold: float = THRESHOLD) -> dict[str, int]:
    """Of each held-out part, the pictures nearer than `threshold` grey levels to one of `train`.

    All are uint8 `(n, height, width, channels)`.
    """
    from sklearn.metrics import pairwise_distances_argmin_min  # loading data is light: no scikit-learn there

    of_train, counts = _thumbnails(train), {}
    for part, images in held_out.items():
        _, distances = pairwise_distances_argmin_min(_thumbnails(images), of_train)
        counts[part] = int(np.sum(distances < threshold * THUMBNAIL_SIDE))
    return counts


def _thumbnails(images: Images) -> np.ndarray:
    """Grey, averaged down to 16x16, float32 `(n, 256)`; one picture in memory at a time."""
    thumbnails = np.empty((len(images), THUMBNAIL_SIDE**2), np.float32)
    for row in range(len(images)):
        picture = Image.fromarray(images[row].squeeze()).convert("L")
        small = picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
        thumbnails[row] = np.asarray(small).reshape(-1)
    return thumbnails
