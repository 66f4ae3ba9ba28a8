"""What every test shares: an MLflow store and caches of its own, and one tiny data set."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from garment_ml.base.quiet import quieten

pytest_plugins = ["tests.toy_fixtures"]

QUIET = ("MLFLOW_LOGGING_LEVEL", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR")

quieten()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables, to be copied: creating them takes seconds."""
    import mlflow

    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{database}").search_experiments()
    return database


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test sees the user's store, caches or MLflow variables, nor another test's."""
    for name in list(os.environ):
        if name.startswith("MLFLOW_") and name not in QUIET:
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("GARMENT_ML_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    if "mlflow" in sys.modules:
        import mlflow

        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(None)


@pytest.fixture
def store(isolated: Path, empty_store: Path) -> Path:
    """The test's own MLflow database, its tables already there."""
    return Path(shutil.copy(empty_store, isolated / "mlflow.db"))
