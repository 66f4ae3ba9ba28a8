"""Tables and figures of one part's predictions, put on a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from garment_ml.data.parts import Part
from garment_ml.evaluation import metrics
from garment_ml.evaluation.coverage import accuracy_coverage
from garment_ml.reports import prediction_figures as figures
from garment_ml.reports.experiment_figures import learning_curves
from garment_ml.tracking.run import TrackedRun


def log_report(run: TrackedRun, part: Part, probabilities: np.ndarray, class_names: tuple[str, ...]) -> None:
    """Per-class table, most confused pairs, accuracy by coverage, and figures, in the part's own folder."""
    labels, folder = part.labels, part.name
    named = {part.name: probabilities}
    run.log_table(metrics.per_class(labels, probabilities, class_names), f"{folder}/per_class.json")
    run.log_table(metrics.most_confused(labels, probabilities, class_names), f"{folder}/most_confused.json")
    run.log_table(_thinned(accuracy_coverage(labels, probabilities)), f"{folder}/accuracy_coverage.json")
    run.log_figure(figures.confusion_matrix(labels, probabilities, class_names), f"{folder}/confusion.png")
    run.log_figure(figures.per_class_bars(labels, probabilities, class_names), f"{folder}/per_class.png")
    run.log_figure(figures.reliability_diagram(labels, named), f"{folder}/reliability.png")
    run.log_figure(figures.accuracy_coverage_curve(labels, named), f"{folder}/accuracy_coverage.png")


def log_learning_curves(run: TrackedRun, history: Mapping[str, Sequence[float]]) -> None:
    run.log_figure(learning_curves(history), "learning_curves.png")


def _thinned(table, rows: int = 100):
    """MLflow shows a table in the browser: a hundred rows tell the curve."""
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, rows).astype(int))]
