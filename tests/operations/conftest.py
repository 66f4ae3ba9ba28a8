"""Pictures to be scored, and a model that knows them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.operations.scored_pictures import IDS, TRUTH, write_csv
from tests.toys import ROWS, Toy


@pytest.fixture
def contest(tmp_path) -> Path:
    """Pictures of 16x16 whose class the toys' true model tells by the brightness of a row."""
    folder = tmp_path / "contest"
    (folder / "test").mkdir(parents=True)
    write_csv(folder / "test.csv", ["id"], *[[id] for id in IDS])
    for id, label in zip(IDS, TRUTH, strict=True):
        image = np.full((8, 8), 128, np.uint8)
        image[ROWS[label]] = 255
        Image.fromarray(image).resize((16, 16), Image.Resampling.NEAREST).save(folder / "test" / f"{id}.png")
    return folder


@pytest.fixture
def model(toys) -> str:
    return toys.refit(Toy("true")).model_uri
