"""Figures and sentences of scores that grow with the number of training pictures."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from garment_ml.evaluation.power_law import FEWEST_SIZES, Extrapolated, SizeScores, extrapolate
from garment_ml.reports.style import COLOURS, INK, new_figure, tidy

BEYOND = (2, 4)  # times the most pictures measured
Curves = Mapping[str, Sequence[SizeScores]]


@dataclass(frozen=True)
class Growth:
    """Curves by name, all judged on the same `judged` pictures by `score_name`."""

    curves: Curves
    judged: int
    score_name: str

    @cached_property
    def beyond(self) -> dict[str, list[Extrapolated]]:
        """By name what the fitted law expects; empty where there are too few sizes for one."""
        return {name: _extrapolated(points, self.judged) for name, points in self.curves.items()}


def _extrapolated(points: Sequence[SizeScores], judged: int) -> list[Extrapolated]:
    if len({point.pictures for point in points}) < FEWEST_SIZES:
        return []
    most = max(point.pictures for point in points)
    return extrapolate(points, judged, [most * times for times in BEYOND])


def growth_report(growth: Growth) -> dict[str, Figure | DataFrame]:
    """By path: the scores, what the fitted power law makes of them, and both as one figure."""
    rows = [{"curve": name, **vars(each)} for name, found in growth.beyond.items() for each in found]
    columns = ["curve", "pictures", "score", "low", "high"]
    return {
        "learning_curve/scores.csv": growth_table(growth.curves),
        "learning_curve/extrapolated.csv": DataFrame(rows, columns=columns),
        "learning_curve/learning_curve.png": growth_figure(growth),
    }


def growth_table(curves: Curves) -> DataFrame:
    """One row for each curve, size and seed."""
    return DataFrame(
        [
            {"curve": name, "pictures": point.pictures, "mean": point.mean, "seed": seed, "score": score}
            for name, points in curves.items()
            for point in points
            for seed, score in enumerate(point.scores, start=1)
        ]
    )


def growth_figure(growth: Growth) -> Figure:
    """Means with the range over seeds; dashed, with its interval, what the law expects of more pictures."""
    figure = new_figure(8.5, 5, "How the score grows with the training pictures")
    axes = figure.add_subplot()
    for (name, points), colour in zip(growth.curves.items(), COLOURS, strict=False):
        _draw_curve(axes, name, points, colour)
        if growth.beyond[name]:
            _draw_law(axes, points[-1], growth.beyond[name], colour)
    tidy(axes, "training pictures", growth.score_name)
    axes.set_xscale("log")
    ticks = {point.pictures for points in growth.curves.values() for point in points}
    ticks |= {each.pictures for law in growth.beyond.values() for each in law}
    axes.set_xticks(sorted(ticks), [f"{tick:,}" for tick in sorted(ticks)], rotation=30)
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    if any(growth.beyond.values()):
        note = "dashed: a fitted power law with its 95 % interval, an extrapolation"
        axes.set_title(note, loc="left", fontsize=9, color=INK)
    return figure


def _draw_curve(axes: Axes, name: str, points: Sequence[SizeScores], colour: str) -> None:
    sizes, means = [each.pictures for each in points], [each.mean for each in points]
    below = [each.mean - min(each.scores) for each in points]
    above = [max(each.scores) - each.mean for each in points]
    axes.errorbar(
        sizes, means, yerr=[below, above], fmt="o-", color=colour, markersize=5, capsize=3, label=name
    )


def _draw_law(axes: Axes, last: SizeScores, law: Sequence[Extrapolated], colour: str) -> None:
    sizes, scores = [each.pictures for each in law], [each.score for each in law]
    axes.plot([last.pictures, *sizes], [last.mean, *scores], "--", color=colour)
    lows, highs = [each.low for each in law], [each.high for each in law]
    axes.fill_between(sizes, lows, highs, color=colour, alpha=0.15, linewidth=0)


def growth_sentences(growth: Growth) -> list[str]:
    """Which is best at which size, and what more pictures would bring to the best at the largest."""
    by_size: dict[int, dict[str, SizeScores]] = defaultdict(dict)
    for name, points in growth.curves.items():
        for point in points:
            by_size[point.pictures][name] = point
    ranked = {
        size: sorted(found, key=lambda name: -found[name].mean) for size, found in sorted(by_size.items())
    }
    clear = {size: _is_clear([by_size[size][name] for name in names[:2]]) for size, names in ranked.items()}
    lines = []
    for size, names in ranked.items():
        scores = ", ".join(f"{name} {by_size[size][name].mean:.4f}" for name in names)
        lines.append(f"{size:>8,} pictures: {scores}" + ("" if clear[size] else " (the first two overlap)"))
    decided = [size for size in ranked if clear[size]]
    for before, after in pairwise(decided):
        if ranked[before][0] != ranked[after][0]:
            overtakes = f"{ranked[after][0]} overtakes {ranked[before][0]}"
            lines.append(f"From {before:,} to {after:,} pictures {overtakes}.")
    best = ranked[max(ranked)][0]
    for each in growth.beyond[best]:
        lines.append(
            f"With {each.pictures:,} pictures {best} would have a {growth.score_name} of {each.score:.3f} "
            f"({each.low:.3f} to {each.high:.3f}), if it went on as so far: an extrapolation."
        )
    return lines


def _is_clear(best_two: Sequence[SizeScores]) -> bool:
    """Whether every seed of the first is above every seed of the second."""
    first, *others = best_two
    return all(min(first.scores) > max(other.scores) for other in others)
