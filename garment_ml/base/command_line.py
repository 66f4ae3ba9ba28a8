"""Click commands made from config classes, and how a run that fails speaks to the person who started it."""

import signal
import sys
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

import click

from garment_ml.base.config import Config, click_type, read_value, value_type
from garment_ml.base.errors import GarmentError, first_line
from garment_ml.base.terminal import LOGGER, quieten


class SettingOption(click.Option):
    """One setting as an option, read as `Config` reads it."""

    def __init__(self, config_class: type[Config], setting: Field) -> None:
        self.config_class, self.setting = config_class, setting
        boolean = value_type(config_class, setting) is bool
        flag: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if boolean else {}
        super().__init__(
            [f"--{setting.name.replace('_', '-')}"],
            type=click_type(config_class, setting),
            default=setting.default,
            show_default=setting.default is not None and setting.default != "",
            help=setting.metadata["help"],
            **flag,
        )

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        return read_value(self.config_class, self.setting, value, self)


def make_command(
    config_class: type[Config], run: Callable[[Any], None], description: str | None
) -> click.Command:
    """A command with one option per setting, which calls `run(config)`.

    `description` is shown as it is by --help: an experiment passes its own docstring.
    """
    options: list[click.Parameter] = [SettingOption(config_class, each) for each in fields(config_class)]

    def invoke(**values: Any) -> None:
        with_sentences(lambda: run(config_class(**values)))

    return click.Command(
        name=run.__module__,
        callback=invoke,
        params=options,
        help="\b\n" + (description or "").replace("\n\n", "\n\n\b\n"),
        context_settings={"max_content_width": 110},
    )


def with_sentences(action: Callable[[], None]) -> None:
    """Run `action`; an expected failure becomes one sentence on stderr and its exit code."""
    quieten()
    try:
        action()
    except GarmentError as error:
        _stop(str(error), error.exit_code)
    except KeyboardInterrupt as interrupt:
        _stop(f"stopped ({str(interrupt) or 'interrupted'}); what was finished is kept", 130)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _stop(f"{error.strerror or error}{where}", 1)
    except Exception as error:
        if type(error).__module__ != "mlflow.exceptions":  # by name: a menu must not import mlflow
            raise
        _stop(f"MLflow says: {first_line(error, 500)}", 1)


def exit_on_sigterm() -> None:
    """As Python does on Ctrl-C: with what was opened, and processes that were started, closed on the way."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _stop(sentence: str, code: int) -> None:
    LOGGER.error(f"Error: {sentence}")
    sys.exit(code)
