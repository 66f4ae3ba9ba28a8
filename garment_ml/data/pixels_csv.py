"""`label,pixel1..pixelN`: a picture's pixels in a row, as Kaggle has Fashion-MNIST in 785 columns."""

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from garment_ml.base.errors import UserError
from garment_ml.base.terminal import progress_bar
from garment_ml.data.csv_file import CsvFile
from garment_ml.data.dataset import Dataset
from garment_ml.data.labels import class_labels
from garment_ml.data.pictures import Pictures
from garment_ml.data.source_options import Problems, SourceOptions

LINES_AT_ONCE = 4096
PIXEL = re.compile(r"pixel_?(\d+)", re.IGNORECASE)
QUOTED = re.compile(rb'"([^"\n]*)"')
ODD = {b"\0": "NUL bytes", b"\r": "a carriage return within the line"}
EXPECTED = "a whole number from 0 to 255"


@dataclass
class _Rows:
    """What was read: blocks of pixels uint8 (n, height, width, channels), and of each row a text."""

    pixels: list[np.ndarray] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    in_test: list[bool] = field(default_factory=list)


def load_pixels_csv(data_dir: Path | None, options: SourceOptions) -> Dataset:
    """Files with `train` and `test` in their names, or one file (`data_dir` may be it) to be split here.

    Columns pixel1, pixel2, ... go row by row, each pixel grey, or red, green and blue; where no column is
    named so, all but label, id and group are meant. Raises UserError naming file, line and value.
    """
    problems, rows = Problems(options.skip_unreadable), _Rows()
    for path in find_files(data_dir):
        before = len(rows.pixels)
        _Reader(CsvFile.open(path), options, problems).read_into(rows, "test" in path.stem.lower())
        problems.check()
        if len(rows.pixels) > before and not sum(map(len, rows.pixels[before:])):
            first = problems.left_out[0]
            raise UserError(f"{path}: no row can be used, the first: {first.where}: {first.reason}")
        if len(rows.pixels) == before:
            raise UserError(f"{path} has a header only, expected a row for each picture")
    shapes = {block.shape[1:] for block in rows.pixels}
    if len(shapes) > 1:
        raise UserError(f"{data_dir}: train and test have pictures of different shapes: {sorted(shapes)}")
    in_test, images = np.array(rows.in_test), np.concatenate(rows.pixels)
    rows.pixels.clear()
    names, labels = class_labels(rows.labels, in_test, options.class_names, rows.ids, problems)
    problems.check()
    good = labels >= 0
    for part in (False, True):
        if (in_test == part).any() and not (good & (in_test == part)).any():
            raise UserError(f"{data_dir}: no row of the {'test' if part else 'train'} part can be used")
    return Dataset(
        name="pixels-csv",
        pictures=Pictures.of(images if good.all() else images[good], np.array(rows.ids)[good], options.fit),
        labels=labels[good],
        class_names=names,
        origin=f"CSV of pixels, {data_dir}",
        published_test=in_test[good] if in_test.any() else None,
        groups=np.array(rows.groups)[good] if options.group_column else None,
        left_out=tuple(problems.left_out),
    )


def find_files(data_dir: Path | None) -> list[Path]:
    """The train file and, where there is one, the test file; UserError where they can't be told."""
    if data_dir is None:
        raise UserError("the source 'pixels-csv' needs --data-dir, a CSV file or a folder that holds it")
    root = Path(data_dir)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise UserError(
            f"{root} is neither a file nor a folder; expected a CSV file or a folder that holds it"
        )
    found = sorted(path for path in root.glob("*.csv") if not path.name.startswith("."))
    of_part = {part: [path for path in found if part in path.stem.lower()] for part in ("train", "test")}
    if len(found) == 1 and not of_part["test"]:
        return found
    if len(of_part["train"]) == 1 and len(of_part["test"]) <= 1:
        return of_part["train"] + of_part["test"]
    names = ", ".join(path.name for path in found) or "no .csv file"
    raise UserError(
        f"{root} holds {names}; expected one CSV file, or one with train and one with test in its name"
    )


