"""Decisions about pictures of a data set, written into a table that `--corrections` reads."""

import csv
import io
from pathlib import Path

import filelock

from garment_ml.base.errors import UserError
from garment_ml.base.write_aside import write_aside
from garment_ml.data.decisions import DECISION, DIGEST, FILE, GROUP

COLUMNS = (FILE, DIGEST, GROUP, DECISION)  # of a new table; one of an audit has more


def read_table(path: Path) -> list[dict[str, str]]:
    """A row for each finding of an audit. UserError where it is none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {FILE, DECISION} <= set(reader.fieldnames or ()):
                raise UserError(f"{path} has no columns {FILE!r} and {DECISION!r}; expected an audit.csv")
            return list(reader)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def decide(path: Path, file: str, digest: str, decision: str) -> None:
    """Into the first row of this picture, which is added where there is none; "" takes a decision back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        rows = read_table(path) if path.exists() else []
        columns = list(rows[0]) if rows else list(COLUMNS)
        of_picture = [row for row in rows if row[FILE] == file and row.get(DIGEST, digest) in (digest, "")]
        if not of_picture:
            rows.append(dict.fromkeys(columns, "") | {FILE: file, DIGEST: digest})
            of_picture = rows[-1:]
        for row in of_picture:
            row[DECISION] = ""
        of_picture[0][DECISION] = decision
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_aside(path, text.getvalue().encode())
