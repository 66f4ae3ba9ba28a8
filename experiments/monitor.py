"""Is what the served model is asked about still like what it was validated on? Exit code 1 where it isn't.

    GARMENT_ML_TOKEN=... python -m experiments.serve --host 0.0.0.0 --record recorded --sample 20
    python -m experiments.monitor --record recorded --hours 24                       (from cron, say)

Compares the answers of the last hours with what the same model says of the validation pictures, which are
those that its training recorded unless --data names others: the mix of classes, how sure it is, whether a
classifier can tell the pictures' features apart, and how many are far from every class, as pictures of
something else are. Figures and numbers are on a run.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from garment_ml.base.command_line import make_command
from garment_ml.base.config import option
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.registry.thresholds import REGISTERED_MODEL
from garment_ml.studies.load import load_data
from garment_ml.studies.settings import RecordedDataSettings


@dataclass(frozen=True)
class Settings(RecordedDataSettings):
    model: str = option(f"models:/{REGISTERED_MODEL}@champion", "address of the version that was served")
    record: str = option("", "folder that `serve --record` writes to")
    hours: float = option(24, "how far back the window goes", minimum=0.01)


def run(settings: Settings) -> None:
    if not settings.record:
        raise UserError("--record is empty, expected the folder that `serve --record` writes to")
    given = load_data(settings) if settings.data else None
    load_tensorflow()
    from garment_ml.operations.monitoring import check_form, compare, read_window, said_of
    from garment_ml.registry.versions import logged_model_id, pinned
    from garment_ml.reports.drift_figures import drift_report, drift_table
    from garment_ml.studies.recorded_data import data_of_model
    from garment_ml.tracking.fetched_models import fetch_servable
    from garment_ml.tracking.opening import open_run

    since = datetime.now(UTC) - timedelta(hours=settings.hours)
    with open_run(settings.experiment, "monitor", "monitoring") as tracked:
        model_uri = pinned(tracked.store, settings.model)
        tracked.log_parameters(asdict(settings))
        tracked.set_tags({"garment.answered_by": model_uri})
        servable = fetch_servable(tracked.store, model_uri)
        model_id = logged_model_id(tracked.store, model_uri)
        window = read_window(Path(settings.record), model_id, servable.class_names, since)
        data = given or load_data(data_of_model(tracked.store, model_id))
        check_form(data.validation.pictures, servable)
        reference, labels = said_of(servable, data.validation.pictures)
        found, distances = compare(reference, labels, window)
        counts = (reference.labels, window.labels), (reference.confidences, window.confidences)
        tracked.log_report(drift_report(found, servable.class_names, *counts, distances))
        tracked.log_metrics({"answers": len(window), **{each.name: each.effect for each in found}})
        drifted = [each.name for each in found if each.is_drift]
        tracked.set_tags({"garment.verdict": "drift" if drifted else "no drift"})
    say(f"{len(window):,} answers of {model_uri}, {window.hours[0]} to {window.hours[-1]} UTC\n")
    say(drift_table(found).to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    say(f"\n{'Drift: ' + ', '.join(drifted) if drifted else 'No drift.'}")
    if drifted:
        sys.exit(1)


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
