"""A task so small that a trial takes about a second: four classes of 4x4 pictures, told apart by a corner."""

import numpy as np

from garment_ml.approaches.approach import Approach
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.hyperparameter import Hyperparameter
from garment_ml.approaches.optimizers import sgd
from garment_ml.data.dataset import Dataset
from garment_ml.data.pictures import Pictures
from garment_ml.data.split_dataset import split_dataset
from garment_ml.search.task import Task

CLASSES = ("top left", "top right", "bottom left", "bottom right")


class TinyApproach(Approach):
    name = "tiny"
    budget = Budget(2, 2)

    def __init__(self, class_names=CLASSES, picture_shape=(4, 4, 1)):
        self.class_names, self.picture_shape = class_names, picture_shape

    def hyperparameters(self):
        return (
            Hyperparameter("learning_rate", 1e-2, low=1e-3, high=1.0, log=True),
            Hyperparameter("dropout", 0.1, low=0.0, high=0.5),
            Hyperparameter("batch_size", 64),
        )

    def inputs(self, pictures):
        return {"pictures": pictures.images}

    def build(self, values):
        import keras

        pictures = keras.Input(self.picture_shape, name="pictures")
        x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pictures))
        x = keras.layers.Dropout(values["dropout"])(x)
        return keras.Model(pictures, keras.layers.Dense(len(self.class_names))(x), name="trained")

    def optimizer(self, values, steps):
        return sgd(values["learning_rate"])

    def inputs_of_pictures(self, pictures):
        return pictures


def tiny_dataset(pictures: int = 400, seed: int = 0) -> Dataset:
    """Noise, brighter in the corner that the label names; the last fifth is a published test part."""
    random = np.random.default_rng(seed)
    labels = np.arange(pictures) % 4
    images = random.integers(0, 160, (pictures, 4, 4, 1))
    for index, label in enumerate(labels):
        row, column = 2 * (label // 2), 2 * (label % 2)
        images[index, row : row + 2, column : column + 2] += 60
    published_test = np.arange(pictures) >= pictures * 4 // 5
    return Dataset(
        "tiny", Pictures.of(images.astype(np.uint8)), labels, CLASSES, "made by the tests", published_test
    )


def tiny_task(approach: Approach | None = None, **settings) -> Task:
    shared = {"epochs": 2, "patience": 2, **settings}
    return Task.prepare(approach or TinyApproach(), split_dataset(tiny_dataset()), **shared)
