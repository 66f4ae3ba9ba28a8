"""Wrong answers with what would have been right, kept in the form that `--data labelled-csv` reads."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
from PIL import Image

from garment_ml.base.errors import UserError
from garment_ml.base.write_aside import write_aside
from garment_ml.shipped.columns import CONFIDENCE, LABEL
from garment_ml.shipped.recording import picture_key

COLUMNS = ("id", "label", "answered", "confidence", "model", "kept_at")


def keep_wrong(folder: Path, picture: bytes, answer: Mapping[str, Any], right: str, model: str) -> Path:
    """The picture into `train/`, the rest as its row of `train.csv`; gives the picture's file.

    Of a picture that was kept before, the row is replaced. Raises UserError for bytes that are no picture.
    """
    id = picture_key(picture)
    file = folder / "train" / f"{id}{_extension(picture)}"
    row = [id, right, answer[LABEL], f"{answer[CONFIDENCE]:.6f}", model, _now()]
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lock"):
        kept = [each for each in _rows(folder / "train.csv") if each[0] != id]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *kept, row])
        write_aside(file, picture)
        write_aside(folder / "train.csv", text.getvalue().encode())
    return file


def _rows(table: Path) -> list[list[str]]:
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file) if row] or [[]]
    if tuple(header) != COLUMNS:
        raise UserError(f"{table} is no table of kept answers; give another folder with --kept")
    return rows


def _extension(picture: bytes) -> str:
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            return f".{str(opened.format).lower()}"
    except Exception as error:
        raise UserError(f"{len(picture):,} bytes are no picture: {error}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
