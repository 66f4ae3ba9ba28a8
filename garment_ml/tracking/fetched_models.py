"""A logged servable taken out of the store: its files, the Keras model in them, its size and speed."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import mlflow
import numpy as np
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError
from garment_ml.tracking.models import KERAS_FILE, NAMES_FILE
from garment_ml.tracking.store import Store


@contextmanager
def downloaded(store: Store, model_uri: str) -> Iterator[Path]:
    """The model's folder, a copy that lasts as long as the block; GarmentError when it can't be had."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=model_uri, dst_path=folder, tracking_uri=store.uri
            )
        except (MlflowException, OSError) as error:
            raise GarmentError(f"the model {model_uri} can't be fetched from {store.uri}: {error}") from error
        yield Path(path)


def load_servable(store: Store, model_uri: str) -> tuple[keras.Model, tuple[str, ...]]:
    """The Keras model and its class names, in the order of its columns; GarmentError for a damaged file."""
    with downloaded(store, model_uri) as folder:
        try:
            model = keras.saving.load_model(folder / KERAS_FILE, compile=False)
            names = json.loads((folder / NAMES_FILE).read_text())
        except Exception as error:  # Keras raises whatever its readers do: ValueError, BadZipFile, KeyError
            first_line = (str(error).strip() or repr(error)).splitlines()[0]
            raise GarmentError(f"the model {model_uri} can't be loaded: {first_line}") from error
    return model, tuple(names)


def megabytes(folder: Path) -> float:
    """Size of all files below, in units of a million bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def milliseconds_per_picture(servable: keras.Model, pictures: np.ndarray, repeats: int) -> float:
    """Median over `repeats` eager calls, as the endpoint makes them, after one call to warm up."""
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        np.asarray(servable(pictures, training=False))
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[1:]) / len(pictures)
