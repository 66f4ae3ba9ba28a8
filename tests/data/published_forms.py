"""A data set written out in the forms in which people publish theirs, the labels as numbers."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from garment_ml.data.dataset import Dataset

Write = Callable[[Dataset, Path], None]


def parts(dataset: Dataset) -> dict[str, np.ndarray]:
    return {"train": np.flatnonzero(~dataset.published_test), "test": np.flatnonzero(dataset.published_test)}


def write_pixels_csv(dataset: Dataset, folder: Path) -> None:
    pixels = int(np.prod(dataset.pictures.shape))
    header = ",".join(["label", *(f"pixel{number}" for number in range(1, pixels + 1))])
    for part, rows in parts(dataset).items():
        values = np.column_stack([dataset.labels[rows], dataset.pictures.images[rows].reshape(len(rows), -1)])
        np.savetxt(folder / f"fashion-{part}.csv", values, "%d", ",", header=header, comments="")


def write_labelled_csv(dataset: Dataset, folder: Path) -> None:
    for part, rows in parts(dataset).items():
        (folder / part).mkdir()
        with (folder / f"{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "label"])
            for row in rows:
                writer.writerow([row, dataset.labels[row]])
                save(dataset, row, folder / part / f"{row}.png")


def write_folders(dataset: Dataset, folder: Path) -> None:
    for part, rows in parts(dataset).items():
        for row in rows:
            path = folder / part / str(dataset.labels[row]) / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            save(dataset, row, path)


def save(dataset: Dataset, row: int, path: Path) -> None:
    Image.fromarray(dataset.pictures.images[row].squeeze()).save(path)


FORMS: dict[str, Write] = {
    "pixels-csv": write_pixels_csv,
    "labelled-csv": write_labelled_csv,
    "folders": write_folders,
}
