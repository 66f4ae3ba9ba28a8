"""What the benchmarks found as one table in Markdown, under what it was measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

VERSIONS = ("tensorflow", "keras", "mlflow", "keras-tuner")


@dataclass(frozen=True)
class Row:
    """One benchmark; of one that failed `lines` are the last that it printed."""

    command: str
    seconds: float
    lines: Sequence[str]
    failed: bool = False

    def __str__(self) -> str:
        shown = "<br>".join(_as_cell(line) for line in self.lines)
        verdict = "**failed**<br>" if self.failed else ""
        return f"| `{self.command}` | {self.seconds / 60:.1f} | {verdict}{shown} |"


def _as_cell(line: str) -> str:
    """A line in a table's cell, its columns still under each other."""
    escaped = line.replace("|", "\\|").replace("`", "'")
    return f"`{escaped}`" if escaped.strip() else ""


def summary(environment: Sequence[str], rows: Sequence[Row]) -> str:
    table = ["| benchmark | minutes | result |", "|---|---|---|", *map(str, rows)]
    return "\n".join(["# Benchmarks", "", *(f"- {line}" for line in environment), "", *table, ""])


def environment_lines() -> list[str]:
    """Machine, versions, commit and date."""
    from benchmarks.contenders.autokeras_environment import AUTOKERAS
    from garment_ml.tracking.facts import environment

    found = environment()
    python = f"python {found['version.python']}"
    versions = [python, *(f"{name} {found[f'version.{name}']}" for name in VERSIONS)]
    commit = found.get("mlflow.source.git.commit", "none")
    changed = ", with changes" if found["git.changed"] == "True" else ""
    return [
        f"machine: {found['hardware']}",
        f"versions: {', '.join(versions)}, autokeras {AUTOKERAS}",
        f"commit: {commit}{changed}",
        f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]
