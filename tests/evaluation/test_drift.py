"""Drift is found where something changed, and almost never where nothing did."""

import numpy as np
import pytest

from garment_ml.evaluation.drift import CHANCE, Distance, far_away, merged, stability, two_samples

RANDOM = np.random.default_rng(0)
MIX = np.array([0.3, 0.2, 0.2, 0.15, 0.1, 0.05])


def counts(mix: np.ndarray, pictures: int) -> np.ndarray:
    return RANDOM.multinomial(pictures, mix)


def classes(pictures: int, apart: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Features of three classes, `(n, 5)`, and their labels."""
    labels = RANDOM.integers(0, 3, pictures)
    return RANDOM.normal(0, 1, (pictures, 5)) + apart * np.eye(5)[labels], labels


def test_the_same_mix_is_seldom_called_another_and_p_values_are_even():
    found = [stability("mix", counts(MIX, 6_000), counts(MIX, 500)) for _ in range(500)]
    assert not any(each.is_drift for each in found)
    assert 0.02 < np.mean([each.p_value < 0.05 for each in found]) < 0.09


def test_another_mix_is_found_and_a_slight_one_of_many_pictures_is_not():
    assert stability("mix", counts(MIX, 6_000), counts(MIX[::-1], 500)).is_drift
    slight = stability(
        "mix", counts(MIX, 600_000), counts(MIX + np.array([0.02, -0.02, 0, 0, 0, 0]), 600_000)
    )
    assert slight.p_value < CHANCE and not slight.is_drift


def test_a_bin_that_is_empty_on_one_side_is_no_infinity():
    found = stability("mix", np.array([100, 0]), np.array([50, 50]))
    assert np.isfinite(found.effect) and found.is_drift


def test_merged_bins_keep_all_pictures_and_hold_a_share_each():
    reference, window = np.array([0, 1, 2, 3, 94, 0, 0, 300]), np.array([9, 0, 0, 0, 1, 1, 0, 5])
    before, now = merged(reference, window)
    assert (before.sum(), now.sum()) == (400, 16)
    assert (before >= 20).all() and len(before) == 2


def test_where_nearly_all_are_sure_a_doubting_window_is_still_another():
    sure, doubting = np.zeros(20, int), np.zeros(20, int)
    sure[-1], sure[15], doubting[10] = 97, 3, 500
    found = stability("confidence", *merged(sure, doubting))
    assert found.is_drift and len(merged(sure, doubting)[0]) == 2


def test_a_classifier_tells_shifted_features_and_not_the_same():
    same = [two_samples(classes(2_000)[0], classes(200)[0], seed).p_value for seed in range(200)]
    assert np.mean([each < 0.05 for each in same]) < 0.1 and min(same) > CHANCE / 20
    shifted = two_samples(classes(2_000)[0], classes(500)[0] + 0.5)
    assert shifted.is_drift and shifted.effect > 0.6


def test_what_is_far_from_every_class_is_found_however_it_lies():
    features, labels = classes(2_000)
    distance = Distance(features[::2], labels[::2])
    reference = distance(features[1::2])
    assert np.median(reference) == pytest.approx(4.35, abs=0.6)  # of chi-squared with 5 degrees of freedom
    assert not far_away(reference, distance(classes(500)[0])).is_drift
    middle = np.full((500, 5), 4 / 3) + RANDOM.normal(0, 1, (500, 5)) * 2.5
    assert far_away(reference, distance(middle)).is_drift
