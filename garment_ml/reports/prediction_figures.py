"""Figures of what a classifier predicted."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from pandas import DataFrame
from sklearn.metrics import confusion_matrix as count_confusions

from garment_ml.evaluation.calibration import expected_calibration_error, reliability_table
from garment_ml.evaluation.predictions import checked_predictions
from garment_ml.reports.style import COLOURS, GREY, INK, new_figure, tidy

CLASSES_WITH_BARS = 40
CLASSES_WITH_COUNTS = 25  # beyond, the counts of a confusion matrix are too small to read


def confusion_matrix(labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Rows are true classes: colour and first line are the share of the row, the second line the pictures."""
    labels, probabilities = checked_predictions(labels, probabilities, class_names)
    classes = len(class_names)
    counts = count_confusions(labels, probabilities.argmax(axis=1), labels=np.arange(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    figure = new_figure(3.2 + 0.6 * min(classes, 25), 2 + 0.6 * min(classes, 25), "Confusion matrix")
    axes = figure.add_subplot()
    # The square root of the share: a mistake of 2 % should show beside a diagonal of 95 %.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    if classes <= CLASSES_WITH_COUNTS:
        for row, column in zip(*np.nonzero(counts), strict=True):
            axes.text(
                column, row, f"{shares[row, column]:.1%}\n{counts[row, column]:,}",
                ha="center", va="center", fontsize=7.5,
                color="white" if shares[row, column] > 0.3 else INK,
            )  # fmt: skip
    tidy(axes, "predicted class", "true class", grid="none")
    axes.set_xticks(range(classes), class_names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(classes), class_names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(
        image, ax=axes, ticks=[0, 0.05, 0.25, 0.5, 1], format="{x:.0%}", pad=0.02, shrink=0.8
    )
    bar.set_label("share of the true class", color=INK)
    bar.outline.set_visible(False)
    return figure


def reliability_diagram(labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Accuracy against confidence: 15 bins, with 95 % intervals and sizes.

    On the diagonal a confidence can be taken at its word; below it, the model is too sure.
    """
    figure = new_figure(6, 6.4, "Reliability")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    upper.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    table = reliability_table(labels, probabilities)
    filled, colour = table[table["pictures"] > 0], COLOURS[0]
    error = expected_calibration_error(labels, probabilities)
    label, x = f"calibration error {error:.3f}", filled["confidence"]
    upper.plot(x, filled["accuracy"], "o-", color=colour, markersize=4.5, linewidth=0.7, label=label)
    upper.vlines(x, filled["accuracy_low"], filled["accuracy_high"], color=colour)
    shares = table["pictures"] / table["pictures"].sum()
    lower.stairs(shares, np.append(table["low"], 1), color=colour, fill=True, alpha=0.25)
    lower.stairs(shares, np.append(table["low"], 1), color=colour, linewidth=1.2)
    tidy(upper, y="accuracy")
    tidy(lower, "confidence", "share of pictures")
    upper.set(xlim=(0, 1), ylim=(0, 1.02))
    lower.yaxis.set_major_formatter("{x:.0%}")
    upper.legend(loc="upper left", frameon=False, fontsize=9)
    return figure


def accuracy_coverage_curve(table: DataFrame) -> Figure:
    """Accuracy on the surest share of the pictures, from `accuracy_coverage`."""
    figure = new_figure(6.4, 4.4, "Accuracy against coverage")
    axes = figure.add_subplot()
    overall = table["accuracy"].iloc[-1]
    label = f"{overall:.3f} on all"
    axes.plot(table["coverage"], table["accuracy"], color=COLOURS[0], linewidth=1.6, label=label)
    axes.plot(1, overall, "o", color=COLOURS[0], markersize=5, clip_on=False)
    tidy(axes, "coverage: share of pictures answered, the surest first", "accuracy on them")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlim(0, 1)
    axes.legend(loc="lower left", frameon=False, fontsize=9)
    return figure


def per_class_bars(table: DataFrame) -> Figure:
    """From `per_class`: F1, the best class on top, precision and recall marked; the undefined left out.

    Of many classes those that need a look, the lowest `CLASSES_WITH_BARS`; the table has them all.
    """
    classes = len(table)
    table = table.sort_values("f1", kind="stable", na_position="first").head(CLASSES_WITH_BARS)
    rows = np.arange(len(table))
    title = "Per class" if len(table) == classes else f"The {len(table)} lowest of {classes} classes"
    figure = new_figure(7, 1.6 + 0.34 * len(table), title)
    axes = figure.add_subplot()
    axes.barh(rows, table["f1"], height=0.62, color="#B9D6E8", label="F1")
    axes.plot(table["precision"], rows, "o", color=COLOURS[0], markersize=5, label="precision")
    axes.plot(table["recall"], rows, "D", color=COLOURS[1], markersize=5, label="recall")
    for row, (f1, support) in enumerate(zip(table["f1"], table["support"], strict=True)):
        value = "undefined" if np.isnan(f1) else f"{f1:.3f}"
        axes.text(
            1.02, row, f"{value}   n = {support:,}",
            transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=INK,
        )  # fmt: skip
    tidy(axes, grid="x")
    axes.set_yticks(rows, table["class"])
    axes.set(xlim=(0, 1.005), ylim=(-0.6, len(table) - 0.4))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9)
    return figure
