import numpy as np
import pytest

from garment_ml.approaches.augmentation import Augmentation


def pictures(shape, count, low=0):
    return np.random.default_rng(0).integers(low, 256, (count, *shape), dtype=np.uint8)


def changed(augmentation, raw, epoch=0, seed=0):
    return augmentation(raw, np.arange(len(raw)), epoch, np.random.default_rng(seed))


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 40, 3)])
def test_it_keeps_shape_and_kind_and_leaves_the_originals_alone(shape):
    raw = pictures(shape, 64)
    before = raw.copy()
    moved = changed(Augmentation(2, 0.5), raw)
    assert moved.shape == raw.shape and moved.dtype == np.uint8
    assert np.array_equal(raw, before)
    assert np.mean([np.any(a != b) for a, b in zip(moved, raw, strict=True)]) > 0.9


def test_it_repeats_itself_with_the_same_random_state():
    raw = pictures((28, 28, 1), 64)
    first, second, other = (changed(Augmentation(2, 0.5), raw, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_every_picture_is_flipped_in_every_other_epoch_and_half_of_them_in_each():
    raw = pictures((8, 8, 1), 1000)
    flipped = []
    for epoch in range(3):
        now = changed(Augmentation(), raw, epoch)
        turned = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(now, raw, strict=True)])
        assert all(np.array_equal(a, b) for a, b in zip(now[~turned], raw[~turned], strict=True))
        flipped.append(turned)
    assert 400 < flipped[0].sum() < 600
    assert np.array_equal(flipped[0], ~flipped[1]) and np.array_equal(flipped[0], flipped[2])


def test_a_shift_is_of_whole_pixels_and_repeats_the_edge():
    raw = pictures((28, 28, 1), 200)
    seen = set()
    for now, before in zip(changed(Augmentation(1), raw)[..., 0], raw[..., 0], strict=True):
        padded = [np.pad(side, 1, mode="edge") for side in (before, before[:, ::-1])]
        fits = [
            (top, left)
            for side in padded
            for top in range(3)
            for left in range(3)
            if np.array_equal(now, side[top : top + 28, left : left + 28])
        ]
        assert len(fits) == 1
        seen.update(fits)
    assert len(seen) == 9


def test_a_shift_grows_with_the_picture():
    raw = np.zeros((50, 56, 56, 1), np.uint8)
    raw[:, 28, 28] = 255
    moved = changed(Augmentation(1), raw)[..., 0]
    rows = {int(np.argmax(each.max(axis=1))) for each in moved}
    assert rows == {26, 27, 28, 29, 30}


def test_a_patch_of_at_most_a_fifth_is_erased_from_as_many_as_it_says():
    raw = pictures((28, 28, 1), 400, low=1)
    erased = (changed(Augmentation(0, 0.5), raw)[..., 0] == 0).mean(axis=(1, 2))
    assert 150 < (erased > 0).sum() < 250
    assert erased[erased > 0].min() > 0.04 and erased.max() < 0.22
