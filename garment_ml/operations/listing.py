"""Which pictures are to be scored: of a folder, of a CSV with their paths, or of a contest's test.csv."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from garment_ml.base.errors import UserError
from garment_ml.data.csv_file import CsvFile
from garment_ml.data.folders import PICTURES, below, is_ignored, walk
from garment_ml.data.labelled_csv import listed_files
from garment_ml.data.source_options import Problems, SourceOptions, shown

CONTEST = "test"  # test.csv beside test/


class ListedPicture(NamedTuple):
    """A file that need not be there: that is said of its row then."""

    id: str
    path: Path


def list_pictures(given: Path, id_column: str, path_column: str) -> list[ListedPicture]:
    """Of a folder all files below it, by their paths in it; of a CSV its rows, in their order.

    A CSV without a column of paths is a contest's: its ids name files in the folder beside it that is called
    as it is. Raises UserError for what is neither, for no pictures at all and for an id that comes twice.
    """
    problems = Problems(skip=False, can_skip=False)
    if is_contest(given):
        given = given / f"{CONTEST}.csv"
    if given.is_dir():
        listed = [ListedPicture(below(given, path), path) for path in walk(given, problems)]
        listed = [each for each in listed if not is_ignored(each.path, [])]
    else:
        listed = _of_csv(given, id_column, path_column, problems)
    _check_ids(listed, problems)
    problems.check()
    if not listed:
        raise UserError(f"{given} has no pictures; expected a folder of them, or a CSV that lists some")
    return listed


def is_contest(given: Path) -> bool:
    """A folder with test.csv beside test/."""
    return (given / f"{CONTEST}.csv").is_file() and (given / CONTEST).is_dir()


def _check_ids(listed: Sequence[ListedPicture], problems: Problems) -> None:
    seen: set[str] = set()
    for id, path in listed:
        if id in seen:
            problems.add(shown(path), f"its id {id!r} is there a second time")
        if "\r" in id:
            problems.add(shown(path), f"its id {id!r} has a line break in it")
        seen.add(id)


def _of_csv(path: Path, id_column: str, path_column: str, problems: Problems) -> list[ListedPicture]:
    if path.suffix.lower() in PICTURES:
        raise UserError(f"{path} is a single picture; expected a folder of them, or a CSV that lists some")
    table = CsvFile.open(path)
    if path_column in table.columns:
        return _by_path(table, id_column, path_column, problems)
    folder = path.with_suffix("")
    if not folder.is_dir() or path.suffix != ".csv":
        raise UserError(
            f"{path}: there is no column {path_column!r} of paths and no folder {folder} of pictures; name "
            "the column with --path-column"
        )
    files = listed_files(path.parent, path.stem, SourceOptions(id_column=id_column), problems, labelled=False)
    return [ListedPicture(each.id, each.path) for each in files]


def _by_path(table: CsvFile, id_column: str, path_column: str, problems: Problems) -> list[ListedPicture]:
    """Paths are as seen from the CSV's folder; they are the ids, too, where it has no column of those."""
    by = id_column if id_column in table.columns else path_column
    found = []
    for where, cells in table.rows(problems):
        if not cells[path_column]:
            problems.add(where, f"the column {path_column!r} is empty")
        found.append(ListedPicture(cells[by], table.path.parent / cells[path_column]))
    return found
