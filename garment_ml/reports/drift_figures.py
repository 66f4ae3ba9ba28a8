"""A window of answers beside the validation set, as figures and as a table."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from pandas import DataFrame

from garment_ml.evaluation.drift import CHANCE, FAR, Drift
from garment_ml.reports.style import COLOURS, GREY, new_figure, tidy

NAMES = ("validation", "window")
Two = tuple[np.ndarray, np.ndarray]  # of the validation set and of the window


def drift_report(
    found: Sequence[Drift], class_names: Sequence[str], labels: Two, confidences: Two, distances: Two
) -> dict[str, Figure | DataFrame]:
    """By path: the tests, the class mix, confidences and distances of both."""
    return {
        "monitor/tests.csv": drift_table(found),
        "monitor/class_mix.png": _bars("Answers by class", list(class_names), labels),
        "monitor/confidence.png": _confidences(confidences),
        "monitor/distance.png": _distances(distances),
    }


def drift_table(found: Sequence[Drift]) -> DataFrame:
    return DataFrame(
        [
            {
                "test": each.name,
                "measures": each.measures,
                "value": each.effect,
                "drift from": each.bound,
                "p": each.p_value,
                "p below": CHANCE,
                "verdict": "drift" if each.is_drift else "no drift",
            }
            for each in found
        ]
    )


def _bars(title: str, names: list[str], counts: Two) -> Figure:
    figure = new_figure(8, 0.4 * len(names) + 1.5, title)
    axes = figure.subplots()
    places = np.arange(len(names))
    for offset, each, name, colour in zip((-0.2, 0.2), counts, NAMES, COLOURS, strict=False):
        axes.barh(places + offset, each / each.sum(), 0.38, label=name, color=colour)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    tidy(axes, "share of answers", grid="x")
    axes.legend(frameon=False)
    return figure


def _confidences(counts: Two) -> Figure:
    figure = new_figure(7, 4, "How sure it was")
    axes = figure.subplots()
    edges = np.linspace(0, 1, len(counts[0]) + 1)
    for each, name, colour in zip(counts, NAMES, COLOURS, strict=False):
        axes.stairs(each / each.sum(), edges, label=name, color=colour, linewidth=2)
    tidy(axes, "confidence", "share of answers")
    axes.legend(frameon=False)
    return figure


def _distances(distances: Two) -> Figure:
    figure = new_figure(7, 4, "How far from the nearest class")
    axes = figure.subplots()
    threshold = np.quantile(distances[0], FAR)
    edges = np.geomspace(
        max(min(each.min() for each in distances), 1e-3), max(each.max() for each in distances), 40
    )
    for each, name, colour in zip(distances, NAMES, COLOURS, strict=False):
        axes.stairs(np.histogram(each, edges)[0] / len(each), edges, label=name, color=colour, linewidth=2)
    axes.axvline(threshold, color=GREY, linestyle=":", label=f"{FAR:.0%} of validation is nearer")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")  # powers of ten would be set in fonts that few machines have
    tidy(axes, "squared Mahalanobis distance of the features", "share of pictures")
    axes.legend(frameon=False)
    return figure
