"""The checks a candidate passes before it may become champion: evidence in, verdict out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas import DataFrame

from garment_ml.comparison.opened_test_set import Predictions
from garment_ml.comparison.text_table import text_table
from garment_ml.registry.check import Check, at_most
from garment_ml.registry.endpoint_checks import endpoint_checks
from garment_ml.registry.endpoint_probe import EndpointAnswers
from garment_ml.registry.quality_checks import (
    accuracy_against,
    calibration,
    incomparable_champion,
    no_champion,
    recall_of_every_class,
)
from garment_ml.registry.thresholds import Thresholds


@dataclass(frozen=True)
class ChampionEvidence:
    """The champion on the candidate's test part, or why it can't be judged on it."""

    title: str
    predictions: Predictions | None
    failure: str = ""


@dataclass(frozen=True)
class Evidence:
    """All that is measured of a candidate; `champion` is None where there is none."""

    class_names: tuple[str, ...]
    predictions: Predictions
    champion: ChampionEvidence | None
    megabytes: float
    answers: EndpointAnswers


@dataclass(frozen=True)
class Verdict:
    """What the gate says about a version, and which version was champion when it said so."""

    version: str
    champion: str | None
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def refused(self) -> tuple[str, ...]:
        return tuple(check.name for check in self.checks if check.passed is False)


def judge(evidence: Evidence, thresholds: Thresholds) -> tuple[Check, ...]:
    """Every check, whether or not an earlier one failed."""
    return (
        _accuracy(evidence, thresholds.margin),
        recall_of_every_class(evidence.predictions, evidence.class_names, thresholds.lowest_recall),
        calibration(evidence.predictions, thresholds.highest_calibration_error),
        at_most(
            "size_megabytes", evidence.megabytes, thresholds.largest_size, "all files of the logged model"
        ),
        *endpoint_checks(
            evidence.answers, evidence.predictions.reference, evidence.class_names, thresholds.longest_latency
        ),
    )


def _accuracy(evidence: Evidence, margin: float) -> Check:
    champion = evidence.champion
    if champion is None:
        return no_champion(margin)
    if champion.predictions is None:
        return incomparable_champion(margin, champion.failure)
    return accuracy_against(evidence.predictions, champion.predictions, margin, champion.title)


def checks_table(checks: Sequence[Check]) -> DataFrame:
    """Columns check, value (empty where there is none), bound, threshold, verdict, detail."""
    return pd.DataFrame(
        {
            "check": [check.name for check in checks],
            "value": [None if np.isnan(check.value) else check.value for check in checks],
            "bound": [check.bound for check in checks],
            "threshold": [check.threshold for check in checks],
            "verdict": [check.verdict for check in checks],
            "detail": [check.detail for check in checks],
        }
    )


def verdict_text(verdict: Verdict) -> str:
    """The table of checks for a terminal, each detail on a line of its own."""
    rows = []
    for check in verdict.checks:
        value = "-" if np.isnan(check.value) else f"{check.value:.6g}"
        rows.append((check.name, value, f"{check.bound} {check.threshold:g}", check.verdict))
    lines = text_table(("check", "value", "needed", "verdict"), rows, right=(1,)).splitlines()
    details = [f"    {check.detail}" for check in verdict.checks]
    body = [line for pair in zip(lines[1:], details, strict=True) for line in pair]
    return "\n".join([lines[0], *body])
