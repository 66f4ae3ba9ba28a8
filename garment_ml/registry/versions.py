"""Registered versions of the classifier: made, looked up, and the aliases that say which one answers."""

from collections.abc import Sequence

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import UserError
from garment_ml.registry.thresholds import REGISTERED_MODEL
from garment_ml.shipped.columns import probability_column
from garment_ml.tracking.lock import store_lock
from garment_ml.tracking.models import model_id
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.store import MISSING, TAKEN, Store, tolerating

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


def register(store: Store, model_uri: str, run_id: str, name: str = REGISTERED_MODEL) -> ModelVersion:
    """A version for this model; registering it a second time gives the first one's version again."""
    with store_lock(store, name):
        _create_registered_model(store, name)
        for version in store.client.search_model_versions(f"name = {_quoted(name)}"):
            if version.source == model_uri:
                return version
        # Without model_id a tracking server over HTTP refuses a source of the form models:/m-...
        return store.client.create_model_version(name, model_uri, run_id=run_id, model_id=model_id(model_uri))


def find_version(store: Store, candidate: str, name: str = REGISTERED_MODEL) -> ModelVersion:
    """By version number, or by the address `models:/m-...` of a logged model, which is registered if need be.

    Raises UserError for one that isn't there.
    """
    try:
        if candidate.isdigit():
            return store.client.get_model_version(name, candidate)
        model = store.client.get_logged_model(model_id(candidate))
    except MlflowException as error:
        raise UserError(
            f"candidate {candidate!r} is neither a version of {name!r} nor the address models:/m-... of a "
            f"model in {store.uri}: {error.message}"
        ) from error
    return register(store, model.model_uri, model.source_run_id, name)


def aliased(store: Store, alias: str, name: str = REGISTERED_MODEL) -> ModelVersion | None:
    """The version that carries the alias."""
    with tolerating("INVALID_PARAMETER_VALUE", MISSING):  # no such alias, no such registered model
        return store.client.get_model_version_by_alias(name, alias)
    return None


def pinned(store: Store, model_uri: str) -> str:
    """`models:/name/version` for `models:/name@alias` and `models:/name/latest`: what is asked is recorded.

    Any other address is given back. UserError when no version carries the alias.
    """
    name, at, alias = model_uri.removeprefix("models:/").partition("@")
    if model_uri.endswith("/latest"):
        name, alias = name.removesuffix("/latest"), "latest"
        found = store.client.search_model_versions(f"name = {_quoted(name)}")
        version = max(found, key=lambda each: int(each.version), default=None)
    elif not at:
        return model_uri
    else:
        version = aliased(store, alias, name)
    if version is None:
        raise UserError(f"no version of {name!r} is {alias!r} in {store.uri}; promote one, or give --model")
    return f"models:/{name}/{version.version}"


def logged_model_id(store: Store, model_uri: str) -> str:
    """`m-...` of a registered version or of the address of a logged model."""
    version = _version_at(store, model_uri)
    return model_id(version.source if version else model_uri)


def check_comparable(store: Store, class_names: Sequence[str], name: str) -> None:
    """Ahead of the work: UserError where the champion knows other classes, so that no gate compares."""
    champion = aliased(store, CHAMPION, name)
    if champion is None:
        return
    try:
        answers = mlflow.models.get_model_info(champion.source).signature.outputs.input_names()
    except (MlflowException, OSError):  # a champion that is damaged is the gate's business
        return
    missing = [each for each in class_names if probability_column(each) not in answers]
    if missing:
        raise UserError(
            f"the champion of {name!r} doesn't know {missing[0]!r}, one of these classes: it is a model of "
            "other pictures and nothing to compare with; give these a model of their own with --name"
        )


def card_of(store: Store, model_uri: str) -> str:
    """What the registry says of `models:/name/version`, as Markdown; "" of any other address."""
    version = _version_at(store, model_uri)
    return (version.description or "") if version else ""


def _version_at(store: Store, model_uri: str) -> ModelVersion | None:
    """The one at `models:/name/version`; none at the address of a logged model."""
    name, _, version = model_uri.removeprefix("models:/").rpartition("/")
    return store.client.get_model_version(name, version) if name and version.isdigit() else None


def refit_of(store: Store, version: ModelVersion) -> Refit:
    """The training that made it; UserError when its run is none, or was deleted."""
    try:
        run = store.client.get_run(version.run_id)
        if run.info.lifecycle_stage == "deleted":
            raise UserError(f"run {version.run_id}, which made version {version.version}, was deleted")
        return Refit.of(run)
    except MlflowException as error:
        raise UserError(
            f"run {version.run_id}, which made version {version.version}, can't be read: {error.message}"
        ) from error
    except KeyError as error:
        raise UserError(
            f"version {version.version} comes from run {version.run_id}, which is no refit: "
            f"it doesn't record {error}"
        ) from error


def _quoted(name: str) -> str:
    """For MLflow's filters, which have no way to escape a quote."""
    return f'"{name}"' if "'" in name else f"'{name}'"


def _create_registered_model(store: Store, name: str) -> None:
    with tolerating(TAKEN):
        store.client.create_registered_model(name)
