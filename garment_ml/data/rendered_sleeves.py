"""Garments drawn here, told apart by their sleeves alone: RGB class folders like those of a published set."""

import os
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import filelock

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import GarmentError, UserError
from garment_ml.base.terminal import progress_bar
from garment_ml.data.dataset import Dataset
from garment_ml.data.folders import load_folders
from garment_ml.data.rendered_picture import draw
from garment_ml.data.rendered_shapes import SLEEVES
from garment_ml.data.source_options import SourceOptions

NAME = "rendered-sleeves"
COUNTS = {"train": (494, 494, 494), "test": (173, 173, 174)}  # as many as the published set has
RECIPE, SEED = 1, 20  # the recipe is in the folder's name: raise it when an index would be drawn otherwise
QUALITY = 90  # of the JPEGs


def load_rendered_sleeves(data_dir: Path | None, options: SourceOptions) -> Dataset:
    """Drawn once, into the cache or a subfolder of `data_dir`; UserError where that holds something else."""
    folder = cache_directory(NAME) / f"v{RECIPE}" if data_dir is None else _subfolder(data_dir)
    try:
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock")):
            if not folder.is_dir():
                _write(folder)
    except OSError as error:
        raise GarmentError(f"cannot write the pictures to {folder}: {error.strerror or error}") from error
    dataset = load_folders(folder, options)
    return replace(dataset, name=NAME, origin=f"drawn by garment-ml, recipe {RECIPE}, in {folder}")


def _subfolder(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        others = [each.name for each in data_dir.iterdir() if not each.name.startswith((".", f"{NAME}-v"))]
    except OSError as error:
        raise UserError(f"{data_dir} is no folder that {NAME} can be drawn into: {error.strerror}") from error
    if others:
        raise UserError(
            f"{data_dir} holds {min(others)!r}, but the source {NAME!r} draws its own pictures; give an "
            "empty folder or, to have them in the cache, none"
        )
    return data_dir / f"{NAME}-v{RECIPE}"


def _write(folder: Path) -> None:
    """All pictures, under another name until they are complete: a killed process leaves that one behind."""
    aside = folder.with_name(f".{folder.name}.part")
    if aside.exists():
        shutil.rmtree(aside)
    with progress_bar(sum(map(sum, COUNTS.values())), f"drawing {NAME}", "picture") as advance:
        for (label, class_name), (part, counts) in product(enumerate(SLEEVES), COUNTS.items()):
            inside = aside / part / class_name
            inside.mkdir(parents=True)
            first = COUNTS["train"][label] if part == "test" else 0
            for index in range(first, first + counts[label]):
                draw(SEED, label, index).save(inside / f"{index:04}.jpg", quality=QUALITY)
                advance()
    os.replace(aside, folder)
