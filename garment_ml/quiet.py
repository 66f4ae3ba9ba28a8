"""Keeps other packages' notices off the terminal, so that what we say there can be read."""

import logging
import os
import warnings


def quieten() -> None:
    """Before tensorflow and mlflow are imported; a variable that the user has set is left alone."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # The signature is given in full; MLflow would still like an example to derive one from.
    warnings.filterwarnings("ignore", message=".*An input example was not provided.*")