class _Reader:
    """Reads one file block by block, so that memory holds its pixels as bytes and little else."""

    def __init__(self, file: CsvFile, options: SourceOptions, problems: Problems) -> None:
        file.need(options.label_column, "--label-column")
        if options.group_column:
            file.need(options.group_column, "--group-column")
        self.file, self.options, self.problems = file, options, problems
        others = {options.label_column, options.group_column, options.id_column}
        named = in_order([name for name in file.columns if PIXEL.fullmatch(name)], file.path)
        self.columns = named or [name for name in file.columns if name not in others]
        self.shape = picture_shape(len(self.columns), file.path)

    def read_into(self, rows: _Rows, in_test: bool) -> None:
        with progress_bar(self.file.path.stat().st_size, self.file.path.name, "B") as advance:
            for numbers, lines in self._blocks():
                self._parse(numbers, lines, rows)
                advance(sum(map(len, lines)))
        rows.in_test += [in_test] * (len(rows.labels) - len(rows.in_test))

    def _blocks(self) -> Iterator[tuple[list[int], list[bytes]]]:
        """Line numbers and lines of rows that have as many values as there are columns."""
        delimiter, expected = self.file.delimiter.encode(), len(self.file.columns)
        numbers, lines = [], []
        with self.file.path.open("rb") as file:
            next(file)
            for number, line in enumerate(file, start=2):
                if not line.strip():
                    continue
                odd = next((name for sign, name in ODD.items() if sign in line.rstrip(b"\r\n")), None)
                if line.count(delimiter) != expected - 1 or odd:
                    found = odd or f"{line.count(delimiter) + 1} values"
                    self.problems.add(self._where(number), f"{found}, expected {expected} values")
                    continue
                numbers.append(number)
                lines.append(line)
                if len(lines) == LINES_AT_ONCE:
                    yield numbers, lines
                    numbers, lines = [], []
        if lines:
            yield numbers, lines

    def _parse(self, numbers: list[int], lines: list[bytes], rows: _Rows) -> None:
        names, texts = self.file.columns, (self.options.label_column, self.options.group_column)
        # Quotes come in pairs round a value; one alone must not swallow the lines after it.
        text = b"".join(lines)
        text = QUOTED.sub(rb"\1", text) if b'"' in text else text
        frame = pd.read_csv(
            io.BytesIO(text), sep=self.file.delimiter, header=None, names=names, index_col=False,
            dtype={name: str for name in texts if name}, keep_default_na=False, encoding_errors="replace",
            quoting=csv.QUOTE_NONE,
        )  # fmt: skip
        pixels = frame[self.columns].to_numpy()
        good = self._good(pixels, numbers)
        if not good.all():
            frame, pixels = frame[good], pixels[good]
            numbers = [number for number, whole in zip(numbers, good, strict=True) if whole]
        rows.pixels.append(pixels.astype(np.uint8).reshape(-1, *self.shape))
        rows.labels += frame[self.options.label_column].str.strip().tolist()
        rows.groups += frame[self.options.group_column].tolist() if self.options.group_column else []
        rows.ids += [self._where(number) for number in numbers]

    def _good(self, pixels: np.ndarray, numbers: list[int]) -> np.ndarray:
        """Rows of whole numbers from 0 to 255; of each other the first such value is a problem."""
        if np.issubdtype(pixels.dtype, np.integer) and pixels.min() >= 0 and pixels.max() <= 255:
            return np.ones(len(pixels), bool)
        values = pd.DataFrame(pixels).apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
        if pixels.dtype == object:  # a column of True and False counts as numbers for pandas
            is_truth = np.vectorize(lambda value: isinstance(value, bool | np.bool_))(pixels)
            values = np.where(is_truth, np.nan, values)
        wrong = ~((values >= 0) & (values <= 255) & (values == np.floor(values)))  # NaN is wrong, too
        for row in np.flatnonzero(wrong.any(axis=1)):
            column = int(wrong[row].argmax())
            self.problems.add(
                self._where(numbers[row]),
                f"column {self.columns[column]!r} holds {str(pixels[row, column])!r}, expected {EXPECTED}",
            )
        return ~wrong.any(axis=1)

    def _where(self, number: int) -> str:
        return f"{self.file.path.name}, line {number}"


def in_order(columns: list[str], path: Path) -> list[str]:
    """By the numbers in their names, which must leave none out: shuffled pixels would be no picture."""
    numbers = {int(PIXEL.fullmatch(name)[1]): name for name in columns}  # type: ignore[index]
    missing = set(range(min(numbers, default=0), max(numbers, default=0))) - set(numbers)
    if missing or len(numbers) < len(columns):
        what = f"no column pixel{min(missing)}" if missing else "two columns with one number"
        raise UserError(f"{path}: there is {what}, expected pixel1, pixel2, ... without a gap")
    return [numbers[number] for number in sorted(numbers)]


def picture_shape(pixels: int, path: Path) -> tuple[int, int, int]:
    """Height, width and channels of square pictures with so many values; UserError where there are none."""
    for channels in (1, 3):
        side = math.isqrt(pixels // channels)
        if side and side * side * channels == pixels:
            return side, side, channels
    raise UserError(
        f"{path}: {pixels} columns of pixels are no square picture, expected side x side (784 for 28 x 28) "
        "or 3 x side x side columns beside the label's"
    )
