"""Linear probes: what a linear classifier reads off pixels, and off each depth of a frozen network."""

import warnings

import numpy as np
from PIL import Image
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from garment_ml.approaches.bottleneck import Bottleneck
from garment_ml.base.terminal import progress_bar
from garment_ml.data.dataset import Dataset
from garment_ml.data.draw import rank_pictures
from garment_ml.data.pictures import Images, Pictures
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.power_law import SizeScores
from garment_ml.pretrained.backbones import find_backbone

PIXELS = "pixels"
SIDE = 28  # larger pictures are shrunk for the probe of pixels
MOST, FEWEST_PER_CLASS, SIZES = 4000, 5, 6
PENALTIES = np.logspace(0, 6, 13)
FOLDS, STEPS = 5, 200

Features = dict[str, np.ndarray]


def probe_features(pictures: Pictures, backbone: str, weights: str) -> Features:
    """Float32 `(n, values)` of pixels and of each tap of the backbone, averaged over its map.

    Pictures are enlarged no further than the backbone asks for: probes compare, and all its depths take long.
    """
    found = find_backbone(backbone)
    frozen = Bottleneck(
        class_names=(),
        picture_shape=pictures.shape,
        backbone=backbone,
        weights=weights,
        picture_size=max(found.smallest_side, *pictures.shape[:2]),
        taps="+".join(found.taps),
        grid=1,
    )
    read = frozen.features(pictures, frozen.taps)
    pooled = {name: np.float32(rows[:]).reshape(len(pictures), -1) for name, rows in read.items()}
    return {PIXELS: _pixels(pictures.images), **pooled}


def _pixels(images: Images) -> np.ndarray:
    side = min(SIDE, *images.shape[1:3])
    small = np.empty((len(images), side, side, images.shape[3]), np.uint8)
    for row in range(len(images)):
        picture = Image.fromarray(images[row].squeeze()).resize((side, side), Image.Resampling.BOX)
        small[row] = np.asarray(picture).reshape(small.shape[1:])
    return np.float32(small).reshape(len(images), -1)


def probe_sizes(data: SplitDataset) -> list[int]:
    """At most 4,000 pictures of train, halved while each class has some; ascending."""
    most = min(data.train_pictures, MOST)
    halved = [most // 2**times for times in range(SIZES)]
    return sorted(size for size in halved if size == most or size >= FEWEST_PER_CLASS * len(data.class_names))


def probe_curves(
    data: SplitDataset, backbone: str, weights: str, rank_by: str
) -> tuple[dict[str, tuple[SizeScores, ...]], int]:
    """Validation scores by pixels and by each tap over growing parts of train, and how many were judged.

    Ridge regression on the labels as -1 and 1, its penalty by leave-one-out: a probe in closed form.
    """
    sizes = probe_sizes(data)
    parts = [data.of_size(size).train for size in sizes]
    judged = data.validation.pictures.take(slice(0, MOST // 2))
    labels = data.validation.labels[: MOST // 2]
    of_train = probe_features(parts[-1].pictures, backbone, weights)
    of_judged = probe_features(judged, backbone, weights)
    row_of = {digest: row for row, digest in enumerate(parts[-1].pictures.digests.tolist())}
    curves: dict[str, tuple[SizeScores, ...]] = {}
    with progress_bar(len(of_train) * len(sizes), "linear probes", "probe") as advance:
        for name, features in of_train.items():
            points = []
            for part in parts:
                rows = [row_of[digest] for digest in part.pictures.digests.tolist()]
                probe = make_pipeline(StandardScaler(), RidgeClassifierCV(PENALTIES))
                predicted = probe.fit(features[rows], part.labels).predict(of_judged[name])
                points.append(SizeScores(len(rows), (_score(labels, predicted, rank_by),)))
                advance()
            curves[name] = tuple(points)
    return curves, len(labels)


def _score(labels: np.ndarray, predicted: np.ndarray, rank_by: str) -> float:
    if rank_by == "macro_f1":
        return float(f1_score(labels, predicted, average="macro", zero_division=0))
    return float(accuracy_score(labels, predicted))


def out_of_fold_probabilities(dataset: Dataset, backbone: str, weights: str, seed: int) -> np.ndarray:
    """`(n, classes)`: of each picture what a logistic probe says that has not seen it, nor a copy of it.

    The probe reads all taps of the backbone at once.
    """
    read = probe_features(dataset.pictures, backbone, weights)
    features = np.concatenate([values for name, values in read.items() if name != PIXELS], axis=1)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=STEPS))
    folds = _folds(dataset, seed)
    probabilities = np.zeros((len(features), len(dataset.class_names)), np.float32)
    with progress_bar(FOLDS, "a first model", "fifth") as advance, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an opinion needs no last digits
        for fold in np.unique(folds):
            seen, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            probe.fit(features[seen], dataset.labels[seen])
            # a class that lies in this fifth alone was not seen, and has no column
            probabilities[np.ix_(held_out, probe.classes_)] = probe.predict_proba(features[held_out])
            advance()
    return probabilities


def _folds(dataset: Dataset, seed: int) -> np.ndarray:
    """The fold of each picture, stratified; pictures that are drawn as one share theirs."""
    ranking = rank_pictures(dataset, seed)
    folds = np.empty(len(dataset.labels), np.int64)
    for stratum in np.unique(ranking.stratum):
        members = ranking.stratum == stratum
        folds[members] = np.unique(ranking.rank[members], return_inverse=True)[1] % FOLDS
    return folds
