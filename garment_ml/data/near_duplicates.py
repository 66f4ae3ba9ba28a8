"""Which pictures nearly repeat another one: the same photograph, shifted a little or touched up.

Told by small grey thumbnails, not by a hash of signs (dHash, pHash): on garments before one plain background
these collide, 13,506 pictures of Fashion-MNIST sharing their 64-bit dHash with another garment.
"""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from garment_ml.data.pictures import Images

THUMBNAIL_SIDE = 16
# Root-mean-square difference in grey levels. Between Fashion-MNIST's test and training parts, the pairs up to
# 3.9 are one photograph twice; from 4.8 on they are different garments of one cut, first of all trousers.
THRESHOLD = 4.5
DIRECTIONS, NEAREST = 16, 15
PAIRS_AT_ONCE = 100_000


def count_near(held_out: Mapping[str, Images], train: Images, threshold: float = THRESHOLD) -> dict[str, int]:
    """Of each held-out part, the pictures nearer than `threshold` grey levels to one of `train`.

    All are uint8 `(n, height, width, channels)`.
    """
    from sklearn.metrics import pairwise_distances_argmin_min  # loading data is light: no scikit-learn there

    of_train, counts = thumbnails(train), {}
    for part, images in held_out.items():
        _, distances = pairwise_distances_argmin_min(thumbnails(images), of_train)
        counts[part] = int(np.sum(distances < threshold * THUMBNAIL_SIDE))
    return counts


def thumbnails(images: Images) -> np.ndarray:
    """Grey, averaged down to 16x16, float32 `(n, 256)`; one picture in memory at a time."""
    small = np.empty((len(images), THUMBNAIL_SIDE**2), np.float32)
    for row in range(len(images)):
        picture = Image.fromarray(images[row].squeeze()).convert("L")
        thumbnail = picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
        small[row] = np.asarray(thumbnail).reshape(-1)
    return small


def near_pairs(of: np.ndarray, threshold: float = THRESHOLD) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows of these thumbnails, int64 `(m, 2)`, and how far apart they are in grey levels.

    Only rows that are near on the directions of largest variance can be near, and there a tree finds them; of
    each row the nearest few, which holds memory where all pictures look alike.
    """
    from scipy.spatial import cKDTree

    radius = threshold * THUMBNAIL_SIDE
    centred = of - of.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    seen = centred @ directions[:, -DIRECTIONS:]
    _, found = cKDTree(seen).query(seen, k=NEAREST + 1, distance_upper_bound=radius)
    rows = np.repeat(np.arange(len(of)), NEAREST + 1)
    pairs = np.stack([rows, found.reshape(-1)], axis=1)
    pairs = pairs[pairs[:, 1] < len(of)]  # what is missing from the few is given that number
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    blocks = np.array_split(pairs, len(pairs) // PAIRS_AT_ONCE + 1)
    squares = [((of[block[:, 0]] - of[block[:, 1]]) ** 2).sum(axis=1) for block in blocks]
    distances = np.sqrt(np.concatenate(squares)) / THUMBNAIL_SIDE
    return pairs[distances < threshold], distances[distances < threshold]
