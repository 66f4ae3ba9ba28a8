"""What may be searched: plain descriptions, so that approaches know nothing of keras-tuner."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from garment_ml.base.errors import UserError

Value = float | int | str
Values = Mapping[str, Any]  # the name decides whether it is a number, a whole one or text

# Beyond these no training makes sense; without an entry, a whole number must be at least 1.
LIMITS = {
    "learning_rate": (1e-9, math.inf),
    "dropout": (0.0, 0.95),
    "weight_decay": (0, 1),
    "augmentation": (0, 1),
}


@dataclass(frozen=True)
class Hyperparameter:
    """A default with either a range (`low` to `high`, on a log scale if `log`) or `choices`.

    With neither, or when it is `fixed`, it is part of the recipe but not searched.
    """

    name: str
    default: Value
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()
    fixed: bool = False

    @property
    def searched(self) -> bool:
        return not self.fixed and (self.low is not None or len(self.choices) > 1)

    @property
    def space(self) -> str:
        """What is tried, in the words of `narrow`: a range, choices or one value."""
        if not self.searched:
            return str(self.default)
        return ",".join(map(str, self.choices)) if self.choices else f"{self.low}:{self.high}"


def default_values(hyperparameters: tuple[Hyperparameter, ...]) -> dict[str, Value]:
    return {each.name: each.default for each in hyperparameters}


def check_bounds(name: str, value: Value) -> None:
    """Raise UserError for a value beyond the hyperparameter's limits; text has none."""
    if isinstance(value, str):
        return
    low, high = LIMITS.get(name, (1 if isinstance(value, int) else -math.inf, math.inf))
    if not low <= value <= high:
        raise UserError(f"{name}={value:g} is out of bounds; it goes from {low:g} to {high:g}")


def parse_space(text: str, short: Mapping[str, Value | None] | None = None) -> dict[str, str]:
    """Read e.g. "learning_rate=1e-4:1e-2 width=32,64" as {name: what to try}.

    `short` are values given by options of their own; None means "not given". Raises UserError for an entry
    that can't be read and for a name that is given twice.
    """
    entries = {name: str(value) for name, value in (short or {}).items() if value is not None}
    options = {name: f"--{name.replace('_', '-')} {value}" for name, value in entries.items()}
    for entry in text.split():
        name, equals, value = entry.partition("=")
        if not equals or not value:
            raise UserError(f"space: can't read {entry!r}; expected name=low:high, name=a,b,c or name=value")
        if name in entries:
            before = options.get(name, f"--space {name}={entries[name]}")
            raise UserError(f"{name} is given twice: {before} and --space {entry}; leave one out")
        entries[name] = value
    return entries


def narrow(
    hyperparameters: tuple[Hyperparameter, ...], entries: Mapping[str, str]
) -> tuple[Hyperparameter, ...]:
    """Apply what `parse_space` has read: for each name a range, choices or a fixed value.

    Raises UserError for an unknown name and for what the hyperparameter can't be.
    """
    known = {each.name: each for each in hyperparameters}
    for name, text in entries.items():
        if name not in known:
            raise UserError(f"space: unknown hyperparameter {name!r}; known are: {', '.join(known)}")
        known[name] = _narrowed(known[name], text)
    return tuple(known.values())


def _narrowed(before: Hyperparameter, text: str) -> Hyperparameter:
    if ":" in text:
        return _within(before, text)
    values = tuple(_typed(before, part) for part in text.split(","))
    if len(values) == 1:
        return replace(before, default=values[0], fixed=True)
    default = before.default if before.default in values else values[0]
    return replace(before, default=default, low=None, high=None, choices=values, fixed=False)


def _within(before: Hyperparameter, text: str) -> Hyperparameter:
    if isinstance(before.default, str):
        raise UserError(f"{before.name} is no number, so it has no range; give choices: a,b,c")
    low, high = (_typed(before, part) for part in text.split(":", 1))
    if not low < high:
        raise UserError(f"{before.name}={text} is an empty range; the lower end comes first")
    if before.log and low <= 0:
        raise UserError(f"{before.name} is searched on a log scale; its range must begin above 0")
    default = min(max(before.default, low), high)
    return replace(before, default=default, low=low, high=high, choices=(), fixed=False)


def _typed(hyperparameter: Hyperparameter, text: str) -> Any:
    kind = type(hyperparameter.default)
    try:
        value = kind(text)
    except ValueError:
        raise UserError(f"{hyperparameter.name}={text!r} is no {kind.__name__}") from None
    check_bounds(hyperparameter.name, value)
    return value
