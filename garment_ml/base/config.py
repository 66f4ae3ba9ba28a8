"""Frozen settings whose fields are the single source of the command line and of MLproject's parameters."""

import math
import shlex
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self

import click

from garment_ml.base.choose import choose
from garment_ml.base.errors import UserError


def option(
    default: Any,
    help: str,
    *,
    choices: Iterable[str] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    secret: bool = False,
) -> Any:
    """A dataclass field that is also a command-line option; `default=None` means "the recipe's own value".

    What is `secret` is no parameter in MLproject, as `mlflow run` would log it.
    """
    limits = {"choices": tuple(choices), "minimum": minimum, "maximum": maximum, "secret": secret}
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class Config:
    """Base of every entry point's settings: plain values or text in, the fields' types out.

    Raises UserError for a value that Click would refuse on the command line, naming setting and value.
    """

    def __post_init__(self) -> None:
        for setting in fields(self):
            try:
                value = read_value(type(self), setting, getattr(self, setting.name))
            except click.BadParameter as error:
                raise UserError(f"{setting.name}: {error.message}") from None
            object.__setattr__(self, setting.name, value)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from what was read somewhere; raises UserError for an unknown key, too."""
        known = {setting.name: setting for setting in fields(cls)}
        for key in values:
            choose(known, "setting", key)
        return cls(**values)

    def changed(self, names: Collection[str]) -> dict[str, Any]:
        """Of these settings the values that aren't the default."""
        known = [each for each in fields(self) if each.name in names]
        return {each.name: value for each in known if (value := getattr(self, each.name)) != each.default}


def as_options(values: Mapping[str, Any]) -> str:
    """As they would be given on the command line, ready to paste."""
    return " ".join(f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in values.items())


def value_type(config_class: type, setting: Field) -> type:
    """str, int, float or bool; an optional setting gives the type it has when it is set."""
    hint = typing.get_type_hints(config_class)[setting.name]
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not type(None))
    return hint


class FloatRange(click.FloatRange):
    """Click's lets nan through, which is neither below nor above."""

    def convert(
        self, value: Any, param: click.Parameter | None = None, ctx: click.Context | None = None
    ) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", param, ctx)
        return number


def click_type(config_class: type, setting: Field) -> click.ParamType:
    """Says what the setting may be, on the command line and in Python."""
    limits, kind = setting.metadata, value_type(config_class, setting)
    low, high = limits["minimum"], limits["maximum"]
    if limits["choices"]:
        return click.Choice(limits["choices"])
    if low is None and high is None:
        return click.types.convert_type(kind)
    return click.IntRange(low, high) if kind is int else FloatRange(low, high)


def read_value(config_class: type, setting: Field, value: Any, param: click.Parameter | None = None) -> Any:
    """What Click makes of it, save that empty text, as MLproject passes it, is "not set" and never False."""
    kind = click_type(config_class, setting)
    if value is None or value == "":
        if setting.default is None:
            return None
        if value is None or kind is click.BOOL:
            raise click.BadParameter(f"nothing given, expected a {kind.name}.", param=param)
    return kind.convert(value, param, None)
