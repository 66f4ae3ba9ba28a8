"""What every test shares: an MLflow store and caches of its own, and one tiny data set."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax

from garment_ml.base.terminal import quieten

pytest_plugins = ["tests.toy_fixtures", "tests.tracking_server"]

QUIET = ("MLFLOW_LOGGING_LEVEL", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR")

quieten()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lives", type=int, default=3, help="of tests/end_to_end/test_kills.py")


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


@pytest.fixture(scope="session")
def spark():
    """One session for all tests of a process; Java takes seconds to come up."""
    pytest.importorskip("pyspark", reason="the extra spark is not installed")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("there is no Java")
    from garment_ml.operations.spark_session import spark_session

    with spark_session() as session:
        yield session


@pytest.fixture
def predictions():
    """Makes labels drawn from the very probabilities that sharpness 1 gives; above 1 is over-confident."""

    def make(pictures=2000, classes=6, sharpness=1.0, seed=0):
        random = np.random.default_rng(seed)
        logits = random.normal(0, 2, (pictures, classes))
        chances = softmax(logits, axis=1).cumsum(axis=1)
        labels = (random.random((pictures, 1)) > chances[:, :-1]).sum(axis=1)
        return labels, softmax(sharpness * logits, axis=1).astype(np.float32)

    return make
