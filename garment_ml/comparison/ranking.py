"""Which row comes first: what was seen on test can change nothing of it."""

import math
from collections.abc import Sequence

from garment_ml.comparison.finalist import Finalist
from garment_ml.evaluation.intervals import is_beyond_luck, pooled_deviation


def ranked(finalists: Sequence[Finalist]) -> tuple[Finalist, ...]:
    """The best on validation first (ties: the lower loss).

    By the mean over refits less its standard error, so that one lucky refit doesn't outrank a mean of three.
    The spread between refits is that of all finalists together: of one refit alone there is none to be had.
    An ensemble costs as much as all its members, so it comes after the best of them where it isn't clearly
    ahead of that one.
    """
    spread = pooled_deviation([each.values(_metric(each)) for each in finalists])
    bounds = {each: each.mean(_metric(each)) - spread / math.sqrt(len(each.refits)) for each in finalists}

    def rank(finalist: Finalist) -> tuple[float, bool, float]:
        bound, is_level = bounds[finalist], False
        if members := [each for each in finalists if _votes_in(finalist, each)]:
            best = max(members, key=lambda each: bounds[each])
            is_level = not is_beyond_luck(_gains(finalist, best))
            bound = min(bound, bounds[best]) if is_level else bound
        return -bound, is_level, finalist.mean("validation_loss")

    return tuple(sorted(finalists, key=rank))


def _metric(finalist: Finalist) -> str:
    return f"validation_{finalist.rank_by}"


def _votes_in(ensemble: Finalist, row: Finalist) -> bool:
    voting = {run_id for refit in ensemble.refits for run_id in refit.members}
    return any(refit.run_id in voting for refit in row.refits)


def _gains(ensemble: Finalist, row: Finalist) -> list[float]:
    """On validation, in pairs over the seeds."""
    of_seed = {refit.seed: refit.metrics[_metric(row)] for refit in row.refits}
    voted = [refit for refit in ensemble.refits if refit.seed in of_seed]
    return [refit.metrics[_metric(row)] - of_seed[refit.seed] for refit in voted]
