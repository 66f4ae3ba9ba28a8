"""Figures of how models were trained, searched for and compared."""

from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from garment_ml.base.errors import UserError
from garment_ml.evaluation.intervals import SHARE, mean_and_interval
from garment_ml.reports.style import COLOURS, GREY, INK, new_figure, tidy


def learning_curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """Accuracy and loss by epoch, from Keras's names: accuracy, loss, val_accuracy, val_loss.

    The line marks the best epoch, the first with the highest val_accuracy. Other names in `history` are not
    drawn.
    """
    figure = new_figure(9, 3.8, "Learning curves")
    monitored = np.asarray(history.get("val_accuracy", ()), dtype=np.float64)
    for axes, metric in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        for name, label, colour in ((metric, "train", GREY), (f"val_{metric}", "validation", COLOURS[0])):
            values = history.get(name, ())
            if len(values):
                style = "o-" if len(values) < 30 else "-"
                axes.plot(range(1, len(values) + 1), values, style, color=colour, markersize=3.5, label=label)
        if np.isfinite(monitored).any():
            best = int(np.nanargmax(monitored))
            best_label = f"best epoch {best + 1}: {monitored[best]:.4f}" if metric == "accuracy" else None
            axes.axvline(best + 1, color=COLOURS[1], linestyle="--", linewidth=1.2, label=best_label)
        tidy(axes, "epoch", title=metric)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.set_xlim(0.5, max(map(len, history.values()), default=1) + 0.5)
        axes.legend(frameon=False, fontsize=9)
    return figure


def score_by_hyperparameter(
    trials: Sequence[Mapping[str, float | str | bool]],
    scores: Sequence[float] | np.ndarray,
    log: Collection[str] = (),
) -> Figure:
    """One panel per hyperparameter, one point per trial, the best trial starred; higher scores are better.

    trials[i] is {hyperparameter: value} and scored scores[i], NaN for a failed trial, which is counted in
    the title. `log` names the hyperparameters drawn on a logarithmic axis; text and bools make a strip per
    value. A trial without a hyperparameter has no point in its panel.
    """
    scores = np.asarray(scores, dtype=np.float64)
    names = list(dict.fromkeys(name for trial in trials for name in trial))
    if len(trials) != len(scores) or not names or np.isnan(scores).all():
        raise UserError(
            f"There are {len(trials)} trials with {len(names)} hyperparameters, and {len(scores)} scores, "
            f"{np.isnan(scores).sum()} of them NaN; expected a score for each trial, and at least one number."
        )
    failed, best = int(np.isnan(scores).sum()), int(np.nanargmax(scores))
    rows = -(-len(names) // 4)
    columns = -(-len(names) // rows)
    title = f"Score by hyperparameter (trials: {len(trials)}, failed: {failed})"
    figure = new_figure(max(3.1 * columns, 5), 0.8 + 2.9 * rows, title)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for index, (axes, name) in enumerate(zip(panels.flat, names, strict=False)):
        having = [i for i, trial in enumerate(trials) if name in trial]
        x = _positions(axes, [trials[i][name] for i in having], name in log)
        axes.scatter(x, scores[having], s=26, color=COLOURS[0], alpha=0.65, linewidths=0)
        if best in having:
            axes.plot(x[having.index(best)], scores[best], "*", color=COLOURS[1], markersize=14, zorder=3)
        tidy(axes, name, "validation accuracy" if index % columns == 0 else "")
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    panels.flat[0].set_title(f"★ best: {scores[best]:.4f}", loc="left", fontsize=9, color=COLOURS[1])
    return figure


def _positions(axes: Axes, values: Sequence[Any], log: bool) -> np.ndarray:
    """Where each value lies on the x axis, which is made logarithmic or categorical as needed."""
    if all(isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in values):
        if log and 0 < 3 * min(values) < max(values):
            _log_axis(axes, max(values) / min(values))
        return np.asarray(values, dtype=np.float64)
    categories = sorted({str(value) for value in values})
    axes.set_xticks(range(len(categories)), categories)
    axes.set_xlim(-0.5, len(categories) - 0.5)
    # Spread within a strip, the same way each time, so that equal scores don't hide each other.
    jitter = np.random.default_rng(0).uniform(-0.18, 0.18, len(values))
    return np.array([categories.index(str(value)) for value in values]) + jitter


def _log_axis(axes: Axes, ratio: float) -> None:
    axes.set_xscale("log", subs=range(2, 10))
    locator: Any = axes.xaxis.get_major_locator()  # LogLocator, but declared as Locator
    locator.set_params(subs=(1,) if ratio > 30 else (1, 2, 5))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")


def leaderboard(scores: Mapping[str, Sequence[float]], score_name: str, title: str) -> Figure:
    """Mean with its 95 % t interval, and every seed, of each {approach: score per seed}; the best on top."""
    summaries = {name: mean_and_interval(values, SHARE) for name, values in scores.items()}
    ranked = sorted(summaries, key=lambda name: summaries[name].mean)
    figure = new_figure(8, 1.5 + 0.6 * len(ranked), title)
    axes = figure.add_subplot()
    for row, name in enumerate(ranked):
        summary = summaries[name]
        below = np.full(summary.seeds, row - 0.2)
        axes.plot(scores[name], below, "|", color=INK, markersize=7, label="seeds")
        axes.errorbar(
            summary.mean, row, xerr=[[summary.mean - summary.low], [summary.high - summary.mean]],
            fmt="o", color=COLOURS[0], markersize=8, elinewidth=2.2, label="mean and 95 % interval",
        )  # fmt: skip
        interval = f"[{summary.low:.4f}, {summary.high:.4f}]" if summary.seeds > 1 else "one seed"
        axes.text(
            1.02, row, f"{summary.mean:.4f}  {interval}",
            transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=INK,
        )  # fmt: skip
    tidy(axes, score_name, grid="x")
    entries = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))  # one of each label
    axes.legend(
        entries.values(), entries, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=9
    )
    axes.set_yticks(range(len(ranked)), ranked)
    axes.set_ylim(-0.6, len(ranked) - 0.4)
    return figure
