"""What runs behind the endpoint; MLflow stores this file with the model and runs it as it is.

It must not need more of this repository than the files shipped beside it (see `tracking.models`).
"""

import base64
import binascii
import json
from typing import Any

import keras
import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from garment_ml.shipped.columns import CONFIDENCE, IMAGE, LABEL, probability_column
from garment_ml.shipped.picture_decoding import decode_picture


class GarmentClassifier(mlflow.pyfunc.PythonModel):
    """Column `image` (base64 of a PNG, JPEG, ...) in; `label`, `confidence`, `probability_<class>` out."""

    def load_context(self, context: Any) -> None:
        self.model = keras.saving.load_model(context.artifacts["keras_model"], compile=False)
        with open(context.artifacts["class_names"]) as file:
            self.class_names = json.load(file)
        self.height, self.width, self.channels = self.model.input_shape[1:]
        self.fit = context.model_config["fit"]
        self._probabilities(np.zeros((1, self.height, self.width, self.channels), np.uint8))  # warm up

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict | None = None) -> pd.DataFrame:
        if IMAGE not in model_input or len(model_input) == 0:
            raise _refused(f"no pictures: expected at least one row with a base64 text in column '{IMAGE}'")
        pictures = [self._decode(row, text) for row, text in enumerate(model_input[IMAGE])]
        probabilities = self._probabilities(np.stack(pictures))
        answer = pd.DataFrame(
            {
                LABEL: [self.class_names[best] for best in probabilities.argmax(axis=1)],
                CONFIDENCE: probabilities.max(axis=1),
            }
        )
        columns = [probability_column(name) for name in self.class_names]
        return answer.join(pd.DataFrame(probabilities, columns=columns))

    def _decode(self, row: int, text: Any) -> np.ndarray:
        try:
            encoded = text.partition(",")[2] if text.startswith("data:") else text
            data = base64.b64decode(encoded, validate=True)
            return decode_picture(data, (self.height, self.width), self.channels, self.fit)
        except (AttributeError, TypeError, binascii.Error) as error:
            raise _refused(f"row {row}: column '{IMAGE}' holds no base64 text ({error})") from None
        except ValueError as error:
            raise _refused(f"row {row}: {error}") from None

    def _probabilities(self, pictures: np.ndarray) -> np.ndarray:
        parts = [
            np.asarray(self.model(pictures[start : start + 256], training=False))
            for start in range(0, len(pictures), 256)
        ]
        return np.concatenate(parts)


def _refused(sentence: str) -> MlflowException:
    return MlflowException(sentence, error_code=INVALID_PARAMETER_VALUE)  # answered with status 400


set_model(GarmentClassifier())
