"""Small data sets made by hand; nothing here needs a network or the real pictures."""

import numpy as np
import pytest

from garment_ml.data.dataset import Dataset
from garment_ml.data.pictures import Pictures


@pytest.fixture
def make_dataset():
    """A factory of data sets with `per_class` different pictures in each class."""

    def make(per_class=40, classes=3, seed=0, published_test=None) -> Dataset:
        images = np.random.default_rng(seed).integers(0, 256, (per_class * classes, 4, 4, 1), np.uint8)
        labels = np.repeat(np.arange(classes), per_class)
        names = tuple(f"class {label}" for label in range(classes))
        return Dataset("made", Pictures.of(images), labels, names, "a test", published_test)

    return make


@pytest.fixture
def listed():
    """The same data set with its rows in another order, or with some of its rows only."""

    def relist(dataset: Dataset, rows: np.ndarray) -> Dataset:
        flags = None if dataset.published_test is None else dataset.published_test[rows]
        return Dataset(
            *(
                dataset.name,
                dataset.pictures.take(rows),
                dataset.labels[rows],
                dataset.class_names,
                dataset.origin,
                flags,
            )
        )

    return relist
