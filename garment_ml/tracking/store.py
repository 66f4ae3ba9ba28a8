"""Which MLflow store is used, made safe to open from anywhere and by several processes at once."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from garment_ml.errors import GarmentError, UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Store:
    """An opened store: its absolute address, a client for it, and the experiment that new runs go to."""

    uri: str
    client: "MlflowClient"
    experiment_id: str


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
    if "://" not in uri or uri.startswith("file:"):
        raise UserError(
            f"MLFLOW_TRACKING_URI={uri!r} is a plain folder, which MLflow 3 no longer writes; "
            f"use {SQLITE}/absolute/path/mlflow.db or a server's http address"
        )
    return uri


def open_store(experiment: str, of_run: str | None = None) -> Store:
    """Connect, creating store and experiment when needed; a given run's own experiment is used as it is.

    Raises GarmentError when the store can't be read or written.
    """
    import mlflow

    uri = tracking_uri()
    os.environ["MLFLOW_TRACKING_URI"] = uri  # for the processes and threads we start
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    if of_run is not None:
        return Store(uri, client, client.get_run(of_run).info.experiment_id)
    if uri.startswith(SQLITE):
        experiment_id = _open_sqlite(client, Path(uri.removeprefix(SQLITE)), experiment)
    else:
        experiment_id = _find_or_create(client, experiment, artifact_location=None)
    return Store(uri, client, experiment_id)


def _open_sqlite(client: "MlflowClient", database: Path, experiment: str) -> str:
    """Create the schema under a lock: processes that migrate a fresh file together break each other."""
    from filelock import FileLock

    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        if database.exists() and not os.access(database, os.W_OK):
            raise PermissionError(f"{database} is read-only")
        with FileLock(f"{database}.lock"):
            artifacts = (database.parent / "mlartifacts").as_uri()
            return _find_or_create(client, experiment, artifact_location=artifacts)
    except OSError as error:
        raise GarmentError(
            f"the MLflow store {database} can't be written: {error.strerror or error}; free some space "
            "or make it writable, or set MLFLOW_TRACKING_URI to another store"
        ) from error


def _find_or_create(client: "MlflowClient", name: str, artifact_location: str | None) -> str:
    from mlflow.exceptions import MlflowException

    try:
        known = client.get_experiment_by_name(name)
        if known is None:
            return client.create_experiment(name, artifact_location=artifact_location, tags=UI_HINTS)
    except MlflowException as error:
        raise GarmentError(
            f"the MLflow store {client.tracking_uri} doesn't answer: {_first_line(error)}"
        ) from error
    if known.lifecycle_stage == "deleted":
        raise UserError(f"the experiment {name!r} was deleted in MLflow; restore it or choose another name")
    return known.experiment_id


# Tell MLflow's UI which view and which ranking suit the experiment.
UI_HINTS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.experiment.primaryMetric.name": "validation_accuracy",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
