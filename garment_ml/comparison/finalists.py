"""Which refits can be compared: found in the store, grouped into rows, the others with the reason."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mlflow.entities import Run

from garment_ml.base.errors import UserError
from garment_ml.comparison.finalist import Finalist, LeftOut
from garment_ml.comparison.ranking import ranked
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.tracking.facts import DATASET_TAG, FORM_TAG, SPLIT_TAG
from garment_ml.tracking.refit_record import Refit, missing_tags
from garment_ml.tracking.run import KIND_TAG, TrackedRun


@dataclass(frozen=True)
class Finalists:
    """The rows, best first (ranked), and what is not among them."""

    rows: tuple[Finalist, ...]
    left_out: tuple[LeftOut, ...]

    def check_not_empty(self, data: SplitDataset) -> None:
        """Raise UserError that says why there is nothing to compare."""
        if not self.rows:
            reasons = (
                "; ".join(sorted({each.reason for each in self.left_out})[:3]) or "there are none at all"
            )
            raise UserError(
                f"no finished refits on data set {data.digest} and split {data.split.digest} ({reasons}); "
                "train one, e.g.: python -m experiments.scratch_cnn --refits 3"
            )


def find_finalists(
    run: TrackedRun, data: SplitDataset, among: Collection[str] | None = None, rank_by: str = "accuracy"
) -> Finalists:
    """All refits of the run's experiment, or those `among` run ids, that were made on this data and split."""
    rows: dict[str, dict[int, Refit]] = {}
    left_out = []
    for found in run.find(f"tags.`{KIND_TAG}` = 'refit'"):
        if among is not None and found.info.run_id not in among:
            continue
        reason = _reason_to_leave_out(found, data, rank_by)
        if reason is None:
            refit = Refit.of(found)
            # They come the latest first: of two refits of one row and seed the later counts.
            later = rows.setdefault(refit.row, {}).setdefault(refit.seed, refit)
            reason = None if later is refit else f"made again, with the same seed, by run {later.run_id}"
        if reason is not None:
            left_out.append(LeftOut(found.info.run_id, found.info.run_name, reason))
    by_seed = (tuple(seeds[seed] for seed in sorted(seeds)) for seeds in rows.values())
    finalists = [Finalist(refits, rank_by) for refits in by_seed]
    if among is None:  # otherwise somebody has chosen, whatever another search said of them since
        left_out += [each for finalist in finalists for each in finalist.left_out_as_lost()]
        finalists = [each for each in finalists if not each.lost_final]
        finalists = _without_stale_votes(finalists, left_out)
    return Finalists(ranked(finalists), tuple(left_out))


def _without_stale_votes(finalists: Sequence[Finalist], left_out: list[LeftOut]) -> list[Finalist]:
    """Without the ensembles of which a member is left out, which are added to `left_out`."""
    reasons = {each.run_id: each.reason for each in left_out}
    kept = []
    for finalist in finalists:
        stale = {each.run_id: gone for each in finalist.refits for gone in each.members if gone in reasons}
        for refit in finalist.refits:
            if gone := stale.get(refit.run_id):
                reason = f"its member {gone}: {reasons[gone]}"
                left_out.append(LeftOut(refit.run_id, finalist.title(refit), reason))
        if refits := tuple(each for each in finalist.refits if each.run_id not in stale):
            kept.append(Finalist(refits, finalist.rank_by))
    return kept


def _reason_to_leave_out(run: Run, data: SplitDataset, rank_by: str) -> str | None:
    tags = run.data.tags
    if run.info.status != "FINISHED":
        return f"not finished: its status is {run.info.status}"
    if missing := missing_tags(run):
        return f"doesn't record {', '.join(missing)}"
    if tags[DATASET_TAG] != data.digest:
        return f"other pictures: dataset {tags[DATASET_TAG]} instead of {data.digest}"
    if tags[SPLIT_TAG] != data.split.digest:
        return f"other split: {tags[SPLIT_TAG]} instead of {data.split.digest}"
    if tags[FORM_TAG] != data.form:
        return f"made for pictures {tags[FORM_TAG]}, not {data.form}"
    if f"validation_{rank_by}" not in run.data.metrics:
        return f"trained before validation_{rank_by} was logged; --fresh true trains it again"
    return None


def best_on_validation(run: TrackedRun, data: SplitDataset, rank_by: str = "accuracy") -> Refit:
    """The median refit of the best row; UserError when there is none on this data and split."""
    finalists = find_finalists(run, data, rank_by=rank_by)
    finalists.check_not_empty(data)
    return finalists.rows[0].median
