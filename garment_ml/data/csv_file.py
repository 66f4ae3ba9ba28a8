"""CSV files as people make them: BOM, semicolons or tabs, CRLF; and what is wrong with one, by line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from garment_ml.base.errors import UserError
from garment_ml.data.source_options import Problems

DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class CsvFile:
    """A file in UTF-8 with a header line."""

    path: Path
    delimiter: str
    columns: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Reads the header. Raises UserError where there is none that can be read."""
        try:
            with path.open("rb") as file:
                first = file.readline()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error
        if not first.strip():
            raise UserError(f"{path}: the first line is empty, expected a header with the columns' names")
        try:
            header = first.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: the first line is not in UTF-8 ({error.reason}); save it so") from None
        if "\r" in header:
            raise UserError(f"{path}: its lines end with CR alone, as on old Macs; save it with LF or CRLF")
        if header.lower().startswith("sep="):
            raise UserError(f"{path}: the first line is {header!r}, a note for Excel alone; delete it")
        delimiter = max(DELIMITERS, key=header.count)
        columns = tuple(name.strip() for name in next(csv.reader([header], delimiter=delimiter)))
        repeated = [name for name in columns if columns.count(name) > 1]
        if repeated:
            raise UserError(
                f"{path}: the first line has {repeated[0]!r} more than once, expected a header with a name "
                "for each column"
            )
        return cls(path, delimiter, columns)

    def need(self, column: str, option: str) -> None:
        """Raise UserError where there is no such column; `option` is how another one is named."""
        if column not in self.columns:
            found = ", ".join(map(repr, self.columns[:6])) + (", ..." if len(self.columns) > 6 else "")
            raise UserError(
                f"{self.path}: there is no column {column!r}, the first line has {found}; "
                f"name the right one with {option}"
            )

    def rows(self, problems: Problems) -> Iterator[tuple[str, dict[str, str]]]:
        """Where each row is, for people, and its cells by column; rows of another length are problems."""
        with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            next(reader)
            for cells in self._parsed(reader):
                where = f"{self.path}, line {reader.line_num}"
                if not cells:  # an empty line, as many files end with
                    continue
                if len(cells) != len(self.columns):
                    problems.add(where, f"{len(cells)} values, expected {len(self.columns)}")
                elif odd := next((cell for cell in cells if not _is_text(cell)), None):
                    problems.add(where, f"{odd!r} holds bytes that are no text in UTF-8")
                else:
                    yield where, dict(zip(self.columns, map(str.strip, cells), strict=True))

    def _parsed(self, reader: Any) -> Iterator[list[str]]:
        """UserError for a quote that isn't closed: leniently read, it would swallow the rows after it."""
        while True:
            before = reader.line_num
            try:
                yield next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise UserError(
                    f"{self.path}, line {before + 1}: {error}; look for a quote that isn't closed, or that "
                    "stands inside a value"
                ) from None


def _is_text(cell: str) -> bool:
    return "\0" not in cell and not any("\udc80" <= character <= "\udcff" for character in cell)
