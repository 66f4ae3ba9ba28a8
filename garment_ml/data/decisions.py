"""What was decided about pictures, as read from a table such as an audit's `audit.csv`."""

from dataclasses import dataclass
from pathlib import Path

from garment_ml.base.digest import digest_of
from garment_ml.base.errors import UserError
from garment_ml.data.csv_file import CsvFile
from garment_ml.data.source_options import Problems

KEEP, DROP = "keep", "drop"
FILE, DIGEST, GROUP, DECISION = "file", "digest", "group", "decision"  # the columns that are read


@dataclass(frozen=True)
class Decision:
    """One row: `where` it is, for people, and its cells; `decision` is keep, drop, a class name or "".

    `digest` is that of the picture that was looked at, "" for whichever `file` names.
    """

    where: str
    file: str
    digest: str
    group: str
    decision: str


@dataclass(frozen=True)
class Corrections:
    """A file of decisions, the digest of its content, and how many pictures they changed."""

    path: str
    digest: str
    text: str
    decisions: tuple[Decision, ...]
    dropped: int = 0
    relabelled: int = 0
    tied: int = 0

    @property
    def dropped_files(self) -> frozenset[str]:
        return frozenset(each.file for each in self.decisions if each.decision.lower() == DROP)


def read_corrections(path: Path) -> Corrections:
    """Rows that decide nothing and name no group are passed over.

    Only `file` and `decision` must be there. Raises UserError naming file and line for what can't be read.
    """
    table = CsvFile.open(path)
    for column in (FILE, DECISION):
        if column not in table.columns:
            raise UserError(
                f"{path}: there is no column {column!r}, the first line has {', '.join(table.columns)}; "
                "expected the columns of an audit.csv"
            )
    content, problems = path.read_bytes(), Problems(skip=False, can_skip=False)
    decisions = []
    for where, cells in table.rows(problems):
        named = {column: cells.get(column, "") for column in (FILE, DIGEST, GROUP, DECISION)}
        decision = Decision(where, **named)
        if decision.decision and not decision.file:
            raise UserError(f"{where}: the decision {decision.decision!r} without a file, expected one")
        if decision.file and (decision.decision or decision.group):
            decisions.append(decision)
    if problems.left_out:
        raise UserError(f"{problems.left_out[0].where}: {problems.left_out[0].reason}; mend that line")
    text = content.decode("utf-8", errors="replace")
    return Corrections(str(path.absolute()), digest_of(content), text, tuple(decisions))
