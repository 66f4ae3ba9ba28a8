"""Which pictures and split a run was made from, read back from its outermost run's parameters."""

from __future__ import annotations

from dataclasses import fields

from mlflow.entities import Run

from garment_ml.base.errors import UserError
from garment_ml.studies.refit import RECIPE_TAG
from garment_ml.studies.settings import DataSettings
from garment_ml.tracking.run import KIND_TAG, TrackedRun


def latest_refit(run: TrackedRun) -> Run:
    """Of the run's experiment; UserError when none has finished."""
    found = run.find(f"tags.`{KIND_TAG}` = 'refit' and attributes.status = 'FINISHED'")
    complete = [each for each in found if RECIPE_TAG in each.data.tags]
    if not complete:
        raise UserError(
            "no finished refit in this experiment; train one, e.g.: python -m experiments.scratch_cnn, "
            "or name its experiment with --experiment"
        )
    return complete[0]


def recorded_data(run: TrackedRun, of: Run) -> DataSettings:
    """UserError when the outermost run of the refit `of` doesn't say."""
    of = run.outermost(of)
    names = [each.name for each in fields(DataSettings) if each.name != "experiment"]
    recorded = {name: of.data.params[name] for name in names if name in of.data.params}
    if "data" not in recorded:
        raise UserError(f"run {of.info.run_id} doesn't record where its pictures came from; give --data")
    return DataSettings.from_mapping(recorded)
