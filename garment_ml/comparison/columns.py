"""The leaderboard's columns, one entry of COLUMNS each, of which the CSV file, text and page are made."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pandas import DataFrame

from garment_ml.comparison.leaderboard import Row
from garment_ml.comparison.numbers import interval, lowest_to_highest
from garment_ml.comparison.opened_test_set import BATCH_MS, SINGLE_MS

Cells = Callable[[Row], dict[str, Any]]


@dataclass(frozen=True)
class Column:
    """`cells` is what the CSV file holds, by name: one number, or the two ends of a range.

    `shown` makes of these values the one text that people read; a column without a heading is in the file
    only.
    """

    cells: Cells
    heading: tuple[str, str] | None = None
    shown: Callable[..., str] = str
    table: int = 1  # of the text's; those of the second and third are small on the page, under the one before

    def text(self, row: Row) -> str:
        return self.shown(*self.cells(row).values())


def _mean(metric: str) -> Cells:
    """Over the refits."""
    return lambda row: {metric: row.finalist.mean(metric)}


def _count(metric: str) -> Cells:
    return lambda row: {metric: int(row.finalist.mean(metric))}


def _of_median(metric: str) -> Cells:
    return lambda row: {metric: row.finalist.median.metrics[metric]}


def _ends(accuracy: str, *ends: str) -> Cells:
    """Two fields of a SeedSummary."""
    return lambda row: {f"{accuracy}_{end}": getattr(getattr(row, accuracy), end) for end in ends}


def _who(row: Row) -> dict[str, Any]:
    approach = row.finalist.refits[0].approach["name"]
    return {"rank": row.rank, "approach": approach, "settings": row.finalist.settings}


def _test_interval(row: Row) -> dict[str, Any]:
    low, high = row.test_interval
    return {"median_refit_test_accuracy_low": low, "median_refit_test_accuracy_high": high}


def _search_gain(row: Row) -> dict[str, Any]:
    gain = row.finalist.search_gain
    return {f"search_gain_{end}": getattr(gain, end, math.nan) for end in ("mean", "low", "high")}


def _where(row: Row) -> dict[str, Any]:
    median = row.finalist.median
    return {"median_refit_run": median.run_id, "median_refit_model": median.model_uri}


ACCURACY, LOSS, COUNT = "{:.4f}".format, "{:.3f}".format, "{:,}".format
COLUMNS = (
    Column(_who),  # text and page begin with the label and have the settings below
    Column(lambda row: {"refits": len(row.finalist.refits)}, ("", "n")),
    Column(_mean("train_accuracy"), ("train", "accuracy"), ACCURACY),
    Column(_mean("train_loss"), ("train", "loss"), LOSS),
    Column(_mean("validation_accuracy"), ("validation", "accuracy"), ACCURACY),
    Column(_ends("validation_accuracy", "minimum", "maximum"), ("validation", "range"), lowest_to_highest, 2),
    Column(_ends("validation_accuracy", "low", "high"), ("validation", "95 %"), interval, 2),
    Column(_mean("validation_macro_f1"), ("validation", "macro F1"), ACCURACY, 3),
    Column(_mean("validation_loss"), ("validation", "loss"), LOSS),
    Column(lambda row: {"test_accuracy": row.test_accuracy.mean}, ("test", "accuracy"), ACCURACY),
    Column(_ends("test_accuracy", "minimum", "maximum"), ("test", "range"), lowest_to_highest, 2),
    Column(_test_interval, ("test", "95 %"), interval, 2),
    Column(lambda row: {"test_macro_f1": row.test_mean("macro_f1")}, ("test", "macro F1"), ACCURACY, 3),
    Column(lambda row: {"test_loss": row.test_mean("loss")}, ("test", "loss"), LOSS),
    Column(_count("trainable_parameters"), ("parameters", "trained"), COUNT),
    Column(lambda row: {"total_parameters": row.finalist.parameters}, ("parameters", "all"), COUNT, 3),
    Column(_mean("training_seconds"), ("train", "seconds"), "{:.0f}".format),
    Column(_search_gain),
    Column(_of_median(SINGLE_MS), ("ms", "alone"), "{:.1f}".format),
    Column(_of_median(BATCH_MS), ("ms", "in 256"), "{:.2f}".format, 3),
    Column(_where),
)
SHOWN = tuple(column for column in COLUMNS if column.heading)


def csv_table(rows: Sequence[Row]) -> DataFrame:
    """One row per finalist, a number or text per cell."""
    return pd.DataFrame(
        [{name: cell for column in COLUMNS for name, cell in column.cells(row).items()} for row in rows]
    )


def text_table(rows: Sequence[Row], number: int) -> DataFrame:
    """What people read of each row first (1), or the details of it, under headings of two lines."""
    columns = [column for column in SHOWN if column.table == number]
    return pd.DataFrame(
        [[column.text(row) for column in columns] for row in rows],
        index=[row.label for row in rows],
        columns=pd.MultiIndex.from_tuples([column.heading for column in columns], names=["", "approach"]),
    )


def page_stacks() -> list[list[Column]]:
    """Each column with the details that stand below it."""
    stacks: list[list[Column]] = []
    for column in SHOWN:
        if column.table > 1:
            stacks[-1].append(column)
        else:
            stacks.append([column])
    return stacks
