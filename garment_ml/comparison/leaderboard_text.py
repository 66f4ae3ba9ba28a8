"""The leaderboard for a terminal, at most 110 columns wide."""

from __future__ import annotations

import math
from textwrap import fill

from garment_ml.comparison.leaderboard import Leaderboard, Row
from garment_ml.comparison.opened_test_set import BATCH_MS, SINGLE_MS
from garment_ml.comparison.text_table import text_table
from garment_ml.evaluation.intervals import SeedSummary

WIDTH = 110


def leaderboard_text(leaderboard: Leaderboard) -> str:
    """Scores, certainty and cost, what was trained, paired comparisons, and what was left out."""
    parts = [
        "Ranked on mean validation accuracy. Accuracies are means over n refits (lowest to highest).",
        _scores(leaderboard),
        "",
        "95 % intervals of accuracy: validation over seeds (t), test over pictures (median refit, Wilson).",
        _certainty_and_cost(leaderboard),
        "",
        *(_settings(row) for row in leaderboard.rows),
    ]
    if len(leaderboard.pairs):
        parts += [
            "",
            "Median refits on the same test pictures: accuracy of the first minus the second.",
            _pairs(leaderboard),
        ]
    if leaderboard.left_out:
        parts += ["", "Not compared:"]
        parts += [
            f"  {each.name} ({each.run_id[:8]}): {each.reason}"[:WIDTH] for each in leaderboard.left_out
        ]
    return "\n".join(parts)


def _scores(leaderboard: Leaderboard) -> str:
    header = ("#", "approach", "n", "train", "loss", "validation", "loss", "test", "loss")
    rows = []
    for row in leaderboard.rows:
        finalist = row.finalist
        rows.append(
            (
                str(row.rank),
                finalist.label[:28],
                str(len(finalist.refits)),
                f"{finalist.mean('train_accuracy'):.4f}",
                f"{finalist.mean('train_loss'):.3f}",
                mean_and_range(row.validation_accuracy),
                f"{finalist.mean('validation_loss'):.3f}",
                mean_and_range(row.test_accuracy),
                f"{row.test_loss:.3f}",
            )
        )
    return text_table(header, rows, right=(2, 3, 4, 6, 8))


def _certainty_and_cost(leaderboard: Leaderboard) -> str:
    header = ("#", "validation", "test", "trained", "of parameters", "seconds", "ms alone", "ms in 256")
    rows = []
    for row, cells in zip(leaderboard.rows, leaderboard.table().to_dict("records"), strict=True):
        rows.append(
            (
                str(row.rank),
                interval(row.validation_accuracy.low, row.validation_accuracy.high),
                interval(*row.test_interval),
                f"{cells['trainable_parameters']:,}",
                f"{cells['total_parameters']:,}",
                f"{cells['training_seconds']:.0f}",
                f"{cells[SINGLE_MS]:.1f}",
                f"{cells[BATCH_MS]:.2f}",
            )
        )
    return text_table(header, rows, right=range(3, 8))


def _settings(row: Row) -> str:
    return fill(f"{row.rank}  {row.finalist.settings}", WIDTH, subsequent_indent="   ")


def _pairs(leaderboard: Leaderboard) -> str:
    rows = [
        (
            pair["first"],
            pair["second"],
            f"{pair['difference']:+.4f}",
            f"{pair['low']:+.4f} to {pair['high']:+.4f}",
            p_value(pair["p"]),
        )
        for pair in leaderboard.pairs.to_dict("records")
    ]
    return text_table(("first", "second", "difference", "95 % interval", "McNemar p"), rows, right=(2, 4))


def mean_and_range(summary: SeedSummary) -> str:
    if summary.seeds == 1:
        return f"{summary.mean:.4f}"
    return f"{summary.mean:.4f} ({summary.minimum:.4f}-{summary.maximum:.4f})"


def interval(low: float, high: float) -> str:
    """A single seed has no interval."""
    return "-" if math.isnan(low) else f"{low:.4f}-{high:.4f}"


def p_value(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
