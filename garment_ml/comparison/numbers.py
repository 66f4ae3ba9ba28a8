"""Numbers as people read them: in the leaderboard's text and page, and on a model card."""

import math
from typing import Any

from garment_ml.evaluation.intervals import SeedSummary


def number(value: Any) -> str:
    """Three significant digits of a float; everything else as it is."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def mean_and_range(summary: SeedSummary) -> str:
    if summary.seeds == 1:
        return f"{summary.mean:.4f}"
    return f"{summary.mean:.4f} ({summary.minimum:.4f}-{summary.maximum:.4f})"


def interval(low: float, high: float) -> str:
    """A single seed has no interval."""
    return "-" if math.isnan(low) else f"{low:.4f}-{high:.4f}"


def lowest_to_highest(lowest: float, highest: float) -> str:
    """A single refit has no range, nor have refits that all score the same."""
    return "-" if lowest == highest else interval(lowest, highest)


def p_value(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
