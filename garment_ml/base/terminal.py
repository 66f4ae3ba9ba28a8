"""The terminal: our own lines and progress on it, other packages' notices kept off it."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from tqdm import tqdm

from garment_ml.base.secrets import without_passwords

LOGGER = logging.getLogger("garment_ml")
EpochListener = Callable[[int, dict[str, float]], None]
Advance = Callable[..., None]


class _Terminal(logging.Handler):
    """The bare message: warnings and errors to stderr, the rest to stdout, whichever these are by then."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(without_passwords(self.format(record)), err=record.levelno >= logging.WARNING)


# On import, as `say` must be heard in every process: a test's, a worker's, a Python caller's.
if not LOGGER.handlers:
    LOGGER.addHandler(_Terminal())
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False  # absl and alembic put handlers on the root logger: all would be said twice


def say(line: str = "") -> None:
    """One line, or several, for whoever started this."""
    LOGGER.info(line)


def warn(line: str) -> None:
    LOGGER.warning(line)


def quieten() -> None:
    """Before tensorflow and mlflow are imported; a variable that the user has set is left alone."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # One process would take all of a GPU, and the server that the gate starts beside it would get nothing.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # of each run that ends
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each trial is a new model: it retraces
    # The signature is given in full; MLflow would still like an example to derive one from.
    warnings.filterwarnings("ignore", message=".*An input example was not provided.*")
    # The Gaussian process of a Bayesian search says so whenever a hyperparameter hardly matters.
    warnings.filterwarnings("ignore", message=".*The optimal value found for dimension.*")


def load_tensorflow() -> None:
    """Import it without the greetings that its C++ side prints before any log level counts."""
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


@contextmanager
def progress_bar(total: int | None, title: str, unit: str) -> Iterator[Advance]:
    """Gives `advance(count=1, note="")`: a bar on a terminal, in a log a plain line at every tenth."""
    if not sys.stderr.isatty():
        yield _plain_lines(total, title, unit)
        return
    with tqdm(total=total, desc=title, unit=unit, unit_scale=unit == "B", leave=False) as bar:

        def advance(count: int = 1, note: str = "") -> None:
            bar.set_postfix_str(note, refresh=False)
            bar.update(count)

        yield advance


def _plain_lines(total: int | None, title: str, unit: str) -> Advance:
    done = 0

    def advance(count: int = 1, note: str = "") -> None:
        nonlocal done
        before, done = done, done + count
        if total and 10 * done // total > 10 * before // total:
            so_far = f"{unit} {done:,} of {total:,}"
            if unit == "B":
                so_far = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"
            say(f"{title}: {so_far} {note}".rstrip())

    return advance


@contextmanager
def epoch_bar(title: str, epochs: int) -> Iterator[EpochListener]:
    """A listener that moves the bar and shows the epoch's accuracies."""
    with progress_bar(epochs, title, "epoch") as advance:
        yield lambda epoch, logs: advance(
            note=f"train {logs['accuracy']:.3f} validation {logs['val_accuracy']:.3f}"
        )
