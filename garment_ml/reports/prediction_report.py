"""Tables and figures of what was predicted for one part, by the path they are kept under."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame

from garment_ml.data.split_dataset import Part
from garment_ml.evaluation.coverage import accuracy_coverage
from garment_ml.evaluation.metrics import most_confused, per_class, surest_mistakes
from garment_ml.reports.gallery import gallery
from garment_ml.reports.prediction_figures import (
    accuracy_coverage_curve,
    confusion_matrix,
    per_class_bars,
    reliability_diagram,
)

Report = dict[str, Figure | DataFrame]
MISTAKES = 24
RIGHT_PER_CLASS = 2
TITLE = "Where the model looks: its surest mistakes, then the surest right answers of each class"


def prediction_report(
    folder: str, labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]
) -> Report:
    """Per-class table, most confused pairs, accuracy by coverage, and their figures, under `folder`/."""
    by_class = per_class(labels, probabilities, class_names)
    by_coverage = accuracy_coverage(labels, probabilities)
    report = {
        "per_class.json": by_class,
        "most_confused.json": most_confused(labels, probabilities, class_names),
        "accuracy_coverage.json": _thinned(by_coverage),
        "confusion.png": confusion_matrix(labels, probabilities, class_names),
        "per_class.png": per_class_bars(by_class),
        "reliability.png": reliability_diagram(labels, probabilities),
        "accuracy_coverage.png": accuracy_coverage_curve(by_coverage),
    }
    return {f"{folder}/{name}": item for name, item in report.items()}


def gallery_report(
    folder: str,
    part: Part,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    heat_maps: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Report:
    """What the model looks at; `heat_maps(images, classes)` gives `(n, height, width)` for given classes.

    Empty where that raises ValueError: of a model without feature maps there is nothing to show.
    """
    mistakes = surest_mistakes(part.labels, probabilities, MISTAKES)
    rows = np.concatenate([mistakes, _surest_right(part.labels, probabilities, RIGHT_PER_CLASS)])
    images, predicted = part.pictures.images[rows], probabilities[rows].argmax(axis=1)
    captions = [
        f"{class_names[answer]} {chances[answer]:.2f}\n"
        + ("right" if answer == label else f"true: {class_names[label]}")
        for answer, label, chances in zip(predicted, part.labels[rows], probabilities[rows], strict=True)
    ]
    try:
        heat = heat_maps(images, predicted)
    except ValueError:
        return {}
    return {f"{folder}/grad_cam.png": gallery(images, captions, heat, title=TITLE)}


def _surest_right(labels: np.ndarray, probabilities: np.ndarray, per_class: int) -> np.ndarray:
    """Row numbers, class by class, of the right predictions with the highest confidence."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    by_class = [
        np.flatnonzero((labels == each) & (predicted == each)) for each in range(probabilities.shape[1])
    ]
    return np.concatenate(
        [rows[np.argsort(-confidence[rows], kind="stable")][:per_class] for rows in by_class]
    )


def _thinned(table: DataFrame, rows: int = 100) -> DataFrame:
    """MLflow shows a table in the browser: a hundred rows tell the curve."""
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, rows).astype(int))]
