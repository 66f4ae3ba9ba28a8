"""What `score` costs beyond the model: files to rows beside the bare model on pictures that lie in memory.

    python -m benchmarks.scoring
    python -m benchmarks.scoring --approach scratch_cnn --pictures 70000

One model with random weights, in turns: the compiled model on arrays, and `score` on as many PNG files. The
aim is 0.85 of the bare pictures per second.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmarks.result import say_result
from benchmarks.serving import APPROACHES, untrained

if TYPE_CHECKING:
    import keras

    from garment_ml.operations.listing import ListedPicture

TURNS = 3


@click.command()
@click.option("--approach", type=click.Choice(APPROACHES), default=APPROACHES[0], show_default=True)
@click.option("--data", default="fashion-mnist", show_default=True)
@click.option("--pictures", default=10_000, show_default=True)
def main(approach: str, data: str, pictures: int) -> None:
    from garment_ml.base.terminal import quieten

    quieten()
    loaded, servable = untrained(approach, data)
    images = loaded.train.pictures.images[np.arange(pictures) % len(loaded.train.labels)]
    with tempfile.TemporaryDirectory() as folder:
        listed = write_files(images, Path(folder))
        bare, scored = measure(servable, loaded.class_names, images, listed, Path(folder))
    share = statistics.median(bare) / statistics.median(scored)
    times = (("bare", bare), ("score", scored))
    told = [f"{name}: {', '.join(f'{each:.1f}' for each in seconds)} s" for name, seconds in times]
    say_result([*told, f"{approach}, {pictures:,} files: {share:.2f} of the bare pictures per second"])


def write_files(images: np.ndarray, folder: Path) -> list[ListedPicture]:
    from PIL import Image

    from garment_ml.operations.listing import ListedPicture

    listed = [ListedPicture(str(number), folder / f"{number}.png") for number in range(len(images))]
    for image, (_, path) in zip(images, listed, strict=True):
        Image.fromarray(image.squeeze()).save(path)
    return listed


def measure(
    servable: keras.Model,
    class_names: tuple[str, ...],
    images: np.ndarray,
    listed: list[ListedPicture],
    folder: Path,
) -> tuple[list[float], list[float]]:
    """Seconds of each; every scoring has parts of its own."""
    from garment_ml.operations.scoring import AT_ONCE, score_files
    from garment_ml.shipped.compiled import compiled
    from garment_ml.tracking.fetched_models import Servable

    answer, served = compiled(servable), Servable(servable, class_names, "stretch")
    answer(images[:AT_ONCE])
    bare, scored = [], []
    for turn in range(TURNS):
        started = time.monotonic()
        for start in range(0, len(images), AT_ONCE):
            answer(images[start : start + AT_ONCE])
        bare.append(time.monotonic() - started)
        started = time.monotonic()
        score_files(served, "m-untrained", listed, folder / f"parts {turn}")
        scored.append(time.monotonic() - started)
    return bare, scored


if __name__ == "__main__":
    main()
