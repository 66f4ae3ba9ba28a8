"""The settings a run was started with, written before it works, and the data they name, read back from there.

Parameters won't do: `mlflow run` logs its -P values, shell-quoted, before we start, and they stay so.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from mlflow.entities import Run

from garment_ml.base.digest import digest_of
from garment_ml.base.errors import UserError
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import RANKED_BY, DataSettings, RecordedDataSettings
from garment_ml.tracking.refit_record import RECIPE_TAG
from garment_ml.tracking.run import KIND_TAG, LONGEST_TAG, TrackedRun
from garment_ml.tracking.store import Store

SETTINGS_TAG = "garment.settings"
CORRECTIONS_DIGEST = "corrections_digest"  # beside their path, where another file may lie by now


def record_settings(run: TrackedRun, settings: DataSettings, data: SplitDataset) -> None:
    """As a JSON tag, with the number of pictures in effect and paths that hold from anywhere."""
    values = {**asdict(settings), "train_pictures": data.train_pictures}
    for name in ("data_dir", "corrections", "class_names"):
        if values[name] and (name != "class_names" or Path(values[name]).is_file()):
            values[name] = str(Path(values[name]).absolute())
    if data.corrections:
        values[CORRECTIONS_DIGEST] = data.corrections.digest
    text = json.dumps(values)
    if len(text) > LONGEST_TAG:
        raise UserError("the settings are too long to be recorded: give --class-names as a file, one a line")
    run.set_tags({SETTINGS_TAG: text})
    run.log_parameters(values)


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
    outermost = run.outermost(of)
    recorded = json.loads(outermost.data.tags.get(SETTINGS_TAG, "{}"))
    names = [each.name for each in fields(DataSettings) if each.name != "experiment"]
    if "data" not in recorded:
        raise UserError(
            f"run {outermost.info.run_id} doesn't record where its pictures came from (version "
            "0.1.0 didn't); give --data"
        )
    if recorded.get("corrections"):
        _check_corrections(outermost, recorded)
    return DataSettings.from_mapping({name: recorded[name] for name in names if name in recorded})


def data_of_model(store: Store, model_id: str) -> DataSettings:
    """Which pictures a logged model was trained on; UserError when its training doesn't say."""
    training = store.client.get_logged_model(model_id).source_run_id
    return recorded_data(TrackedRun(store, training), store.client.get_run(training))


def _check_corrections(of: Run, recorded: Mapping[str, Any]) -> None:
    """Raise UserError where the file is another one than the run was given."""
    path = recorded["corrections"]
    try:
        found = digest_of(Path(path).read_bytes())
    except OSError as error:
        found = f"{error.strerror}"
    if found != recorded[CORRECTIONS_DIGEST]:
        raise UserError(
            f"run {of.info.run_id} was corrected by {path} with the digest {recorded[CORRECTIONS_DIGEST]}, "
            f"now it has: {found}; the run keeps that file as corrections.csv: put it back, or name the data "
            "with --data and --corrections"
        )


def find_data(
    run: TrackedRun, settings: RecordedDataSettings, given: SplitDataset | None, judged: Run | None = None
) -> tuple[DataSettings, SplitDataset]:
    """What `settings` name and is loaded as `given`; else what the refit `judged`, or the latest, recorded.

    With the settings that name the data and, for both, the figure to rank by.
    """
    of = settings if given else recorded_data(run, judged or latest_refit(run))
    return replace(of, rank_by=ranked_by(settings, of)), given or load_data(of)


def ranked_by(*settings: DataSettings) -> str:
    """By the first that says so."""
    return next((each.rank_by for each in settings if each.rank_by), RANKED_BY[0])
