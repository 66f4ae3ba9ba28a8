import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.evaluation.intervals import (
    SHARE,
    mcnemar,
    mean_and_interval,
    paired_difference,
    wilson_interval,
)

# Both right, only the first, only the second, neither.
BENTUR_2009 = (1, 1, 7, 12)
CAVO_2012 = (59, 6, 16, 80)


def pairs(both, only_a, only_b, neither):
    counts = (both, only_a, only_b, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


# Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
@pytest.mark.parametrize(
    ("correct", "pictures", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_as_published(correct, pictures, low, high):
    assert wilson_interval(correct, pictures) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_of_one_picture():
    low, high = wilson_interval(1, 1)
    assert 0.2 < low < 0.21
    assert high == 1


# Fagerland, Lydersen and Laake 2013 (Bentur) and 2017, "Statistical Analysis of Contingency Tables",
# chapter 8; to the digits printed by their package contingencytables (Cavo).
@pytest.mark.parametrize(("table", "p_value"), [(BENTUR_2009, 0.0391), (CAVO_2012, 0.034690)])
def test_mcnemar_as_published(table, p_value):
    assert mcnemar(*pairs(*table)) == pytest.approx(p_value, abs=5e-5)
    assert mcnemar(*reversed(pairs(*table))) == pytest.approx(p_value, abs=5e-5)


def test_mcnemar_of_classifiers_that_agree_or_disagree_evenly():
    assert mcnemar(*pairs(50, 0, 0, 4)) == 1
    assert mcnemar(*pairs(50, 1, 1, 4)) == pytest.approx(1 - 0.5 * 0.5)


def test_newcombe_interval_as_published():
    result = paired_difference(*pairs(*CAVO_2012))
    assert (result.difference, result.low, result.high) == pytest.approx(
        (-0.0621, -0.1186, -0.0046), abs=5e-5
    )
    result = paired_difference(*pairs(*BENTUR_2009))
    assert (result.difference, result.low, result.high) == pytest.approx((-0.286, -0.507, -0.026), abs=5e-4)


def test_newcombe_interval_turns_round_with_its_arguments():
    forwards, backwards = (paired_difference(*order) for order in (pairs(*CAVO_2012), pairs(59, 16, 6, 80)))
    assert (backwards.low, backwards.high) == pytest.approx((-forwards.high, -forwards.low))


def test_newcombe_interval_has_width_when_both_are_always_right():
    result = paired_difference(*pairs(20, 0, 0, 0))
    assert result.difference == 0
    assert result.low == pytest.approx(-0.1611, abs=5e-5)
    assert result.high == pytest.approx(0.1611, abs=5e-5)


def test_newcombe_interval_on_a_test_set_too_large_for_int64_products():
    result = paired_difference(*pairs(8_000_000, 500_000, 400_000, 1_100_000))
    assert 0.009 < result.low < 0.01 < result.high < 0.011


def test_mean_and_interval_over_three_seeds():
    summary = mean_and_interval([0.90, 0.94, 0.92])
    # Standard deviation 0.02, t(0.975, 2 degrees of freedom) = 4.3027.
    assert summary.mean == pytest.approx(0.92)
    assert summary.high - summary.mean == pytest.approx(4.3027 * 0.02 / 3**0.5, abs=1e-5)
    assert summary.mean - summary.low == pytest.approx(summary.high - summary.mean)
    assert (summary.minimum, summary.maximum, summary.seeds) == (0.90, 0.94, 3)


def test_one_seed_has_no_interval():
    summary = mean_and_interval([0.9])
    assert (summary.mean, summary.minimum, summary.maximum) == (0.9, 0.9, 0.9)
    assert np.isnan([summary.low, summary.high]).all()


def test_unequal_test_sets_are_refused():
    with pytest.raises(UserError, match=r"bool \(3,\) and bool \(2,\)"):
        mcnemar(np.ones(3, bool), np.ones(2, bool))
    with pytest.raises(UserError, match="int64"):
        paired_difference(np.ones(3, np.int64), np.ones(3, bool))


def test_the_interval_of_accuracies_stays_between_0_and_1():
    few = mean_and_interval([0.9, 1.0], SHARE)
    assert (few.low, few.high) == (pytest.approx(0.3147, abs=1e-3), 1.0)
    assert mean_and_interval([0.9, 1.0]).high > 1
