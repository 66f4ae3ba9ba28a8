"""One question the gate asks, with its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Bound = Literal["at least", "at most"]


@dataclass(frozen=True)
class Check:
    """`passed` is None where there was nothing to measure because an earlier check failed.

    `value` is NaN where there is no number; it has to be at least or at most (`bound`) the threshold.
    """

    name: str
    value: float
    bound: Bound
    threshold: float
    passed: bool | None
    detail: str

    @property
    def verdict(self) -> str:
        return {True: "passed", False: "REFUSED", None: "not measured"}[self.passed]


def at_least(name: str, value: float, threshold: float, detail: str) -> Check:
    return Check(name, value, "at least", threshold, bool(value >= threshold), detail)


def at_most(name: str, value: float, threshold: float, detail: str) -> Check:
    return Check(name, value, "at most", threshold, bool(value <= threshold), detail)
