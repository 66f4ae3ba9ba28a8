from dataclasses import replace

import numpy as np
import pytest

from garment_ml.data.dataset import Dataset
from garment_ml.data.near_duplicates import THUMBNAIL_SIDE, count_near_duplicates
from garment_ml.data.split import split_dataset


@pytest.fixture(scope="module", params=[1, 3])
def smooth(request) -> Dataset:
    """Pictures of different slopes: 600 in train and validation, 60 in test."""
    coefficients = np.random.default_rng(0).uniform(-100, 100, (660, 2, 1, 1))
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    grey = np.clip(128 + coefficients[:, 0] * y + coefficients[:, 1] * x, 0, 255).astype(np.uint8)
    images = np.repeat(grey[..., np.newaxis], request.param, axis=-1)
    return Dataset("d", images, np.arange(660) % 2, ("a", "b"), "here", np.arange(660) >= 600)


def test_counts_equal_a_comparison_of_all_pairs(smooth):
    split = split_dataset(smooth)
    grey = smooth.images[..., 0].astype(float)
    small = grey.reshape(-1, THUMBNAIL_SIDE, 2, THUMBNAIL_SIDE, 2).mean(axis=(2, 4))
    small = np.floor(small + 0.5).reshape(660, -1)

    def expected(indices: np.ndarray, threshold: float) -> int:
        squares = ((small[indices][:, np.newaxis] - small[split.train]) ** 2).mean(axis=2)
        return int(np.sum(squares.min(axis=1) < threshold**2))

    for threshold in (1.5, 4.5):
        found = count_near_duplicates(smooth, split, threshold)
        wanted = {
            "validation": expected(split.validation, threshold),
            "test": expected(split.test, threshold),
        }
        assert found == wanted
        assert 0 < wanted["test"] < 60


def test_faint_noise_is_a_near_duplicate_and_another_picture_is_not(smooth):
    far = np.random.default_rng(1).integers(0, 256, smooth.images.shape, np.uint8)
    split = split_dataset(replace(smooth, images=far))
    assert count_near_duplicates(replace(smooth, images=far), split) == {"validation": 0, "test": 0}
    noise = np.random.default_rng(2).integers(0, 4, far[0].shape, np.uint8)
    far[split.test[0]] = np.clip(far[split.train[7]], 0, 250) + noise
    assert count_near_duplicates(replace(smooth, images=far), split) == {"validation": 0, "test": 1}
