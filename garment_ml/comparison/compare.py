"""The comparison itself: every finalist scored on test, ranked by what was known before."""

from garment_ml.base.terminal import say
from garment_ml.comparison.finalists import Finalist, Finalists
from garment_ml.comparison.leaderboard import Leaderboard, Row
from garment_ml.comparison.leaderboard_page import log_leaderboard
from garment_ml.comparison.opened_test_set import predictions_on_test
from garment_ml.comparison.pairs import compare_pairs
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun


def compare(run: TrackedRun, data: SplitDataset, finalists: Finalists) -> Leaderboard:
    """Score each finalist's refits on test, unless that was done before, and log the comparison to `run`.

    Raises UserError when there is nothing to compare.
    """
    finalists.check_not_empty(data)
    # The finalists are ranked already: nothing that is seen from here on can change the order.
    ranked = enumerate(finalists.rows, start=1)
    # The largest network first: its one pass over the pictures often yields the features of others, too.
    largest_first = sorted(ranked, key=lambda each: -each[1].parameters)
    rows = [_row(run, rank, finalist, data) for rank, finalist in largest_first]
    rows.sort(key=lambda row: row.rank)
    leaderboard = Leaderboard(tuple(rows), compare_pairs(rows), finalists.left_out)
    log_leaderboard(run, leaderboard, data)
    return leaderboard


def _row(run: TrackedRun, rank: int, finalist: Finalist, data: SplitDataset) -> Row:
    say(f"test set: {finalist.label}, {len(finalist.refits)} refits")
    predictions = tuple(
        predictions_on_test(run, refit, data, gallery=refit is finalist.median) for refit in finalist.refits
    )
    return Row(rank, _read_again(run, finalist), predictions)


def _read_again(run: TrackedRun, finalist: Finalist) -> Finalist:
    """With the metrics that scoring has just added to the runs."""
    refits = (Refit.of(run.client.get_run(refit.run_id)) for refit in finalist.refits)
    return Finalist(tuple(refits), finalist.rank_by)
