"""Logs a servable as a models-from-code pyfunc that needs its requirements but not this repository."""

from __future__ import annotations

import json
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from garment_ml.shipped.columns import (
    CONFIDENCE,
    HEAT_MAP,
    IMAGE,
    LABEL,
    ON_ERROR,
    RAISE,
    TOP_K,
    probability_column,
)
from garment_ml.shipped.picture_decoding import STRETCH
from garment_ml.tracking.run import TrackedRun

if TYPE_CHECKING:  # a rollback reads records and needs no Keras
    import keras

PACKAGE = Path(__file__).resolve().parents[1]
SHIPPED = PACKAGE / "shipped"
REQUIRED = ("mlflow", "tensorflow", "keras", "numpy", "pandas", "pillow")
MODEL_TAG = "garment.model_uri"
KERAS_FILE, NAMES_FILE = (
    Path("artifacts/model.keras"),
    Path("artifacts/class_names.json"),
)  # in a logged model


def log_servable(
    run: TrackedRun, servable: keras.Model, class_names: tuple[str, ...], name: str, fit: str = STRETCH
) -> str:
    """Log to the active run, as `name` in the UI's list of models; gives its address `models:/m-...`.

    `fit` is how the endpoint brings a picture of another shape to the model's.
    """
    with tempfile.TemporaryDirectory() as folder:
        keras_file, names_file = Path(folder, KERAS_FILE.name), Path(folder, NAMES_FILE.name)
        servable.save(keras_file)
        names_file.write_text(json.dumps(class_names))
        info = mlflow.pyfunc.log_model(
            name=name,
            python_model=str(SHIPPED / "endpoint_model.py"),
            artifacts={"keras_model": str(keras_file), "class_names": str(names_file)},
            model_config={"fit": fit},
            code_paths=[str(_shipped_code(Path(folder)))],
            signature=_signature(class_names),
            # given, because inferring them starts a process and takes half a minute
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIRED],
            metadata={"class_names": list(class_names), "picture_shape": list(servable.input_shape[1:])},
        )
    run.set_tags({MODEL_TAG: info.model_uri})
    return info.model_uri


def model_id(model_uri: str) -> str:
    """`m-...` of `models:/m-...`, under which MLflow keeps logged models and ranks them by their metrics."""
    return model_uri.removeprefix("models:/")


def _shipped_code(folder: Path) -> Path:
    package = folder / PACKAGE.name
    shutil.copytree(SHIPPED, package / SHIPPED.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "__init__.py", package)
    return package


def _signature(class_names: tuple[str, ...]):
    numbers = [CONFIDENCE, *map(probability_column, class_names)]
    answer = [ColSpec(DataType.string, LABEL), *(ColSpec(DataType.float, name) for name in numbers)]
    asked = [
        ParamSpec(TOP_K, DataType.long, 0),
        ParamSpec(ON_ERROR, DataType.string, RAISE),
        ParamSpec(HEAT_MAP, DataType.boolean, False),
    ]
    return ModelSignature(Schema([ColSpec(DataType.string, IMAGE)]), Schema(answer), ParamSchema(asked))
