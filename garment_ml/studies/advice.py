"""Which approach to try first, measured instead of guessed from the four scenarios of the literature.

These ask whether pictures are few or many, and near to those of the pretraining or far (Yosinski et al. 2014,
arXiv:1411.1792; Stanford's CS231n notes on transfer learning). Here linear probes say both: near is where
frozen features beat pixels, many is where twice the pictures would hardly help the features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from garment_ml.evaluation.power_law import FEWEST_SIZES, Extrapolated, SizeScores, extrapolate
from garment_ml.studies.probes import PIXELS

SATURATED = 0.005  # gain by twice the pictures
Curve = Sequence[SizeScores]


@dataclass(frozen=True)
class Advice:
    """`order`: approaches, the first to try first. `expected` of bottleneck at all training pictures."""

    order: tuple[str, ...]
    tap: str
    expected: Extrapolated
    reasons: tuple[str, ...]


def advise(curves: Mapping[str, Curve], judged: int, pictures: int) -> Advice:
    """From probe curves by pixels and by tap, from shallow to deep; `pictures` is all of train."""
    taps = [name for name in curves if name != PIXELS]
    tap = max(taps, key=lambda name: curves[name][-1].mean)
    features, doubled = _at(curves[tap], judged, [pictures, 2 * pictures])
    (pixels,) = _at(curves[PIXELS], judged, [pictures])
    measured = curves[tap][-1].pictures
    gain = doubled.score - features.score
    far, many = features.score <= pixels.score, gain < SATURATED
    reasons = (
        f"on {measured:,} pictures a linear probe reads {curves[tap][-1].mean:.3f} off {tap}, the best tap, "
        f"and {curves[PIXELS][-1].mean:.3f} off pixels",
        f"by the law fitted to that, {features.score:.3f} against {pixels.score:.3f} with all {pictures:,}: "
        + ("pretraining brings nothing here" if far else "what the network learnt before helps"),
        f"twice the pictures would bring the features {gain:+.3f}: "
        + ("they hold no more, so better features must be learnt" if many else "they can still use more"),
    )
    return Advice(_order(far, many, deepest=tap == taps[-1]), tap, features, reasons)


def _order(far: bool, many: bool, deepest: bool) -> tuple[str, ...]:
    """Bottleneck where features help, as it costs a tenth; fine-tuning where they are used up.

    What convolutions learn from the pictures themselves no probe tells: a linear one on their patches (Coates
    and Ng 2011) read 0.73 off 1,335 drawn sleeves, of which the CNN then knew 0.96. So it comes second.
    """
    if far:
        return (
            ("scratch_cnn", "fine_tune", "bottleneck") if many else ("fine_tune", "scratch_cnn", "bottleneck")
        )
    if many and deepest:
        return "fine_tune", "scratch_cnn", "bottleneck"
    return "bottleneck", "scratch_cnn", "fine_tune"


def _at(curve: Curve, judged: int, sizes: Sequence[int]) -> list[Extrapolated]:
    """By the power law; with too few sizes for one, what was measured at the largest."""
    if len({point.pictures for point in curve}) < FEWEST_SIZES:
        last = curve[-1].mean
        return [Extrapolated(size, last, last, last) for size in sizes]
    return extrapolate(curve, judged, sizes)


def advice_text(advice: Advice, score_name: str) -> str:
    """For the terminal."""
    first, *others = advice.order
    expected = advice.expected
    lines = [f"Try {first} first, then {' and '.join(others)}:"]
    lines += [f"  - {reason}" for reason in advice.reasons]
    lines.append(
        f"Expect of bottleneck a {score_name} of at least {expected.score:.3f} ({expected.low:.3f} to "
        f"{expected.high:.3f} by the probes' law, an extrapolation): its head is more than linear."
    )
    lines.append(
        "Measure scratch_cnn, too, where there are minutes for it: no probe tells what it learns from the "
        "pictures themselves. On drawn sleeves it was far ahead, on Fashion-MNIST about level (README)."
    )
    return "\n".join(lines)
