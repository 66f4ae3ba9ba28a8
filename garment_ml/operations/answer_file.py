"""The file that answers go to: where it may lie, what its columns may be called, its text."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from garment_ml.base.errors import UserError
from garment_ml.shipped.columns import CONFIDENCE, LABEL, probability_column

if TYPE_CHECKING:  # checked before anything heavy is imported
    from pandas import DataFrame


def check_columns(ids: str, label: str, table: bool) -> None:
    """Raise UserError for names that clash; a `table` also has confidence and probabilities."""
    if not label or label == ids:
        raise UserError(f"--label-column is {label!r}, expected a name other than the id's")
    for name in {ids, label} - {LABEL} if table else ():
        if name == CONFIDENCE or name.startswith(probability_column("")):
            raise UserError(f"--table has a column {name!r} of its own; expected another name")


def check_place(output: Path, data_dir: Path) -> None:
    """Raise UserError for a place that can't be written, or that holds what was given."""
    if output.name == "" or output.is_dir():
        raise UserError(f"--output {str(output)!r} is a folder, expected the name of a file")
    above = next((each for each in output.parents if each.exists()), Path())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UserError(f"--output {str(output)!r} can't be written: {above} is no folder that is writable")
    place = output.resolve()
    given = [data_dir / name for name in ("train.csv", "test.csv", "train", "test")]
    of_data = any(place.is_relative_to(each.resolve()) for each in given)
    if of_data or (output.exists() and place.is_relative_to(data_dir.resolve())):
        raise UserError(f"--output {str(output)!r} is part of the data; expected a file of its own")


def as_csv(answers: DataFrame, ids: Iterable[str], id_column: str) -> str:
    """The ids, then what was answered: the contest's CSV where that is the label alone."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([id_column, *answers.columns])
    writer.writerows((id, *row) for id, row in zip(ids, answers.itertuples(index=False), strict=True))
    return written.getvalue()
