"""What a registered model says of picture files: a folder, a CSV of paths, or a contest's test.csv.

    mlflow run . --env-manager local -e score --experiment-name garments -P pictures=new_arrivals
    python -m experiments.score --pictures new_arrivals --output scores.csv
    python -m experiments.score --pictures catalogue.csv --path-column file --output scores.parquet
    python -m experiments.score --pictures contest/test.csv --format submission --output submission.csv

Each picture has a row, in the order of the CSV or of the names: id, label, confidence, all probabilities, and
of one that can't be read the error. They are decoded by the very function that the endpoint uses. However
many there are, memory stays the same; the file appears whole or not at all, and after an interruption the
same command goes on where it was. Which model answered, and for which pictures, is on a run.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from garment_ml.base.command_line import make_command
from garment_ml.base.config import Config, option
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.operations.answer_file import FORMATS, TABLE, AnswerForm, check_place, parts_beside
from garment_ml.registry.thresholds import REGISTERED_MODEL
from garment_ml.studies.settings import EXPERIMENT


@dataclass(frozen=True)
class Settings(Config):
    pictures: str = option("", "a folder, a CSV of paths, or a contest's test.csv beside test/")
    id_column: str = option("id", "of a CSV: the column that says which picture")
    path_column: str = option("path", "of a CSV: the column of paths, as seen from the CSV's folder")
    label_column: str = option("label", "of the output: the column with the class")
    model: str = option(f"models:/{REGISTERED_MODEL}@champion", "address of a registered or logged model")
    output: str = option("scores.csv", "the file to write; Parquet where its name ends so")
    format: str = option(TABLE, "all that is answered, or id and label alone", choices=FORMATS)
    numbered: bool = option(False, "write a class's number instead of its name, for data that had numbers")
    experiment: str = option(
        EXPERIMENT, "MLflow experiment (under `mlflow run`: give --experiment-name there)"
    )


def run(settings: Settings) -> None:
    if not settings.pictures:
        raise UserError("--pictures is empty, expected a folder, a CSV of paths, or test.csv beside test/")
    given, output = Path(settings.pictures), Path(settings.output)
    form = AnswerForm(settings.format, settings.id_column, settings.label_column)
    check_place(output, given)
    load_tensorflow()
    from garment_ml.operations.answers_written import write_answers
    from garment_ml.operations.listing import list_pictures
    from garment_ml.operations.scoring import score_files
    from garment_ml.registry.versions import logged_model_id, pinned
    from garment_ml.tracking.fetched_models import fetch_servable
    from garment_ml.tracking.opening import open_run

    with parts_beside(output) as folder, open_run(settings.experiment, "score", "scoring") as tracked:
        model_uri = pinned(tracked.store, settings.model)
        tracked.log_parameters(asdict(settings))
        tracked.set_tags({"garment.answered_by": model_uri})
        pictures = list_pictures(given, settings.id_column, settings.path_column)
        servable = fetch_servable(tracked.store, model_uri)
        started = time.monotonic()
        parts = score_files(servable, logged_model_id(tracked.store, model_uri), pictures, folder)
        numbers = servable.class_names if settings.numbered else ()
        summary = write_answers(parts, output, form, numbers)
        tracked.set_tags({"garment.pictures": summary.digest})
        tracked.log_metrics(summary.metrics())
        tracked.log_file(str(output))
    seconds = time.monotonic() - started
    say(f"{output}: {len(pictures):,} pictures by {model_uri} in {seconds:.0f} s: {summary}")


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
