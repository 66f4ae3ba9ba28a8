import numpy as np
import pytest

from garment_ml.data.dataset import Dataset
from garment_ml.data.near_duplicates import THUMBNAIL_SIDE, count_near
from garment_ml.data.pictures import Pictures
from garment_ml.data.split_dataset import split_dataset


@pytest.fixture(scope="module", params=[1, 3])
def smooth(request) -> np.ndarray:
    """660 pictures of different slopes."""
    coefficients = np.random.default_rng(0).uniform(-100, 100, (660, 2, 1, 1))
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    grey = np.clip(128 + coefficients[:, 0] * y + coefficients[:, 1] * x, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., np.newaxis], request.param, axis=-1)


@pytest.mark.parametrize("threshold", [1.5, 4.5])
def test_counts_equal_a_comparison_of_all_pairs(smooth, threshold):
    small = smooth[..., 0].astype(float).reshape(-1, THUMBNAIL_SIDE, 2, THUMBNAIL_SIDE, 2).mean(axis=(2, 4))
    small = np.floor(small + 0.5).reshape(660, -1)
    squares = ((small[600:, np.newaxis] - small[:600]) ** 2).mean(axis=2)
    expected = int(np.sum(squares.min(axis=1) < threshold**2))
    assert 0 < expected < 60
    assert count_near({"test": smooth[600:]}, smooth[:600], threshold) == {"test": expected}


def test_faint_noise_in_a_held_out_picture_is_a_near_duplicate_and_another_picture_is_not(smooth):
    far = np.random.default_rng(1).integers(0, 256, smooth.shape, np.uint8)
    labels, in_test = np.arange(660) % 2, np.arange(660) >= 600

    def counts() -> dict[str, int]:
        dataset = Dataset("d", Pictures.of(far), labels, ("a", "b"), "here", in_test)
        return split_dataset(dataset).near_duplicates

    assert counts() == {"validation": 0, "test": 0}
    split = split_dataset(Dataset("d", Pictures.of(far), labels, ("a", "b"), "here", in_test)).split
    noise = np.random.default_rng(2).integers(0, 4, far[0].shape, np.uint8)
    far[split.test[0]] = np.clip(far[split.train[7]], 0, 250) + noise
    assert counts() == {"validation": 0, "test": 1}
