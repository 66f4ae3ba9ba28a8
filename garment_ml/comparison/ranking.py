"""Which row comes first: what was seen on test can change nothing of it."""

import math
from collections.abc import Sequence

from garment_ml.comparison.finalist import Finalist
from garment_ml.evaluation.intervals import is_beyond_luck, pooled_deviation


def ranked(finalists: Sequence[Finalist]) -> tuple[Finalist, ...]:
    """The best on validation first (ties: the lower loss).

    By the mean over refits less its standard error, so that one lucky refit doesn't outrank a mean of three.
    The spread between refits is that of all finalists together: of one refit alone there is none to be had.
    An ensemble costs as much as all its members, so it comes after a member that it isn't clearly ahead of.
    """
    scores = {each: each.values(_metric(each)) for each in finalists}
    spread = pooled_deviation(list(scores.values()))
    bounds = {each: each.mean(_metric(each)) - spread / math.sqrt(len(each.refits)) for each in finalists}

    def rank(finalist: Finalist) -> tuple[float, bool, float]:
        level_with = [bounds[each] for each in finalists if _is_level(finalist, each)]
        bound = min([bounds[finalist], *level_with])
        return -bound, bool(level_with), finalist.mean("validation_loss")

    return tuple(sorted(finalists, key=rank))


def _metric(finalist: Finalist) -> str:
    return f"validation_{finalist.rank_by}"


def _is_level(ensemble: Finalist, row: Finalist) -> bool:
    """Whether the row is of members of the ensemble, and as good on validation as far as can be told."""
    voting = {run_id for refit in ensemble.refits for run_id in refit.members}
    of_seed = {refit.seed: refit.metrics[_metric(row)] for refit in row.refits if refit.run_id in voting}
    gains = [
        refit.metrics[_metric(row)] - of_seed[refit.seed]
        for refit in ensemble.refits
        if refit.seed in of_seed
    ]
    return bool(gains) and not is_beyond_luck(gains)
