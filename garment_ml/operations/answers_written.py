"""Scored parts as the one file that was asked for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from garment_ml.base.digest import growing_digest
from garment_ml.base.errors import UserError
from garment_ml.base.write_aside import writing_aside
from garment_ml.operations.answer_file import PARQUET, SUBMISSION, AnswerForm
from garment_ml.operations.scoring import DIGEST, ID
from garment_ml.shipped.columns import CONFIDENCE, ERROR, LABEL


@dataclass
class Summary:
    """Counted while it is written; `digest` stands for the bytes of all pictures, with their ids."""

    labels: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    first_error: str = ""
    confidence: float = 0.0  # in all
    digest: str = ""

    @property
    def pictures(self) -> int:
        return self.labels.total() + self.errors

    def metrics(self) -> dict[str, float]:
        answered = self.labels.total()
        counts = {"pictures": self.pictures, "unreadable_pictures": self.errors}
        return {**counts, "mean_confidence": self.confidence / answered} if answered else {**counts}

    def __str__(self) -> str:
        counts = [f"{count:,} {label}" for label, count in self.labels.most_common()]
        if self.errors:
            counts.append(f"{self.errors:,} that can't be read, such as {self.first_error}")
        return ", ".join(counts)

    def count(self, table: pa.Table) -> None:
        ids, errors = table[ID].to_pylist(), table[ERROR].to_pylist()
        self.labels.update(label for label in table[LABEL].to_pylist() if label is not None)
        self.confidence += table.filter(table[ERROR].is_null())[CONFIDENCE].to_numpy().sum(dtype=float)
        unread = [f"{id}: {error}" for id, error in zip(ids, errors, strict=True) if error is not None]
        self.errors += len(unread)
        self.first_error = self.first_error or next(iter(unread), "")


def write_answers(
    parts: Sequence[Path], output: Path, form: AnswerForm, numbers: Sequence[str] = ()
) -> Summary:
    """What `scoring.score_files` left as Parquet, if `output` is called so, or CSV; whole or not at all.

    With `numbers`, class names, each label is its number among them. Raises UserError for a submission that
    would have pictures without a label.
    """
    summary = Summary()
    write = _write_parquet if output.suffix.lower() == PARQUET else _write_csv
    with writing_aside(output) as file:
        write(file, (_in_form(table, form, numbers) for table in _counted(parts, summary)))
        if summary.errors and form.format == SUBMISSION:
            raise UserError(
                f"{summary.errors:,} pictures can't be read, such as {summary.first_error}; a submission has "
                "a label for each: mend them, or take --format table, which says so of their rows"
            )
    return summary


def _counted(parts: Sequence[Path], summary: Summary) -> Iterator[pa.Table]:
    digest = growing_digest()
    for part in parts:
        table = pq.read_table(part)
        summary.count(table)
        digest.update(repr([table[ID].to_pylist(), table[DIGEST].to_pylist()]).encode())
        yield table
    summary.digest = digest.hexdigest()


def _in_form(table: pa.Table, form: AnswerForm, numbers: Sequence[str]) -> pa.Table:
    table = table.select([ID, LABEL]) if form.format == SUBMISSION else table.drop_columns([DIGEST])
    if numbers:
        number_of = {name: number for number, name in enumerate(numbers)}
        numbered = [number_of.get(label) for label in table[LABEL].to_pylist()]
        table = table.set_column(table.column_names.index(LABEL), LABEL, pa.array(numbered, pa.int64()))
    renamed = {ID: form.id_column, LABEL: form.label_column}
    return table.rename_columns([renamed.get(name, name) for name in table.column_names])


def _write_csv(file: BinaryIO, tables: Iterator[pa.Table]) -> None:
    for number, table in enumerate(tables):
        table.to_pandas(integer_object_nulls=True).to_csv(
            file, header=number == 0, index=False, lineterminator="\n"
        )


def _write_parquet(file: BinaryIO, tables: Iterator[pa.Table]) -> None:
    first = next(tables)
    with pq.ParquetWriter(file, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)
