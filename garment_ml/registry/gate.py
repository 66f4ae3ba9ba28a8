"""What a candidate has to pass before it may become champion: evidence in, verdict out."""

import math
from dataclasses import dataclass

import pandas as pd

from garment_ml.registry.checks import CHECKS, Check, CheckVerdict
from garment_ml.registry.evidence import Evidence
from garment_ml.registry.thresholds import Thresholds


@dataclass(frozen=True)
class Finding:
    """One check's answer; `value` is NaN where there is no number."""

    name: str
    value: float
    bound: str
    threshold: float
    verdict: CheckVerdict
    detail: str

    @property
    def shown(self) -> str:
        return "-" if math.isnan(self.value) else f"{self.value:.6g}"

    @property
    def needed(self) -> str:
        return f"{self.bound} {self.threshold:g}"


@dataclass(frozen=True)
class Verdict:
    """What the gate says about a version, and which version was champion when it said so."""

    version: str
    champion: str | None
    checks: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(check.verdict == "passed" for check in self.checks)

    @property
    def refused(self) -> tuple[str, ...]:
        return tuple(check.name for check in self.checks if check.verdict == "REFUSED")


def judge(evidence: Evidence, thresholds: Thresholds) -> tuple[Finding, ...]:
    """Every check, whether or not an earlier one failed."""
    return tuple(_judge(check, evidence, thresholds) for check in CHECKS)


def _judge(check: Check, evidence: Evidence, thresholds: Thresholds) -> Finding:
    threshold = check.threshold(thresholds)
    value, detail = check.measure(evidence)
    if isinstance(value, str):
        return Finding(check.name, math.nan, check.bound, threshold, value, detail)
    fulfilled = value >= threshold if check.bound == "at least" else value <= threshold
    verdict: CheckVerdict = "passed" if fulfilled else "REFUSED"
    return Finding(check.name, float(value), check.bound, threshold, verdict, detail)


def verdict_text(verdict: Verdict) -> str:
    """The table of checks for a terminal, each detail on a line of its own."""
    cells = [(check.shown, check.needed, check.verdict) for check in verdict.checks]
    table = pd.DataFrame(
        cells,
        index=[check.name for check in verdict.checks],
        columns=pd.Index(["value", "needed", "verdict"], name="check"),
    )
    header, *lines = table.to_string().splitlines()
    details = [f"    {check.detail}" for check in verdict.checks]
    return "\n".join([header, *(f"{line}\n{detail}" for line, detail in zip(lines, details, strict=True))])
