import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.evaluation.power_law import SizeScores, extrapolate

SIZES = (600, 1200, 3000, 6000, 12000)


def true_score(pictures: float) -> float:
    return 1 - (0.05 + 0.4 * (pictures / 600) ** -0.5)


def measured(random: np.random.Generator, judged: int) -> list[SizeScores]:
    return [SizeScores(size, tuple(random.binomial(judged, true_score(size), 3) / judged)) for size in SIZES]


def test_a_law_that_holds_is_read_beyond_the_measured_sizes():
    exact = [SizeScores(size, (true_score(size),)) for size in SIZES]
    for each in extrapolate(exact, 10**9, [24_000, 48_000]):
        assert each.score == pytest.approx(true_score(each.pictures), abs=1e-4)
        assert each.low <= each.score <= each.high


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    (drawn,) = zip(*(extrapolate(measured(random, 1000), 1000, [24_000]) for _ in range(20)), strict=True)
    assert sum(each.low <= true_score(24_000) <= each.high for each in drawn) >= 18


def test_fewer_pictures_to_judge_by_make_the_interval_wider():
    points = [SizeScores(size, (true_score(size),)) for size in SIZES]
    (sure,), (unsure,) = extrapolate(points, 20_000, [48_000]), extrapolate(points, 200, [48_000])
    assert unsure.high - unsure.low > 3 * (sure.high - sure.low)


def test_scores_that_no_longer_grow_are_not_made_to():
    flat = [SizeScores(size, (0.9, 0.901)) for size in SIZES]
    (each,) = extrapolate(flat, 5000, [100_000])
    assert each.score == pytest.approx(0.9, abs=0.01)
    perfect = [SizeScores(size, (1.0,)) for size in SIZES]
    assert extrapolate(perfect, 100, [100_000])[0].score == pytest.approx(1, abs=0.01)


def test_three_sizes_are_too_few():
    with pytest.raises(UserError, match="4 sizes or more, there are 3"):
        extrapolate(measured(np.random.default_rng(0), 100)[:3], 100, [24_000])
