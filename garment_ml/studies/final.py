"""A search's best trials against the recipe's own values, on the same fresh seeds: the final.

The best of many trials is partly the luckiest (the winner's curse): its score says more than it will hold.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean

from garment_ml.approaches.hyperparameter import Values
from garment_ml.base.terminal import say
from garment_ml.evaluation.intervals import SeedSummary, gain_in_words, is_beyond_luck, mean_and_interval
from garment_ml.tracking.refit_record import GAIN_TAG, LOST_TAG, Refit, missing_tags
from garment_ml.tracking.run import TrackedRun

Train = Callable[[Values, int], Refit]


@dataclass(frozen=True)
class Final:
    """The values that go on, the refits they were given so far, and those of the others.

    `gain` on validation is chosen minus recipe, in pairs over the seeds; zero where the recipe's own values
    stay, None where no final was played.
    """

    values: Values
    chosen: tuple[Refit, ...] = ()
    lost: tuple[Refit, ...] = ()
    gain: SeedSummary | None = None


def play_final(
    train: Train, recipe: Values, contenders: Sequence[Values], seeds: Sequence[int], metric: str
) -> Final:
    """The recipe stays unless a contender beats it by more than the spread between seeds.

    Each round all that are left are trained with one more seed, and the better half of the contenders goes on
    (successive halving, Jamieson and Talwalkar 2016), if its mean so far is above the recipe's. What remains
    at the end must be above the recipe by more than the standard deviation of its differences to it.
    """
    tried = [recipe, *contenders]
    refits: list[list[Refit]] = [[] for _ in tried]
    left = list(range(1, len(tried)))

    def mean(number: int) -> float:
        return fmean(each.metrics[metric] for each in refits[number])

    for seed in seeds:
        if not left:
            break
        for number in [0, *left]:
            refits[number].append(train(tried[number], seed))
        better = sorted((each for each in left if mean(each) > mean(0)), key=mean, reverse=True)
        left = better[: math.ceil(len(left) / 2)]
    gains = _differences(refits[left[0]], refits[0], metric) if left else []
    wins = bool(gains) and is_beyond_luck(gains)
    chosen = left[0] if wins else 0
    lost = tuple(each for number, others in enumerate(refits) if number != chosen for each in others)
    gain = mean_and_interval(gains) if wins else SeedSummary(0.0, 0.0, 0.0, 0.0, 0.0, len(refits[0]))
    played = f"final of the best {len(contenders)}" if contenders else "no trial beats the recipe"
    say(f"  {played}: {gain_in_words(gain)}")
    return Final(tried[chosen], tuple(refits[chosen]), lost, gain)


def _differences(ours: Sequence[Refit], recipes: Sequence[Refit], metric: str) -> list[float]:
    return [a.metrics[metric] - b.metrics[metric] for a, b in zip(ours, recipes, strict=True)]


def log_final(search: TrackedRun, study: TrackedRun, approach: str, final: Final) -> None:
    """What the search gained, on its run and on the study's, and which refits are out of the running."""
    gain = asdict(final.gain) if final.gain else {}
    summary = {name: value for name, value in gain.items() if math.isfinite(value)}
    search.log_metrics({f"search_gain_{name}": value for name, value in summary.items()})
    study.log_metrics({f"{approach}/search_gain_{name}": value for name, value in summary.items()})
    for each in final.lost:
        replace(study, run_id=each.run_id).set_tags({LOST_TAG: search.run_id})


def tag_refits(run: TrackedRun, refits: Sequence[Refit], final: Final) -> None:
    """Those that go on: with what the search gained, and in the running again if they lost another final."""
    rows = {each.row for each in refits}
    for lost in run.find(f"tags.`{LOST_TAG}` != ''"):
        if not missing_tags(lost) and Refit.of(lost).row in rows:
            replace(run, run_id=lost.info.run_id).drop_tag(LOST_TAG)
    if final.gain:
        gain = json.dumps(asdict(final.gain))
        for each in refits:
            replace(run, run_id=each.run_id).set_tags({GAIN_TAG: gain})
