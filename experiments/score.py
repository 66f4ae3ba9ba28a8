"""What a registered model says of pictures without labels: a contest's test.csv in, its submission.csv out.

    mlflow run . --env-manager local -e score --experiment-name garments -P data_dir=contest
    python -m experiments.score --data-dir contest --output submission.csv
    python -m experiments.score --data-dir contest --output scores.csv --table       (with probabilities)

The folder holds test.csv, with a column of ids, beside test/ with the pictures. They are brought to the
model's own form by the very function that the endpoint uses. Each id is answered once, in the order of
test.csv; the file appears whole or not at all, and which model answered is on a run.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from garment_ml.base.command_line import make_command
from garment_ml.base.config import Config, option
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.base.write_aside import write_aside
from garment_ml.operations.answer_file import as_csv, check_columns, check_place
from garment_ml.registry.thresholds import REGISTERED_MODEL
from garment_ml.shipped.columns import CONFIDENCE, LABEL
from garment_ml.studies.settings import EXPERIMENT


@dataclass(frozen=True)
class Settings(Config):
    data_dir: str = option("", "folder with test.csv beside test/")
    id_column: str = option("id", "of test.csv: the column that says which picture")
    label_column: str = option("label", "of the output: the column with the class")
    model: str = option(f"models:/{REGISTERED_MODEL}@champion", "address of a registered or logged model")
    output: str = option("submission.csv", "the file to write")
    table: bool = option(False, "write confidence and all probabilities, too")
    numbered: bool = option(False, "write a class's number instead of its name, for data that had numbers")
    experiment: str = option(
        EXPERIMENT, "MLflow experiment (under `mlflow run`: give --experiment-name there)"
    )


def run(settings: Settings) -> None:
    if not settings.data_dir:
        raise UserError("--data-dir is empty, expected the folder with test.csv beside test/")
    data_dir, output = Path(settings.data_dir), Path(settings.output)
    check_columns(settings.id_column, settings.label_column, settings.table)
    check_place(output, data_dir)
    load_tensorflow()
    from garment_ml.data.labelled_csv import unlabelled_pictures
    from garment_ml.data.source_options import SourceOptions
    from garment_ml.operations.scoring import score_pictures
    from garment_ml.registry.versions import pinned
    from garment_ml.tracking.fetched_models import fetch_servable
    from garment_ml.tracking.opening import open_run

    with open_run(settings.experiment, "score", "scoring") as tracked:
        model_uri = pinned(tracked.store, settings.model)
        tracked.log_parameters(asdict(settings))
        tracked.set_tags({"garment.answered_by": model_uri})
        servable = fetch_servable(tracked.store, model_uri)
        height, width, channels = servable.model.input_shape[1:]
        options = SourceOptions(
            size=(height, width), channels=channels, fit=servable.fit, id_column=settings.id_column
        )
        pictures = unlabelled_pictures(data_dir, options)
        scores = score_pictures(servable, pictures)
        answers = scores if settings.table else scores[[LABEL]]
        if settings.numbered:
            answers = answers.assign(**{LABEL: answers[LABEL].map(servable.class_names.index)})
        answers = answers.rename(columns={LABEL: settings.label_column})
        write_aside(output, as_csv(answers, pictures.ids, settings.id_column).encode())
        tracked.log_metrics({"pictures": len(scores), "mean_confidence": scores[CONFIDENCE].mean()})
        tracked.log_file(str(output))
    counts = ", ".join(f"{count:,} {label}" for label, count in scores[LABEL].value_counts().items())
    say(f"{output}: {len(scores):,} pictures answered by {model_uri}: {counts}")


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
