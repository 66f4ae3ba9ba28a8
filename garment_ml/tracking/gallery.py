"""What the model looks at, as one figure on a run: its surest mistakes, then what it got right."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from garment_ml.approaches.grad_cam import heat_maps
from garment_ml.data.parts import Part
from garment_ml.evaluation.metrics import surest_mistakes
from garment_ml.reports.gallery import gallery
from garment_ml.tracking.run import TrackedRun

MISTAKES = 24
RIGHT_PER_CLASS = 2
TITLE = "Where the model looks: its surest mistakes, then the surest right answers of each class"


def log_gallery(
    run: TrackedRun,
    part: Part,
    probabilities: np.ndarray,
    servable: keras.Model,
    class_names: Sequence[str],
) -> None:
    """Heat maps for the predicted classes, as `grad_cam.png` in the folder named for the part."""
    mistakes = surest_mistakes(part.labels, probabilities, MISTAKES)
    rows = np.concatenate([mistakes, _surest_right(part.labels, probabilities, RIGHT_PER_CLASS)])
    pictures, predicted = part.images[rows], probabilities[rows].argmax(axis=1)
    captions = [
        f"{class_names[answer]} {chances[answer]:.2f}\n"
        + ("right" if answer == label else f"true: {class_names[label]}")
        for answer, label, chances in zip(predicted, part.labels[rows], probabilities[rows], strict=True)
    ]
    heat = heat_maps(servable, pictures, predicted)
    run.log_figure(gallery(pictures, captions, heat, title=TITLE), f"{part.name}/grad_cam.png")


def _surest_right(labels: np.ndarray, probabilities: np.ndarray, per_class: int) -> np.ndarray:
    """Row numbers, class by class, of the right predictions with the highest confidence."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    by_class = [
        np.flatnonzero((labels == each) & (predicted == each)) for each in range(probabilities.shape[1])
    ]
    return np.concatenate(
        [rows[np.argsort(-confidence[rows], kind="stable")][:per_class] for rows in by_class]
    )
