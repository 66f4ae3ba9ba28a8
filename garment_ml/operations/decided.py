"""Decisions about pictures of a data set, written into a table that `--corrections` reads."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import filelock

from garment_ml.base.errors import UserError
from garment_ml.base.write_aside import write_aside
from garment_ml.data.csv_file import CsvFile
from garment_ml.data.decisions import DECISION, DIGEST, FILE, GROUP
from garment_ml.data.source_options import Problems

COLUMNS = (FILE, DIGEST, GROUP, DECISION)  # an audit's table has more
Picture = tuple[str, str]  # file and digest of its pixels, "" where the table doesn't say


def read_table(path: Path) -> list[dict[str, str]]:
    """A row for each finding of an audit. UserError for what is no such table."""
    table = CsvFile.open(path)
    if not {FILE, DECISION} <= set(table.columns):
        raise UserError(f"{path} has no columns {FILE!r} and {DECISION!r}; expected an audit.csv")
    problems = Problems(skip=False, can_skip=False)
    missing = {column: "" for column in COLUMNS if column not in table.columns}
    rows = [cells | missing for _, cells in table.rows(problems)]
    problems.check()
    return rows


def picture_of(row: Mapping[str, str]) -> Picture:
    return row[FILE], row[DIGEST]


def decisions_in(rows: list[dict[str, str]]) -> dict[Picture, str]:
    """What is decided about each picture, whichever of its rows says so."""
    return {picture_of(row): row[DECISION] for row in rows if row[DECISION]}


def decide(path: Path, decisions: Mapping[Picture, str]) -> None:
    """Into the first row of each picture, which is added where there is none; "" takes a decision back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        rows = read_table(path) if path.exists() else []
        for picture, decision in decisions.items():
            of_picture = [row for row in rows if picture_of(row) == picture]
            if not of_picture:
                rows.append(dict.fromkeys(COLUMNS, "") | {FILE: picture[0], DIGEST: picture[1]})
                of_picture = rows[-1:]
            for row in of_picture:
                row[DECISION] = ""
            of_picture[0][DECISION] = decision
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_aside(path, text.getvalue().encode())
