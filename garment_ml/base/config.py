"""Frozen settings whose fields are the single source of the command line and of MLproject's parameters."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self

from garment_ml.base.errors import UserError

TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def option(
    default: Any,
    help: str,
    *,
    choices: Iterable[str] = (),
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """A dataclass field that is also a command-line option; `default=None` means "the recipe's own value"."""
    limits = {"choices": tuple(choices), "minimum": minimum, "maximum": maximum}
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class Config:
    """Base of every entry point's settings; refuses values that are out of range, naming what it got."""

    def __post_init__(self) -> None:
        for setting in fields(self):
            check_value(setting, getattr(self, setting.name))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values or text; raises UserError for an unknown key or a value of another type."""
        known = {setting.name: setting for setting in fields(cls)}
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"
                raise UserError(f"unknown setting {key!r}; {hint}")
        return cls(**{key: parse_value(cls, known[key], value) for key, value in values.items()})


def value_type(config_class: type, setting: Field) -> type:
    """str, int, float or bool; an optional setting gives the type it has when it is set."""
    hint = typing.get_type_hints(config_class)[setting.name]
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


def parse_value(config_class: type, setting: Field, value: Any) -> Any:
    """Turn command-line text into the setting's type; empty text means "not set" where that is possible."""
    kind = value_type(config_class, setting)
    if value is None or (value == "" and (kind is not str or setting.default is None)):
        if setting.default is None:
            return None
        raise UserError(f"{setting.name}: nothing given, expected {kind.__name__}")
    if kind is bool:
        return _parse_boolean(setting.name, value)
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise UserError(f"{setting.name}: {value!r} is no {kind.__name__}") from None


def _parse_boolean(name: str, value: Any) -> bool:
    text = str(value).lower()
    if text not in TRUE + FALSE:
        raise UserError(f"{name}: {value!r} is neither true nor false")
    return text in TRUE


def check_value(setting: Field, value: Any) -> None:
    """Raise UserError when `value` is not among the setting's choices or outside its range."""
    limits = setting.metadata
    if value is None or not limits:
        return
    if limits["choices"] and value not in limits["choices"]:
        raise UserError(f"{setting.name}: unknown {value!r}; choose one of: {', '.join(limits['choices'])}")
    low, high = limits["minimum"], limits["maximum"]
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        below = "" if high is None else f" and at most {high}"
        raise UserError(f"{setting.name}: {value} is out of range, expected at least {low}{below}")
