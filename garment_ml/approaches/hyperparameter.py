"""What may be searched: plain descriptions, so that approaches know nothing of keras-tuner."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from garment_ml.base.errors import UserError

Value = float | int | str
Values = Mapping[str, Value]

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

    With neither it is fixed: part of the recipe, but not searched.
    """

    name: str
    default: Value
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()

    @property
    def searched(self) -> bool:
        return self.low is not None or len(self.choices) > 1

    def fixed(self, value: Value) -> Hyperparameter:
        return Hyperparameter(self.name, value)


def default_values(hyperparameters: tuple[Hyperparameter, ...]) -> dict[str, Value]:
    return {each.name: each.default for each in hyperparameters}


def fix(hyperparameters: tuple[Hyperparameter, ...], values: Values) -> tuple[Hyperparameter, ...]:
    """Take the named ones out of the search; None means "not given"."""
    given = {name: value for name, value in values.items() if value is not None}
    return tuple(each.fixed(given[each.name]) if each.name in given else each for each in hyperparameters)


def narrow(hyperparameters: tuple[Hyperparameter, ...], text: str) -> tuple[Hyperparameter, ...]:
    """Apply e.g. "learning_rate=1e-4:1e-2 width=32,64 dropout=0.3": a range, choices, a fixed value.

    Raises UserError naming the entry that can't be read or the unknown name.
    """
    known = {each.name: each for each in hyperparameters}
    for entry in text.split():
        name, equals, value = entry.partition("=")
        if not equals or not value:
            raise UserError(f"space: can't read {entry!r}; expected name=low:high, name=a,b,c or name=value")
        if name not in known:
            raise UserError(f"space: unknown hyperparameter {name!r}; known are: {', '.join(known)}")
        known[name] = _narrowed(known[name], value)
    return tuple(known.values())


def _narrowed(before: Hyperparameter, text: str) -> Hyperparameter:
    if ":" in text:
        low, high = (_number(before, part) for part in text.split(":", 1))
        if not low < high:
            raise UserError(f"space: {before.name}={text} is an empty range; the lower end comes first")
        if before.log and low <= 0:
            raise UserError(f"space: {before.name} is searched on a log scale; its range must begin above 0")
        default = min(max(before.default, low), high)
        return replace(before, low=low, high=high, default=default, choices=())
    values = tuple(_typed(before, part) for part in text.split(","))
    if len(values) == 1:
        return before.fixed(values[0])
    default = before.default if before.default in values else values[0]
    return Hyperparameter(before.name, default, choices=values)


def _number(hyperparameter: Hyperparameter, text: str) -> float | int:
    if isinstance(hyperparameter.default, str):
        raise UserError(f"space: {hyperparameter.name} is no number, so it has no range; give choices: a,b,c")
    return _typed(hyperparameter, text)


def _typed(hyperparameter: Hyperparameter, text: str) -> Value:
    kind = type(hyperparameter.default)
    try:
        value = kind(text)
    except ValueError:
        raise UserError(f"space: {hyperparameter.name}={text!r} is no {kind.__name__}") from None
    low, high = LIMITS.get(hyperparameter.name, (1 if kind is int else -math.inf, math.inf))
    if kind is not str and not low <= value <= high:
        raise UserError(
            f"space: {hyperparameter.name}={text} is out of bounds; it goes from {low:g} to {high:g}"
        )
    return value
