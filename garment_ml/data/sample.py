"""A few thousand Fashion-MNIST pictures that come with the package, for a first taste and for tests."""

from pathlib import Path

import numpy as np
from PIL import Image

from garment_ml.base.errors import UserError
from garment_ml.data.dataset import Dataset
from garment_ml.data.fashion_mnist import CLASS_NAMES
from garment_ml.data.pictures import Pictures
from garment_ml.data.source_options import SourceOptions, own_class_names

SHEET = Path(__file__).with_name("sample") / "fashion-mnist-sample.webp"
TRAIN_PER_CLASS, TEST_PER_CLASS = 250, 50
COLUMNS, SIDE = 50, 28


def load_sample(data_dir: Path | None = None, options: SourceOptions | None = None) -> Dataset:
    """2,500 train and 500 test pictures, uint8 (28, 28, 1); UserError where a `data_dir` is given."""
    if data_dir is not None:
        raise UserError(
            f"the source 'sample' comes with the package, but a data directory was given: {data_dir}"
        )
    own_class_names("sample", CLASS_NAMES, options)
    classes = np.arange(len(CLASS_NAMES))
    labels = np.concatenate([np.repeat(classes, TRAIN_PER_CLASS), np.repeat(classes, TEST_PER_CLASS)])
    with Image.open(SHEET) as sheet:
        images = from_sheet(np.asarray(sheet.convert("L")))
    return Dataset(
        name="sample",
        pictures=Pictures.of(images[..., np.newaxis]),
        labels=labels.astype(np.int64),
        class_names=CLASS_NAMES,
        origin="shipped with garment-ml",
        published_test=np.arange(len(labels)) >= TRAIN_PER_CLASS * len(CLASS_NAMES),
    )


def to_sheet(images: np.ndarray) -> np.ndarray:
    """Pictures `(n, 28, 28)` side by side, 50 a row: train before test, each sorted by class."""
    rows = images.reshape(-1, COLUMNS, SIDE, SIDE).swapaxes(1, 2)
    return rows.reshape(-1, COLUMNS * SIDE)


def from_sheet(sheet: np.ndarray) -> np.ndarray:
    """The pictures `(n, 28, 28)` that `to_sheet` was given."""
    rows = sheet.reshape(-1, SIDE, COLUMNS, SIDE).swapaxes(1, 2)
    return rows.reshape(-1, SIDE, SIDE)
