"""What a model says of many pictures, as a table in their order."""

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

from garment_ml.approaches.training import predict
from garment_ml.base.terminal import progress_bar
from garment_ml.data.pictures import Pictures
from garment_ml.shipped.answers import answer_table
from garment_ml.tracking.fetched_models import Servable

AT_ONCE = 1024  # pictures; they may lie on disk


def score_pictures(servable: Servable, pictures: Pictures) -> DataFrame:
    """One row for each picture, in their order: label, confidence and each class's probability."""
    return answer_table(servable.class_names, np.concatenate([*_probabilities(servable, pictures)]))


def _probabilities(servable: Servable, pictures: Pictures) -> Iterator[np.ndarray]:
    with progress_bar(len(pictures), "scoring", "picture") as advance:
        for start in range(0, len(pictures), AT_ONCE):
            images = pictures.images[start : start + AT_ONCE]
            yield predict(servable.model, {servable.model.inputs[0].name: images})
            advance(len(images))
