"""What is advised, for made-up curves of each of the published scenarios."""

import pytest

from garment_ml.evaluation.power_law import SizeScores
from garment_ml.studies.advice import advice_text, advise

SIZES = (250, 500, 1000, 2000, 4000)
JUDGED = 2000


def curve(last: float, still: float = 0.0):
    """Scores that reach `last`, its error above `still` halving with 16 times the pictures."""
    scale = 1 - still - last
    return tuple(SizeScores(size, (1 - still - scale * (SIZES[-1] / size) ** 0.25,)) for size in SIZES)


@pytest.mark.parametrize(
    ("pixels", "middle", "deepest", "pictures", "order"),
    [
        # near: frozen features beat pixels
        (curve(0.70), curve(0.80), curve(0.85), 4000, ("bottleneck", "scratch_cnn", "fine_tune")),
        (curve(0.70), curve(0.85), curve(0.80), 50_000, ("bottleneck", "scratch_cnn", "fine_tune")),
        (curve(0.70), curve(0.80), curve(0.88, 0.119), 50_000, ("fine_tune", "scratch_cnn", "bottleneck")),
        # far: they don't
        (curve(0.80), curve(0.65), curve(0.60), 4000, ("fine_tune", "scratch_cnn", "bottleneck")),
        (curve(0.80), curve(0.65, 0.345), curve(0.60), 50_000, ("scratch_cnn", "fine_tune", "bottleneck")),
    ],
    ids=["few", "many, middle best", "many, used up", "few and far", "many and far"],
)
def test_the_order_follows_what_the_probes_measure(pixels, middle, deepest, pictures, order):
    advice = advise({"pixels": pixels, "block3_pool": middle, "block5_pool": deepest}, JUDGED, pictures)
    assert advice.order == order
    text = advice_text(advice, "validation accuracy")
    assert f"Try {order[0]} first" in text and "Measure scratch_cnn, too" in text


def test_what_is_expected_is_read_off_the_law_at_all_pictures():
    advice = advise({"pixels": curve(0.7), "block3_pool": curve(0.9)}, JUDGED, 16_000)
    assert advice.expected.pictures == 16_000
    assert advice.expected.score == pytest.approx(1 - 0.1 * 0.25**0.25, abs=0.01)


def test_with_too_few_sizes_for_a_law_what_was_measured_stands():
    short = {"pixels": curve(0.7)[-2:], "block3_pool": curve(0.9)[-2:]}
    assert advise(short, JUDGED, 16_000).expected.score == pytest.approx(0.9)
