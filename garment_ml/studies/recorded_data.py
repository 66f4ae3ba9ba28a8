"""Which pictures and split a run was made from, read back from its outermost run's parameters."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from garment_ml.base.config import option
from garment_ml.base.errors import UserError
from garment_ml.data.sources import SOURCES
from garment_ml.studies.refit import RECIPE_TAG
from garment_ml.studies.settings import DataSettings
from garment_ml.tracking.run import KIND_TAG, TrackedRun

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(frozen=True)
class RecordedDataSettings(DataSettings):
    """Of an entry point that works on runs that are there already."""

    data: str | None = option(
        None,
        "where the pictures come from; empty: pictures and split as recorded by the judged (or latest) refit "
        "(the next three settings are then ignored)",
        choices=SOURCES,
    )


def latest_refit(run: TrackedRun) -> "Run":
    """Of the run's experiment; UserError when none has finished."""
    found = run.find(f"tags.`{KIND_TAG}` = 'refit' and attributes.status = 'FINISHED'")
    complete = [each for each in found if RECIPE_TAG in each.data.tags]
    if not complete:
        raise UserError(
            "no finished refit in this experiment; train one, e.g.: python -m experiments.scratch_cnn, "
            "or name its experiment with --experiment"
        )
    return complete[0]


def recorded_data(run: TrackedRun, of: "Run") -> DataSettings:
    """UserError when the outermost run of the refit `of` doesn't say."""
    of = run.outermost(of)
    names = [each.name for each in fields(DataSettings) if each.name != "experiment"]
    recorded = {name: of.data.params[name] for name in names if name in of.data.params}
    if "data" not in recorded:
        raise UserError(f"run {of.info.run_id} doesn't record where its pictures came from; give --data")
    return DataSettings.from_mapping(recorded)
