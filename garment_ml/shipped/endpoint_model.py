"""What runs behind the endpoint; MLflow stores this file with the model and runs it as it is.

It must not need more of this repository than the files shipped beside it (see `tracking.models`).
"""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import keras
import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model, set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from garment_ml.shipped.answers import answer_table, with_errors
from garment_ml.shipped.base64_text import encode_picture, read_base64
from garment_ml.shipped.columns import HEAT_MAP, IMAGE, ON_ERROR, ON_ERRORS, RAISE, REPORT, TOP_K
from garment_ml.shipped.compiled import compiled
from garment_ml.shipped.features import with_features
from garment_ml.shipped.heat_maps import HeatMaps
from garment_ml.shipped.picture_decoding import PAD, decode_picture, open_picture, without_margins
from garment_ml.shipped.recording import recorder

AT_ONCE = 256  # pictures decoded and answered together: what a request needs of memory beside its text
MOST_ROWS = 10_000  # of a request; as many as a Spark batch has
MOST_HEAT_MAPS = 64  # each costs many times what its answer does
LARGE = 500_000  # characters of base64, from which decoding on all cores is worth its threads


class GarmentClassifier(mlflow.pyfunc.PythonModel):
    """Column `image` (base64 of a PNG, JPEG, ...) in; `label`, `confidence`, `probability_<class>` out.

    Parameters of a request: `top_k`, the so many likeliest classes instead of all probabilities; `on_error`,
    `raise` for status 400 where a row can't be read, or `report` for its reason in a column `error`;
    `heat_map`, a column `heat_map` with base64 of a grey PNG of what spoke for the label.
    """

    def load_context(self, context: Any) -> None:
        model = keras.saving.load_model(context.artifacts["keras_model"], compile=False)
        with open(context.artifacts["class_names"]) as file:
            self.class_names = json.load(file)
        self.height, self.width, self.channels = model.input_shape[1:]
        self.fit = context.model_config["fit"]
        self.threads = ThreadPoolExecutor(os.cpu_count())
        folder = Path(context.artifacts["keras_model"]).parents[1]
        self.recorder = recorder(str(Model.load(folder).model_id), self.class_names)
        self.model, self.answer = model, compiled(with_features(model) if self.recorder else model)
        self.answer(np.zeros((1, *model.input_shape[1:]), np.uint8))  # compiles it: no request waits for that

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        asked = _asked(params or {})
        texts = _texts(model_input, MOST_HEAT_MAPS if asked.heat_map else MOST_ROWS)
        probabilities = np.full((len(texts), len(self.class_names)), np.nan, np.float32)
        heat_maps = np.full(len(texts), None, object)
        errors: list[str | None] = [None] * len(texts)
        for start in range(0, len(texts), AT_ONCE):
            pictures = {}
            for row, decoded in enumerate(self._decode_all(texts[start : start + AT_ONCE]), start):
                if isinstance(decoded, np.ndarray):
                    pictures[row] = decoded
                elif asked.on_error == RAISE:
                    raise _refused(f"row {row}: {decoded}")
                else:
                    errors[row] = str(decoded)
            if pictures:
                rows, stacked = list(pictures), np.stack(list(pictures.values()))
                sent = [texts[row] for row in rows]
                probabilities[rows] = self._probabilities(stacked, sent)
                if asked.heat_map:
                    heat_maps[rows] = self._heat_maps(stacked, probabilities[rows].argmax(axis=1), sent)
        answers = answer_table(self.class_names, probabilities, asked.top_k)
        if asked.heat_map:
            answers[HEAT_MAP] = heat_maps
        return with_errors(answers, errors) if asked.on_error == REPORT else answers

    def _probabilities(self, pictures: np.ndarray, sent: Sequence[str]) -> np.ndarray:
        answered = self.answer(pictures)
        if self.recorder:
            self.recorder.add(answered, lambda number: read_base64(sent[number]))
        return answered[:, : len(self.class_names)]

    @cached_property
    def _look(self) -> HeatMaps:
        return HeatMaps(self.model)

    def _heat_maps(self, pictures: np.ndarray, classes: np.ndarray, sent: Sequence[str]) -> list[str]:
        """Each of the picture as it was sent, without the margins that it was given here."""
        try:
            found = list(self._look(pictures, classes))
        except ValueError as error:
            raise _refused(str(error)) from error
        if self.fit == PAD:
            sizes = [open_picture(read_base64(text)).size for text in sent]
            found = [without_margins(each, size) for each, size in zip(found, sizes, strict=True)]
        return [encode_picture(np.rint(255 * each).astype(np.uint8)) for each in found]

    def _decode_all(self, texts: Sequence[Any]) -> list[np.ndarray | ValueError]:
        """Of each its picture, or why there is none."""
        large = len(texts) > 1 and sum(len(text) for text in texts if isinstance(text, str)) > LARGE
        return list((self.threads.map if large else map)(self._decode, texts))

    def _decode(self, text: Any) -> np.ndarray | ValueError:
        try:
            data = read_base64(text)
        except ValueError as error:
            return ValueError(f"column '{IMAGE}' holds no base64 text ({error})")
        try:
            return decode_picture(data, (self.height, self.width), self.channels, self.fit)
        except ValueError as error:
            return error


def _texts(model_input: pd.DataFrame, most: int) -> list[Any]:
    if IMAGE not in model_input or len(model_input) == 0:
        raise _refused(f"no pictures: expected at least one row with a base64 text in column '{IMAGE}'")
    if len(model_input) > most:
        raise _refused(f"{len(model_input):,} rows in one request, expected at most {most:,}")
    return model_input[IMAGE].tolist()


class Asked(NamedTuple):
    top_k: int
    on_error: str
    heat_map: bool


def _asked(params: Mapping[str, Any]) -> Asked:
    asked = Asked(params.get(TOP_K, 0), params.get(ON_ERROR, RAISE), params.get(HEAT_MAP, False))
    if asked.top_k < 0:
        raise _refused(f"{TOP_K} is {asked.top_k}, expected 0 (all probabilities) or how many classes")
    if asked.on_error not in ON_ERRORS:
        raise _refused(f"{ON_ERROR} is {asked.on_error!r}, expected {' or '.join(ON_ERRORS)}")
    return asked


def _refused(sentence: str) -> MlflowException:
    return MlflowException(sentence, error_code=INVALID_PARAMETER_VALUE)  # answered with status 400


set_model(GarmentClassifier())
