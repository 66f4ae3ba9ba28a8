"""Did corrections help? The best model before them and after, on the test pictures of both data sets."""

import numpy as np
from pandas import DataFrame

from garment_ml.base.terminal import say
from garment_ml.comparison.finalists import find_finalists
from garment_ml.comparison.leaderboard import Leaderboard
from garment_ml.comparison.numbers import p_value
from garment_ml.comparison.opened_test_set import predictions_on_test
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.intervals import mcnemar, paired_difference
from garment_ml.evaluation.metrics import evaluate
from garment_ml.tracking.run import TrackedRun

FILE = "leaderboard/before_and_after.csv"


def before_and_after(
    run: TrackedRun, before: SplitDataset, after: SplitDataset, leaderboard: Leaderboard
) -> str:
    """A sentence for the terminal, "" when nothing was trained before the corrections; its table is logged.

    Labels are the corrected ones, for both. A picture that is in both test parts was learned from by neither.
    """
    ranked = find_finalists(run, before, rank_by=leaderboard.winner.rank_by).rows
    if not ranked:
        return ""
    # The best that there is on both sides: another's gain would pass for the corrections'.
    pairs = ((now, then) for now in leaderboard.rows for then in ranked if now.finalist.kind == then.kind)
    after_row, best = next(pairs, (leaderboard.rows[0], ranked[0]))
    winner = after_row.finalist
    say(f"test set before the corrections: {best.label}")
    then, now = before.open_test_set(), after.open_test_set()
    of_then, of_now = _common(then.pictures.digests, now.pictures.digests)
    if not len(of_now):
        return ""
    labels = now.labels[of_now]
    said_then = predictions_on_test(run, best.median, before).probabilities[of_then]
    said_now = after_row.median_predictions.probabilities[of_now]
    rows = {
        "before": (best.label, best.median, said_then),
        "after": (winner.label, winner.median, said_now),
    }
    table = DataFrame(
        {"corrections": when, "model": label, "run_id": refit.run_id, "pictures": len(labels)}
        | dict(evaluate(labels, said))
        for when, (label, refit, said) in rows.items()
    )
    run.log_report({FILE: table})
    correct = [said.argmax(axis=1) == labels for said in (said_now, said_then)]
    found, p = paired_difference(*correct), p_value(mcnemar(*correct))
    return (
        f"Corrections: on the {len(labels):,} test pictures that both data sets have, with the corrected "
        f"labels, the best {best.label} before had {table['accuracy'][0]:.4f}, the best "
        f"{winner.label} after {table['accuracy'][1]:.4f} "
        f"({found.difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}, McNemar p {p})"
    )


def _common(then: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the pictures that are in both, in one order; of copies the first."""
    _, of_then, of_now = np.intersect1d(then, now, return_indices=True)
    return of_then, of_now
