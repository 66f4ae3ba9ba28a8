"""The files of a logged model, for who serves them as they are: no Keras is needed to have them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.tracking.store import Store


@contextmanager
def fetched(store: Store, model_uri: str) -> Iterator[Path]:
    """The model's folder, a copy that lasts as long as the block; GarmentError when it can't be had."""
    if not model_uri.startswith(("models:/", "runs:/")):
        raise UserError(f"the model {model_uri!r} is no address that begins with models:/ or runs:/")
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=model_uri, dst_path=folder, tracking_uri=store.uri
            )
        except (MlflowException, OSError) as error:
            raise GarmentError(f"the model {model_uri} can't be fetched from {store.uri}: {error}") from error
        yield Path(path)
