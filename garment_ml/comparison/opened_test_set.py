"""The test set is opened once per finalist; whoever asks later reads what was predicted then."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np

from garment_ml.approaches.catalogue import make_approach
from garment_ml.approaches.training import predict_part
from garment_ml.base.errors import UserError
from garment_ml.comparison.finalists import FinishedRefit
from garment_ml.data.dataset import Dataset
from garment_ml.data.parts import Part, learning_parts, open_test_set
from garment_ml.data.split import Split
from garment_ml.evaluation.metrics import evaluate
from garment_ml.tracking.fetched_models import load_servable, milliseconds_per_picture
from garment_ml.tracking.gallery import log_gallery
from garment_ml.tracking.report import log_report
from garment_ml.tracking.run import TrackedRun

REFERENCE_PICTURES = 64
FILE = "predictions.npz"
SINGLE_MS, BATCH_MS = "milliseconds_per_picture", "milliseconds_per_picture_in_256"


@dataclass(frozen=True, eq=False)
class Predictions:
    """Of one refit on a test part: `labels` int64 (n,), `probabilities` float32 (n, classes).

    `reference` float32 (k, classes) is what the servable, loaded and fed raw pictures in this project's own
    process, gave for the first k validation pictures; an endpoint elsewhere has to give the same.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    reference: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1) == self.labels


def predictions_on_test(
    run: TrackedRun, refit: FinishedRefit, dataset: Dataset, split: Split, gallery: bool = False
) -> Predictions:
    """The stored predictions on this split's test part; scored, stored and reported if there are none yet.

    With `gallery` scoring also draws what the model looks at, which takes seconds. A refit that was trained
    on another split (an old champion) keeps these apart from its own.
    """
    of_refit = TrackedRun(run.store, refit.run_id)
    folder = test_folder(refit, split)
    predictions = _read(of_refit, folder) or _score(of_refit, refit, dataset, split, folder, gallery)
    opened = f"garment.{folder}_opened"
    if opened not in of_refit.client.get_run(refit.run_id).data.tags:
        _report(of_refit, refit, predictions, folder, dataset.class_names)
        of_refit.set_tags({opened: datetime.now(UTC).isoformat(timespec="seconds")})
    return predictions


def test_folder(refit: FinishedRefit, split: Split) -> str:
    """Also the prefix of the metrics: `test` for the split the refit was trained on."""
    return "test" if refit.split_digest == split.digest else f"test_on_{split.digest[:8]}"


def reference_pictures(dataset: Dataset, split: Split) -> np.ndarray:
    """Real pictures for checking a reloaded model; of validation, as no test picture is needed for that."""
    return learning_parts(dataset, split)[1].images[:REFERENCE_PICTURES]


def _read(run: TrackedRun, folder: str) -> Predictions | None:
    path = f"{folder}/{FILE}"
    if path not in [each.path for each in run.client.list_artifacts(run.run_id, folder)]:
        return None
    with (
        tempfile.TemporaryDirectory() as target,
        np.load(run.client.download_artifacts(run.run_id, path, target)) as stored,
    ):
        return Predictions(**stored)


def _score(
    run: TrackedRun, refit: FinishedRefit, dataset: Dataset, split: Split, folder: str, gallery: bool
) -> Predictions:
    """The one place where test pictures meet a model."""
    settings = dict(refit.approach)
    approach = make_approach(settings.pop("name"), settings, dataset)
    servable, class_names = load_servable(run.store, refit.model_uri)
    _check_fits(refit, servable, class_names, dataset)
    part = open_test_set(dataset, split)
    reference = reference_pictures(dataset, split)
    predictions = Predictions(
        part.labels, predict_part(approach, servable, part), np.asarray(servable(reference, training=False))
    )
    with tempfile.TemporaryDirectory() as target:
        file = Path(target, FILE)
        np.savez_compressed(file, **vars(predictions))
        run.log_file(str(file), folder)
    # Features are cached as float16, the endpoint computes them anew: how much does that change an answer?
    as_served = np.asarray(servable(part.images[:REFERENCE_PICTURES], training=False))
    difference = np.abs(as_served - predictions.probabilities[:REFERENCE_PICTURES]).max()
    run.log_metrics({f"{folder}_largest_difference_as_served": difference})
    _log_speed(run, refit, servable, part)
    if gallery:
        shown = Part(folder, part.images, part.labels, part.picture_digests)
        with contextlib.suppress(UserError):  # of a model without feature maps there is nothing to show
            log_gallery(run, shown, predictions.probabilities, servable, class_names)
    return predictions


def _check_fits(
    refit: FinishedRefit, servable: keras.Model, class_names: tuple[str, ...], dataset: Dataset
) -> None:
    made_for = (tuple(servable.input_shape[1:]), class_names)
    asked = (dataset.images.shape[1:], dataset.class_names)
    if made_for != asked:
        raise UserError(
            f"the model of run {refit.run_id} is made for pictures {made_for[0]} of the classes "
            f"{list(made_for[1])}; the data set {dataset.name!r} has pictures {asked[0]} of {list(asked[1])}"
        )


def _log_speed(run: TrackedRun, refit: FinishedRefit, servable: keras.Model, part: Part) -> None:
    """Eager calls in this process, raw pictures in; the batch is smaller where there are fewer pictures."""
    times = {
        SINGLE_MS: milliseconds_per_picture(servable, part.images[:1], repeats=20),
        BATCH_MS: milliseconds_per_picture(servable, part.images[:256], repeats=2),
    }
    run.log_metrics(times, model_id=model_id(refit.model_uri))


def _report(
    run: TrackedRun, refit: FinishedRefit, predictions: Predictions, folder: str, names: tuple[str, ...]
) -> None:
    metrics = dict(evaluate(predictions.labels, predictions.probabilities))
    run.log_metrics(
        {f"{folder}_{name}": value for name, value in metrics.items()}, model_id=model_id(refit.model_uri)
    )
    empty = np.empty(0)
    log_report(run, Part(folder, empty, predictions.labels, empty), predictions.probabilities, names)


def model_id(model_uri: str) -> str:
    """`m-...` of `models:/m-...`, under which MLflow ranks logged models by their metrics."""
    return model_uri.removeprefix("models:/")
