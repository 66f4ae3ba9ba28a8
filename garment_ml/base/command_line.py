"""Click commands made from config classes, and how a run that fails speaks to the person who started it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

import click

from garment_ml.base.config import Config, check_value, parse_value, value_type
from garment_ml.base.errors import GarmentError, UserError
from garment_ml.base.quiet import quieten


class SettingType(click.ParamType):
    """Parses one setting the way `Config` does, so that both say the same about the same mistake."""

    def __init__(self, config_class: type[Config], setting: Field) -> None:
        self.config_class, self.setting = config_class, setting
        self.name = value_type(config_class, setting).__name__

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        choices = self.setting.metadata["choices"]
        return f"[{'|'.join(choices)}]" if choices else self.name.upper()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            parsed = parse_value(self.config_class, self.setting, value)
            check_value(self.setting, parsed)
        except UserError as error:
            self.fail(str(error), param, ctx)
        return parsed


def make_command(
    config_class: type[Config], run: Callable[[Any], None], description: str | None
) -> click.Command:
    """A command with one option per setting, which calls `run(config)`.

    `description` is shown as it is by --help: an experiment passes its own docstring.
    """
    options: list[click.Parameter] = [
        _click_option(config_class, setting) for setting in fields(config_class)
    ]

    def invoke(**values: Any) -> None:
        with_sentences(lambda: run(config_class(**values)))

    return click.Command(
        name=run.__module__,
        callback=invoke,
        params=options,
        help="\b\n" + (description or "").replace("\n\n", "\n\n\b\n"),
        context_settings={"max_content_width": 110},
    )


def _click_option(config_class: type[Config], setting: Field) -> click.Option:
    flag: dict[str, Any] = (
        {"is_flag": False, "flag_value": "true"} if value_type(config_class, setting) is bool else {}
    )
    shown = setting.default is not None and setting.default != ""
    return click.Option(
        [f"--{setting.name.replace('_', '-')}"],
        type=SettingType(config_class, setting),
        default=setting.default,
        show_default=shown,
        help=setting.metadata["help"],
        **flag,
    )


def with_sentences(action: Callable[[], None]) -> None:
    """Run `action`; an expected failure becomes one sentence on stderr and its exit code."""
    quieten()
    try:
        action()
    except GarmentError as error:
        _stop(str(error), error.exit_code)
    except KeyboardInterrupt as interrupt:
        _stop(f"stopped ({interrupt or 'interrupted'}); what was finished is kept", 130)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _stop(f"{error.strerror or error}{where}", 1)


def _stop(sentence: str, code: int) -> None:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(code)
