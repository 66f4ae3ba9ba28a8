from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from garment_ml.base.command_line import make_command
from garment_ml.base.config import Config, option
from garment_ml.base.errors import GarmentError, UserError


@dataclass(frozen=True)
class Settings(Config):
    rate: float = option(0.5, "a share", maximum=1.0)
    fast: bool = option(False, "less of everything")
    epochs: int | None = option(None, "at the most", minimum=1)


def invoke(run, *arguments):
    return CliRunner().invoke(make_command(Settings, run, "What it is for."), arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), Settings()),
        (("--rate", "0.25"), Settings(rate=0.25)),
        (("--fast",), Settings(fast=True)),
        (("--fast", "False"), Settings(fast=False)),  # the form in which MLproject passes it
        (("--epochs", ""), Settings(epochs=None)),
    ],
)
def test_options_become_settings(arguments, expected):
    seen = []
    assert invoke(seen.append, *arguments).exit_code == 0
    assert seen == [expected]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rate", "2"), "Invalid value for '--rate': 2.0 is not in the range x<=1.0"),
        (("--rat", "2"), "No such option"),
        (("--fast", ""), "Invalid value for '--fast': nothing given"),
        (("--fast", "maybe"), "Invalid value for '--fast': 'maybe' is not a valid boolean"),
    ],
)
def test_a_wrong_option_ends_with_code_2_and_no_stack_trace(arguments, said):
    result = invoke(lambda settings: None, *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("row 3 has no label"), 2),
        (GarmentError("the disk is full"), 1),
        (OSError(28, "No space left on device", "/data/x"), 1),
        (KeyboardInterrupt("SIGTERM"), 130),
    ],
)
def test_a_failure_is_one_sentence_and_its_exit_code(error, code):
    def fail(settings):
        raise error

    result = invoke(fail)
    assert result.exit_code == code
    assert result.output.startswith("Error: ")
    assert len(result.output.splitlines()) == 1


def test_a_defect_of_ours_keeps_its_stack_trace():
    def fail(settings):
        raise ZeroDivisionError

    assert isinstance(invoke(fail).exception, ZeroDivisionError)


def test_help_shows_the_description_and_each_default():
    output = invoke(lambda settings: None, "--help").output
    assert "What it is for." in output
    assert "a share" in output
    assert "0.5" in output


def test_what_mlflow_raises_is_a_sentence(capsys):
    from mlflow.exceptions import MlflowException

    def run(settings):
        raise MlflowException("the store is gone\nTraceback (most recent call last): ...")

    result = invoke(run)
    assert result.exit_code == 1
    assert result.output == "Error: MLflow says: the store is gone\n"


def test_a_mistake_of_ours_keeps_its_stack_trace():
    def run(settings):
        raise KeyError("ours")

    assert isinstance(invoke(run).exception, KeyError)
