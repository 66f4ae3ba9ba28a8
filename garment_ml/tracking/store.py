"""Which MLflow store is used, made safe to open from anywhere and by several processes at once."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Experiment, Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from garment_ml.base.errors import GarmentError, UserError, first_line

SQLITE = "sqlite:///"
SERVERS, DATABASES = ("http", "https", "databricks"), ("postgresql", "mysql", "mssql")
ARTIFACT_ROOT = "MLFLOW_DEFAULT_ARTIFACT_ROOT"  # as `mlflow server` calls it


@dataclass(frozen=True)
class Store:
    """An opened store: its absolute address, a client for it, and the experiment that new runs go to."""

    uri: str
    client: MlflowClient
    experiment_id: str

    def find(self, condition: str) -> list[Run]:
        """This experiment's runs that fulfil an MLflow filter, the latest first."""
        found: list[Run] = []
        page: Any = None
        while page is None or page.token:
            token = page.token if page else None
            page = self.client.search_runs([self.experiment_id], condition, page_token=token)
            found += page
        return found


MISSING, TAKEN = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"


@contextmanager
def tolerating(*codes: str) -> Iterator[None]:
    """MLflow's errors of these codes end the block, and nothing else; others are raised."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in codes:
            raise


def project_root() -> Path:
    """The folder that holds MLproject; the current one when the package runs from elsewhere."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "MLproject").exists() else Path.cwd()


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or mlflow.db at the project root; SQLite paths made absolute.

    A relative SQLite address would mean another file in every process that starts elsewhere.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{project_root() / 'mlflow.db'}"
    if uri.startswith(SQLITE):
        return SQLITE + str(Path(uri.removeprefix(SQLITE)).absolute())
    use = f"use {SQLITE}/absolute/path/mlflow.db or a server's http address"
    if uri == "databricks" or ("://" in uri and _scheme(uri) in (*SERVERS, *DATABASES)):
        return uri
    if "://" not in uri or uri.startswith("file:"):
        raise UserError(
            f"MLFLOW_TRACKING_URI={uri!r} is a plain folder, which MLflow 3 no longer writes; {use}"
        )
    known = ", ".join(("sqlite", *SERVERS, *DATABASES))
    raise UserError(f"MLFLOW_TRACKING_URI={uri!r} is none of the kinds {known}; {use}")


def _scheme(uri: str) -> str:
    """`postgresql` of `postgresql+psycopg2://...`."""
    return uri.partition(":")[0].partition("+")[0]


def open_store(experiment: str, of_run: str | None = None) -> Store:
    """Connect, creating store and experiment when needed; a given run's own experiment is used as it is.

    Raises GarmentError when the store can't be read or written.
    """
    uri = tracking_uri()
    os.environ["MLFLOW_TRACKING_URI"] = uri  # for the processes and threads we start
    os.environ.setdefault(
        "MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS", "1"
    )  # unset, each run's end waits a second
    mlflow.set_tracking_uri(uri)
    if not uri.startswith(SQLITE):
        root = os.environ.get(ARTIFACT_ROOT) if _scheme(uri) in DATABASES else None
        return _connect(uri, experiment, of_run, root)
    database = Path(uri.removeprefix(SQLITE))
    with _writable(database):
        return _connect(uri, experiment, of_run, (database.parent / "mlartifacts").as_uri())


@contextmanager
def _writable(database: Path) -> Iterator[None]:
    """Hold the store's lock: processes that create the schema of a fresh file together break each other."""
    lock = Path(f"{database}.lock")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()  # FileLock would wait for ever where no file can be made
        with FileLock(lock):
            if not database.exists() or database.stat().st_size == 0:
                _create(database)
            _check_writable(database)
            yield
    except (OSError, sqlite3.Error) as error:
        raise GarmentError(
            f"the MLflow store {database} can't be written: {_reason(error)}; free some space "
            "or make it writable, or set MLFLOW_TRACKING_URI to another store"
        ) from error


def _create(database: Path) -> None:
    """Aside, then renamed: of a process killed between two tables MLflow could never open what is left."""
    aside = Path(f"{database}.partial")
    aside.unlink(missing_ok=True)
    _check_writable(aside)
    _connect(f"{SQLITE}{aside}", "Default", None, artifact_location=None)
    os.replace(aside, database)


def _check_writable(database: Path) -> None:
    """MLflow would try a file it can't write for a minute."""
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")


def _reason(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _connect(uri: str, experiment: str, of_run: str | None, artifact_location: str | None) -> Store:
    try:
        client = mlflow.MlflowClient(uri)  # creates a database's schema
        known = _find(client, experiment, of_run)
        if _scheme(uri) in DATABASES:
            _check_shared(known.artifact_location if known else artifact_location, experiment)
        if known is None:
            return Store(uri, client, client.create_experiment(experiment, artifact_location, UI_HINTS))
    except (MlflowException, SQLAlchemyError, ImportError) as error:  # the last: no driver for the database
        raise GarmentError(f"the MLflow store {uri} can't be used: {first_line(error)}") from error
    if known.lifecycle_stage == "deleted":
        raise UserError(
            f"the experiment {known.name!r} was deleted in MLflow; restore it or choose another name"
        )
    return Store(uri, client, known.experiment_id)


def _find(client: MlflowClient, experiment: str, of_run: str | None) -> Experiment | None:
    if of_run is not None:
        return client.get_experiment(client.get_run(of_run).info.experiment_id)
    return client.get_experiment_by_name(experiment)


def _check_shared(artifact_location: str | None, experiment: str) -> None:
    """A database on a network is for several machines: artifacts must not lie in a folder of one of them."""
    if artifact_location and artifact_location.startswith("mlflow-artifacts:"):
        raise UserError(
            f"the artifacts of experiment {experiment!r} go through a tracking server: set "
            "MLFLOW_TRACKING_URI to its address instead of its database"
        )
    root = os.environ.get(ARTIFACT_ROOT)
    is_local = artifact_location is None or _scheme(artifact_location) in ("file", artifact_location)
    if is_local and not (root and artifact_location and artifact_location.startswith(root)):
        raise UserError(
            f"the artifacts of experiment {experiment!r} would lie in "
            f"{artifact_location or 'a folder of this machine'}, and the "
            f"store is a database for several: set {ARTIFACT_ROOT} to a place that all who use it can reach, "
            "such as s3://bucket/mlflow or a shared folder, or start `mlflow server` and use its address"
        )


# Tell MLflow's UI which view and which ranking suit the experiment.
UI_HINTS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "validation_accuracy",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
}
