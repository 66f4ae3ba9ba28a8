"""What a served model answered lately, beside what it says of the validation pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.data.pictures import Pictures
from garment_ml.evaluation.drift import FEWEST, Distance, Drift, far_away, merged, stability, two_samples
from garment_ml.shipped.compiled import compiled
from garment_ml.shipped.features import with_features
from garment_ml.shipped.recording import as_kept, histogram
from garment_ml.tracking.fetched_models import Servable

AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Answers:
    """Counts of all, by class `(classes,)` and by confidence `(BINS,)`; of some the `features` `(n, k)`.

    `hours` are those that they are of, the first first; of a validation set there are none.
    """

    labels: np.ndarray
    confidences: np.ndarray
    features: np.ndarray
    hours: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.labels.sum())


def read_window(folder: Path, model_id: str, class_names: Sequence[str], since: datetime) -> Answers:
    """Of the model and the hours from `since` on, as its servers recorded them.

    Features are drawn from each file in proportion to what it stands for. Raises UserError where nothing was
    recorded, and GarmentError for a damaged file.
    """
    files = sorted(folder.glob(f"????-??-??T??-{model_id}-*.npz")) if folder.is_dir() else []
    files = [each for each in files if each.name >= since.strftime("%Y-%m-%dT%H")]
    if not files:
        raise UserError(
            f"{folder} has nothing of the model {model_id} since {since:%Y-%m-%d %H:00} UTC; start `serve` "
            "with --record, or give more --hours"
        )
    stored = [_read(file) for file in files]
    if any(each["class_names"].tolist() != list(class_names) for each in stored):
        raise GarmentError(
            f"{folder} has answers of {model_id} with other classes than it has; mend the folder"
        )
    counts = [int(each["labels"].sum()) for each in stored]
    share = min(len(each["rows"]) / count for each, count in zip(stored, counts, strict=True))
    random = np.random.default_rng(0)
    rows = [
        random.permutation(each["rows"])[: max(1, round(share * count))]
        for each, count in zip(stored, counts, strict=True)
    ]
    hours = tuple(dict.fromkeys(file.name[:13] for file in files))
    # A picture asked about again, as by a client that repeats a request, says nothing new.
    features = np.unique(np.concatenate(rows)[:, len(class_names) :], axis=0).astype(np.float32)
    labels, confidences = (np.sum([each[n] for each in stored], axis=0) for n in ("labels", "confidences"))
    return Answers(labels, confidences, features, hours)


def _read(file: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(file) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # cut off, no archive, no longer there
        raise GarmentError(f"{file} can't be read: {error}; take it away") from error


def check_form(pictures: Pictures, servable: Servable) -> None:
    """Raise UserError for pictures that are brought to another form than the served model's."""
    ours, its = (pictures.shape, pictures.fit), (tuple(servable.model.input_shape[1:]), servable.fit)
    if ours != its:
        raise UserError(
            f"the validation pictures are brought to {ours[0]} by {ours[1]}, the model takes {its[0]} by "
            f"{its[1]}; give --side, --channels and --fit as in its training"
        )


def said_of(servable: Servable, pictures: Pictures) -> tuple[Answers, np.ndarray]:
    """As they would have been recorded, and the label of each picture `(n,)`."""
    answer = compiled(with_features(servable.model))
    starts = range(0, len(pictures), AT_ONCE)
    rows = np.concatenate([answer(pictures.images[start : start + AT_ONCE]) for start in starts])
    count = len(servable.class_names)
    labels, confidence = rows[:, :count].argmax(axis=1), rows[:, :count].max(axis=1)
    counts = np.bincount(labels, minlength=count), histogram(confidence)
    return Answers(*counts, as_kept(rows[:, count:]).astype(np.float32)), labels


def compare(
    reference: Answers, labels: np.ndarray, window: Answers
) -> tuple[list[Drift], tuple[np.ndarray, np.ndarray]]:
    """What has changed, and how far reference and window pictures are from the nearest class.

    Every second reference picture is among the latter, the others say what is near. Raises UserError for too
    few answers to say anything.
    """
    if len(window.features) < FEWEST:
        few = f"{len(window.features)} different pictures in the window"
        raise UserError(f"{few}, expected {FEWEST} or more; give more --hours")
    if len(reference) < FEWEST:
        raise UserError(f"{len(reference)} validation pictures, expected {FEWEST} or more to compare with")
    distance = Distance(reference.features[::2], labels[::2])
    distances = distance(reference.features[1::2]), distance(window.features)
    found = [
        stability("class_mix", reference.labels, window.labels),
        stability("confidence", *merged(reference.confidences, window.confidences)),
        two_samples(reference.features, window.features),
        far_away(*distances),
    ]
    return found, distances
