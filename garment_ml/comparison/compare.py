"""The comparison itself: every finalist scored on test, ranked by what was known before."""

from collections.abc import Collection

from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import say
from garment_ml.comparison.finalist import Finalist, LeftOut
from garment_ml.comparison.finalists import Finalists
from garment_ml.comparison.leaderboard import Leaderboard, Row
from garment_ml.comparison.leaderboard_page import log_leaderboard
from garment_ml.comparison.opened_test_set import Predictions, predictions_on_test
from garment_ml.comparison.pairs import compare_pairs
from garment_ml.comparison.ranking import ranked
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun


def compare(run: TrackedRun, data: SplitDataset, finalists: Finalists) -> Leaderboard:
    """Score each finalist's refits on test, unless that was done before, and log the comparison to `run`.

    A refit that can't be scored here is left out, with the reason. Raises UserError when nothing remains.
    """
    finalists.check_not_empty(data)
    left_out = list(finalists.left_out)
    scored = {}
    # The largest network first: its one pass over the pictures often yields the features of others, too.
    # An ensemble last, when those of its members are there.
    for finalist in sorted(finalists.rows, key=lambda each: (each.is_ensemble, -each.parameters)):
        say(f"test set: {finalist.label}, {len(finalist.refits)} refits")
        predictions = _predictions(run, finalist, data, left_out)
        if predictions:
            scored[_read_again(run, finalist, predictions)] = tuple(predictions.values())
    rows = [Row(rank, each, scored[each]) for rank, each in enumerate(ranked([*scored]), start=1)]
    Finalists(tuple(row.finalist for row in rows), tuple(left_out)).check_not_empty(data)
    leaderboard = Leaderboard(tuple(rows), compare_pairs(rows), tuple(left_out))
    log_leaderboard(run, leaderboard, data)
    return leaderboard


def _predictions(
    run: TrackedRun, finalist: Finalist, data: SplitDataset, left_out: list[LeftOut]
) -> dict[str, Predictions]:
    """By run id; a refit that can't be scored goes to `left_out` instead."""
    predictions = {}
    for refit in finalist.refits:
        try:
            of_median = refit is finalist.median
            predictions[refit.run_id] = predictions_on_test(run, refit, data, gallery=of_median)
        except GarmentError as error:
            say(f"  not compared: run {refit.run_id}: {error}")
            reason = f"can't be scored here: {error}"
            left_out.append(LeftOut(refit.run_id, finalist.title(refit), reason))
    return predictions


def _read_again(run: TrackedRun, finalist: Finalist, scored: Collection[str]) -> Finalist:
    """Those that were `scored`, with the metrics that this has just added to the runs."""
    refits = (Refit.of(run.client.get_run(each.run_id)) for each in finalist.refits if each.run_id in scored)
    return Finalist(tuple(refits), finalist.rank_by)
