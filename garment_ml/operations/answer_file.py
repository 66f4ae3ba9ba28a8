"""The file that answers go to: where it may lie, what its columns may be called, where its parts wait."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.digest import digest_of
from garment_ml.base.errors import UserError
from garment_ml.shipped.columns import CONFIDENCE, ERROR, probability_column

CSV, PARQUET = ENDINGS = (".csv", ".parquet")
TABLE, SUBMISSION = FORMATS = ("table", "submission")
LOCAL, SPARK = ENGINES = ("local", "spark")


@dataclass(frozen=True)
class AnswerForm:
    """A `table` has all that was answered for each picture, a `submission` its id and label.

    Raises UserError for names of columns that clash.
    """

    format: str
    id_column: str
    label_column: str

    def __post_init__(self) -> None:
        ids, label = self.id_column, self.label_column
        if not label or label == ids:
            raise UserError(f"--label-column is {label!r}, expected a name other than the id's")
        for name in {ids, label} if self.format == TABLE else ():
            if _is_of_the_table(name):
                raise UserError(f"--format table has a column {name!r} of its own; expected another name")


def _is_of_the_table(name: str) -> bool:
    """Beside id and label, which may be called otherwise."""
    return name in (CONFIDENCE, ERROR) or name.startswith(probability_column(""))


def check_place(output: Path, pictures: Path) -> None:
    """Raise UserError for a place that can't be written, or that holds what was given."""
    if output.name == "" or output.is_dir():
        raise UserError(f"--output {str(output)!r} is a folder, expected the name of a file")
    above = next((each for each in output.parents if each.exists()), Path())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise UserError(f"--output {str(output)!r} can't be written: {above} is no folder that is writable")
    if output.suffix.lower() not in ENDINGS:
        raise UserError(f"--output {str(output)!r} should end in {' or '.join(ENDINGS)}, as it is written so")
    _check_apart(output, pictures)


def check_for_spark(output: str, pictures: str, form: AnswerForm, numbered: bool) -> None:
    """Raise UserError for a form that Spark's folder of Parquet files has not, or one among the pictures."""
    if form.format != TABLE or numbered:
        raise UserError("--engine spark writes --format table with the classes' names, and nothing else")
    if not output.rstrip("/").lower().endswith(PARQUET):
        raise UserError(f"--output {output!r} should end in {PARQUET}: Spark writes a folder of such files")
    ids, label = form.id_column.casefold(), form.label_column.casefold()  # as Spark compares them
    if ids == label or _is_of_the_table(ids) or _is_of_the_table(label):
        raise UserError(
            f"--id-column {form.id_column!r} and --label-column {form.label_column!r} clash with each "
            "other or with columns of the answers; to Spark capitals make no difference"
        )
    _check_apart(local_path(output), local_path(pictures))


def local_path(place: str) -> Path:
    """Of an address that may begin with file:; others name nothing here."""
    return Path(place.removeprefix("file://").removeprefix("file:"))


def _check_apart(output: Path, pictures: Path) -> None:
    given = [pictures] if pictures.is_dir() else [pictures, pictures.with_suffix("")]
    if any(output.resolve().is_relative_to(each.resolve()) for each in given):
        raise UserError(f"--output {str(output)!r} is part of the pictures; expected a place of its own")


@contextmanager
def parts_beside(output: Path) -> Iterator[Path]:
    """The folder for parts of `output`, of one process at a time; it stays where something was raised.

    Raises UserError while another process on this machine has it.
    """
    place = output.resolve()
    key = digest_of(os.fsencode(place))
    folder = place.parent / f".{place.name}.parts"
    try:
        with filelock.FileLock(cache_directory("scoring") / f"{key}.lock", timeout=0):
            yield folder
            shutil.rmtree(folder, ignore_errors=True)
    except filelock.Timeout:
        raise UserError(f"{output} is just being written by another process; give another --output") from None
