"""What does the last bit of accuracy cost? The best single model beside the best at any price."""

from garment_ml.comparison.leaderboard import Leaderboard, Row
from garment_ml.comparison.opened_test_set import BATCH_MS, SINGLE_MS
from garment_ml.evaluation.intervals import paired_difference


def best_at_a_price(leaderboard: Leaderboard) -> tuple[str, ...]:
    """Two sentences; none where no ensemble was compared with a single model.

    Best is who ranks first on validation; the difference is of the median refits on the same test pictures.
    """
    single = next((row for row in leaderboard.rows if not row.finalist.is_ensemble), None)
    ensemble = next((row for row in leaderboard.rows if row.finalist.is_ensemble), None)
    if single is None or ensemble is None:
        return ()
    first = f"The best single model is {single.finalist.label}: {_takes(single)}."
    correct = (each.median_predictions.correct for each in (ensemble, single))
    found = paired_difference(*correct)
    differs = (
        f"{found.difference:+.4f} in accuracy on test beside it (95 % interval {found.low:+.4f} to "
        f"{found.high:+.4f}), {_takes(ensemble)}"
    )
    name = ensemble.finalist.label
    if leaderboard.rows[0] is ensemble:
        return first, f"By validation the best at any price is {name}: {differs}."
    return first, f"By validation it is the best at any price, too; {name}: {differs}."


def _takes(row: Row) -> str:
    alone, in_256 = (row.finalist.median.metrics[name] for name in (SINGLE_MS, BATCH_MS))
    return f"{alone:.1f} ms for a picture alone, {in_256:.2f} ms in 256"
