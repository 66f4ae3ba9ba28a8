"""The test set is opened once per finalist; whoever asks later reads what was predicted then."""

import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np

from garment_ml.approaches.catalogue import recorded_classifier
from garment_ml.approaches.training import predict_pictures
from garment_ml.base.errors import UserError
from garment_ml.data.split_dataset import Part, SplitDataset
from garment_ml.evaluation.metrics import evaluate_part
from garment_ml.reports.prediction_report import gallery_report, prediction_report
from garment_ml.shipped.compiled import compiled
from garment_ml.shipped.heat_maps import HeatMaps
from garment_ml.tracking.claims import held
from garment_ml.tracking.facts import DATASET_TAG, SPLIT_TAG
from garment_ml.tracking.fetched_models import fetch_servable
from garment_ml.tracking.models import model_id
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun

Answer = Callable[[np.ndarray], np.ndarray]  # a compiled servable
REFERENCE_PICTURES = 64
FILE = "predictions.npz"
SINGLE_MS, BATCH_MS = "milliseconds_per_picture", "milliseconds_per_picture_in_256"


@dataclass(frozen=True, eq=False)
class Predictions:
    """Of one refit on a test part: `labels` int64 (n,), `probabilities` float32 (n, classes).

    `reference` float32 (k, classes) is what the servable, loaded and fed raw pictures in this project's own
    process, gave on the CPU for the first k validation pictures; an endpoint elsewhere has to give the same.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    reference: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1) == self.labels


def predictions_on_test(
    run: TrackedRun, refit: Refit, data: SplitDataset, gallery: bool = False
) -> Predictions:
    """The stored predictions on this split's test part; scored, stored and reported if there are none yet.

    With `gallery` scoring also draws what the model looks at, which takes seconds. A refit that was trained
    on another split (an old champion) keeps these apart from its own.
    """
    of_refit = replace(run, run_id=refit.run_id)
    folder = test_folder(refit, data)
    if _is_opened(of_refit, folder) and (predictions := _read(of_refit, folder)):
        return predictions
    with held(of_refit, f"garment.{folder}_scored_by", f"scoring of run {refit.run_id}"):
        predictions = _read(of_refit, folder) or _score(of_refit, refit, data, folder, gallery)
        if not _is_opened(of_refit, folder):
            _report(of_refit, refit, predictions, folder, data.class_names)
            of_refit.set_tags({_opened(folder): datetime.now(UTC).isoformat(timespec="seconds")})
    return predictions


def _is_opened(run: TrackedRun, folder: str) -> bool:
    return _opened(folder) in run.client.get_run(run.run_id).data.tags


def _opened(folder: str) -> str:
    return f"garment.{folder}_opened"


def openings(run: TrackedRun, data: SplitDataset) -> list[datetime]:
    """When this split's test part was opened: of each refit of the run's experiment, the earliest first."""
    on_data = f"tags.`{DATASET_TAG}` = '{data.digest}' and tags.`{SPLIT_TAG}` = '{data.split.digest}'"
    tags = (each.data.tags.get(_opened("test")) for each in run.find(on_data))
    return sorted(datetime.fromisoformat(tag) for tag in tags if tag)


def test_folder(refit: Refit, data: SplitDataset) -> str:
    """Also the prefix of the metrics: `test` for the split the refit was trained on."""
    return "test" if refit.split_digest == data.split.digest else f"test_on_{data.split.digest[:8]}"


def reference_pictures(data: SplitDataset) -> np.ndarray:
    """Real pictures for checking a reloaded model; of validation, as no test picture is needed for that."""
    return data.validation.pictures.images[:REFERENCE_PICTURES]


def _read(run: TrackedRun, folder: str) -> Predictions | None:
    """What scoring left, if it came to its end: a process may have been killed at any line of it."""
    if not {SINGLE_MS, BATCH_MS, as_served_metric(folder)} <= run.metrics().keys():
        return None
    with run.artifact(f"{folder}/{FILE}") as file:
        if file is None:
            return None
        try:
            with np.load(file) as stored:
                return Predictions(**stored)
        except (ValueError, EOFError, TypeError, zipfile.BadZipFile):  # cut off while it was written
            return None


def as_served_metric(folder: str) -> str:
    """Name of the largest difference between probabilities from cached features and from the servable."""
    return f"{folder}_largest_difference_as_served"


def _score(run: TrackedRun, refit: Refit, data: SplitDataset, folder: str, gallery: bool) -> Predictions:
    """The one place where test pictures meet a model."""
    approach = recorded_classifier(refit.approach, data)
    found = fetch_servable(run.store, refit.model_uri)
    servable, class_names = found.model, found.class_names
    _check_fits(refit, servable, class_names, data)
    part, reference = data.open_test_set(), reference_pictures(data)
    probabilities = predict_pictures(approach, servable, part.pictures)
    answer = compiled(servable)
    with keras.device("cpu"):  # as the gate's server; on a GPU they differ by 0.001 with the batch
        predictions = Predictions(part.labels, probabilities, answer(reference))
    # Features are cached as float16, the endpoint computes them anew: how much does that change an answer?
    as_served = answer(part.pictures.images[:REFERENCE_PICTURES])
    difference = np.abs(as_served - probabilities[:REFERENCE_PICTURES]).max()
    run.log_metrics({as_served_metric(folder): difference})
    _log_speed(run, refit, answer, part)
    if gallery:
        looks = HeatMaps(servable)
        run.log_report(gallery_report(folder, part, probabilities, class_names, looks))
    with tempfile.TemporaryDirectory() as target:  # last: whoever finds it need not score again
        file = Path(target, FILE)
        np.savez_compressed(file, **vars(predictions))
        run.log_file(str(file), folder)
    return predictions


def _check_fits(
    refit: Refit, servable: keras.Model, class_names: tuple[str, ...], data: SplitDataset
) -> None:
    made_for = (tuple(servable.input_shape[1:]), class_names)
    asked = (data.picture_shape, data.class_names)
    if made_for != asked:
        raise UserError(
            f"the model of run {refit.run_id} is made for pictures {made_for[0]} of the classes "
            f"{list(made_for[1])}; the data set {data.name!r} has pictures {asked[0]} of {list(asked[1])}"
        )


def _log_speed(run: TrackedRun, refit: Refit, answer: Answer, part: Part) -> None:
    """In this process, raw pictures in; the batch is smaller where there are fewer pictures."""
    times = {
        SINGLE_MS: milliseconds_per_picture(answer, part.pictures.images[:1], repeats=20),
        BATCH_MS: milliseconds_per_picture(answer, part.pictures.images[:256], repeats=2),
    }
    run.log_metrics(times, model_id=model_id(refit.model_uri))


def _report(
    run: TrackedRun, refit: Refit, predictions: Predictions, folder: str, names: tuple[str, ...]
) -> None:
    labels, probabilities = predictions.labels, predictions.probabilities
    run.log_metrics(evaluate_part(folder, labels, probabilities), model_id=model_id(refit.model_uri))
    run.log_report(prediction_report(folder, labels, probabilities, names))


def milliseconds_per_picture(answer: Answer, pictures: np.ndarray, repeats: int) -> float:
    """Median over `repeats` calls, as the endpoint makes them, after one to warm up."""
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        answer(pictures)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[1:]) / len(pictures)
