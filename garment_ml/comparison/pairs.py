"""Is the difference between two rows real? Their median refits on the same test pictures."""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
from pandas import DataFrame

from garment_ml.comparison.leaderboard import Row
from garment_ml.comparison.numbers import p_value
from garment_ml.evaluation.intervals import mcnemar, paired_difference


def compare_pairs(rows: Sequence[Row]) -> DataFrame:
    """Columns first, second, difference (of test accuracy), low, high, p (McNemar)."""
    pairs = []
    for first, second in combinations(rows, 2):
        correct = first.median_predictions.correct, second.median_predictions.correct
        names = {"first": first.label, "second": second.label}
        pairs.append(names | vars(paired_difference(*correct)) | {"p": mcnemar(*correct)})
    return pd.DataFrame(pairs, columns=["first", "second", "difference", "low", "high", "p"])


def shown_pairs(pairs: DataFrame) -> DataFrame:
    """The same as people read it, in the text and on the page."""
    signed = pairs[["difference", "low", "high"]].map("{:+.4f}".format)
    return pd.DataFrame(
        {
            "first": pairs["first"],
            "second": pairs["second"],
            "difference": signed["difference"],
            "95 % interval": signed["low"] + " to " + signed["high"],
            "McNemar p": pairs["p"].map(p_value),
        }
    )
