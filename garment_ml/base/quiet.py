"""Keeps other packages' notices off the terminal, so that what we say there can be read."""

from __future__ import annotations

import logging
import os
import sys
import warnings


def quieten() -> None:
    """Before tensorflow and mlflow are imported; a variable that the user has set is left alone."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
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
