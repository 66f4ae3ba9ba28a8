"""A logged servable taken out of the store: the Keras model in its files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import keras
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from garment_ml.base.errors import GarmentError, UserError, first_line
from garment_ml.tracking.fetched_files import fetched
from garment_ml.tracking.models import KERAS_FILE, MODEL_TAG, NAMES_FILE
from garment_ml.tracking.refit_record import Refit, median_refit, missing_tags
from garment_ml.tracking.run import KIND_TAG, PARENT_TAG, TrackedRun
from garment_ml.tracking.store import Store


@dataclass(frozen=True, eq=False)
class Servable:
    """A logged model with what it needs to be asked: class names in the order of its columns, and its `fit`,
    which says how pictures of another shape are brought to its own.
    """

    model: keras.Model
    class_names: tuple[str, ...]
    fit: str


def fetch_servable(store: Store, model_uri: str) -> Servable:
    """GarmentError for what can't be fetched, and for a damaged file."""
    with fetched(store, model_uri) as folder:
        try:
            model = keras.saving.load_model(folder / KERAS_FILE, compile=False)
            names = json.loads((folder / NAMES_FILE).read_text())
            fit = Model.load(folder).flavors["python_function"]["config"]["fit"]
        except Exception as error:  # Keras raises whatever its readers do: ValueError, BadZipFile, KeyError
            reason = first_line(error, longest=None)
            raise GarmentError(f"the model {model_uri} can't be loaded: {reason}") from error
    return Servable(model, tuple(names), fit)


def servable_of_run(run: TrackedRun, run_id: str, class_names: Sequence[str]) -> keras.Model:
    """What run `run_id` logged; of a run that holds several refits, the median one.

    Raises UserError when there is no such run, it has no model, or its model knows other classes.
    """
    found = fetch_servable(run.store, _model_uri(run, run_id))
    if found.class_names != tuple(class_names):
        raise UserError(
            f"the model of run {run_id} was trained on the classes {', '.join(found.class_names)}, these "
            f"pictures are of {', '.join(class_names)}; choose a run that was trained on these"
        )
    return found.model


def _model_uri(run: TrackedRun, run_id: str) -> str:
    try:
        found = run.client.get_run(run_id)
    except MlflowException:
        raise UserError(f"there is no run {run_id!r} in {run.store.uri}") from None
    if MODEL_TAG in found.data.tags:
        return found.data.tags[MODEL_TAG]
    nested = run.find(f"tags.`{PARENT_TAG}` = '{run_id}' and tags.`{KIND_TAG}` = 'refit'")
    refits = [Refit.of(each) for each in nested if each.info.status == "FINISHED" and not missing_tags(each)]
    if not refits:
        raise UserError(f"run {run_id} has logged no model; give the run of a finished training")
    return median_refit(refits).model_uri
