"""What a registered model says of picture files: a folder, a CSV of paths, or a contest's test.csv.

    mlflow run . --env-manager local -e score --experiment-name garments -P pictures=new_arrivals
    python -m experiments.score --pictures new_arrivals --output scores.csv
    python -m experiments.score --pictures catalogue.csv --path-column file --output scores.parquet
    python -m experiments.score --pictures contest/test.csv --format submission --output submission.csv
    python -m experiments.score --engine spark --pictures s3a://shop/pictures --output s3a://shop/scores.parquet

Each picture has a row, in the order of the CSV or of the names: id, label, confidence, all probabilities, and
of one that can't be read the error. They are decoded by the very function that the endpoint uses. However
many there are, memory stays the same; the file appears whole or not at all, and after an interruption the
same command goes on where it was. Which model answered, and for which pictures, is on a run. Spark takes a
folder or Parquet wherever it can read, and writes a folder of Parquet with the same columns.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from garment_ml.base.command_line import make_command
from garment_ml.base.config import Config, option
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.operations.answer_file import (
    ENGINES,
    FORMATS,
    LOCAL,
    SPARK,
    TABLE,
    AnswerForm,
    check_for_spark,
    check_place,
    local_path,
    parts_beside,
)
from garment_ml.registry.thresholds import REGISTERED_MODEL
from garment_ml.studies.settings import EXPERIMENT

if TYPE_CHECKING:
    from garment_ml.operations.answers_written import Summary
    from garment_ml.tracking.run import TrackedRun


@dataclass(frozen=True)
class Settings(Config):
    pictures: str = option("", "a folder, a CSV of paths, or a contest's test.csv beside test/")
    engine: str = option(LOCAL, "this machine, or Spark, for more than it holds", choices=ENGINES)
    id_column: str = option("id", "of a CSV or Parquet: the column that says which picture")
    path_column: str = option("path", "of a CSV: the column of paths, as seen from the CSV's folder")
    picture_column: str = option(
        "image", "of Parquet: the column with the files' bytes; image.bytes where it is one of a structure's"
    )
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
    form = AnswerForm(settings.format, settings.id_column, settings.label_column)
    if settings.engine == SPARK:
        check_for_spark(settings.output, settings.pictures, form, settings.numbered)
    else:
        check_place(Path(settings.output), Path(settings.pictures))
    load_tensorflow()
    from garment_ml.registry.versions import pinned
    from garment_ml.tracking.opening import open_run

    score = _with_spark if settings.engine == SPARK else _on_this_machine
    with (
        parts_beside(local_path(settings.output)) as folder,
        open_run(settings.experiment, "score", "scoring") as tracked,
    ):
        model_uri = pinned(tracked.store, settings.model)
        tracked.log_parameters(asdict(settings))
        tracked.set_tags({"garment.answered_by": model_uri})
        started = time.monotonic()
        summary = score(settings, form, tracked, model_uri, folder)
        tracked.set_tags({"garment.pictures": summary.digest})
        tracked.log_metrics(summary.metrics())
    seconds = time.monotonic() - started
    say(f"{settings.output}: {summary.pictures:,} pictures by {model_uri} in {seconds:.0f} s: {summary}")


def _on_this_machine(
    settings: Settings, form: AnswerForm, tracked: "TrackedRun", model_uri: str, folder: Path
) -> "Summary":
    from garment_ml.operations.answers_written import write_answers
    from garment_ml.operations.listing import list_pictures
    from garment_ml.operations.scoring import score_files
    from garment_ml.registry.versions import logged_model_id
    from garment_ml.tracking.fetched_models import fetch_servable

    pictures = list_pictures(Path(settings.pictures), settings.id_column, settings.path_column)
    servable = fetch_servable(tracked.store, model_uri)
    parts = score_files(servable, logged_model_id(tracked.store, model_uri), pictures, folder)
    numbers = servable.class_names if settings.numbered else ()
    summary = write_answers(parts, Path(settings.output), form, numbers)
    tracked.log_file(settings.output)
    return summary


def _with_spark(
    settings: Settings, form: AnswerForm, tracked: "TrackedRun", model_uri: str, folder: Path
) -> "Summary":
    from garment_ml.operations.spark_pictures import SparkPictures
    from garment_ml.operations.spark_scoring import score_with_spark
    from garment_ml.operations.spark_session import spark_session
    from garment_ml.tracking.fetched_files import fetched

    pictures = SparkPictures(settings.pictures, settings.id_column, settings.picture_column)
    with spark_session() as spark, fetched(tracked.store, model_uri) as model:
        return score_with_spark(spark, model, pictures, settings.output, form)


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
