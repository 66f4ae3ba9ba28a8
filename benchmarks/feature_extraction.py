"""Feature extraction against the bare forward pass of its backbone, and its memory for n and 4n pictures.

    python -m benchmarks.feature_extraction --weights imagenet --pictures 8192

Both speeds come from one run: each batch goes through the bare backbone and then through the extraction, so
other work on the machine slows both alike. The first batch (tracing, warming up) is left out. Exits with 1
when extraction reaches less than 0.9 of the bare speed or memory grows with the number of pictures.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from benchmarks.result import say_result
from garment_ml.base.row_cache import RowCache
from garment_ml.pretrained.backbones import Backbone, find_backbone
from garment_ml.pretrained.base_network import build_base
from garment_ml.pretrained.feature_extraction import extract
from garment_ml.pretrained.forward_pass import batch_size
from garment_ml.pretrained.taps import Tap
from garment_ml.pretrained.weights import FoundWeights, find_weights

SMALLEST_SPEED_RATIO = 0.9
LARGEST_MEMORY_RATIO = 1.1
PICTURE_SHAPE = (28, 28, 1)
LEAST = 1024  # pictures, several batches


class BarePassFirst:
    """Pictures that, whenever a batch is fetched, first send as many through the bare backbone, timed."""

    dtype, ndim = np.dtype(np.uint8), 4

    def __init__(self, images: np.ndarray, backbone: Backbone, weights: FoundWeights, side: int) -> None:
        import tensorflow as tf

        base = build_base(backbone, (side, side), weights.path)
        inputs = np.random.default_rng(0).normal(scale=50, size=(batch_size((side, side)), side, side, 3))
        self.inputs = tf.constant(inputs, tf.float32)
        self.forward = tf.function(lambda x: base(x, training=False), jit_compile=False, autograph=False)
        self.forward(self.inputs)
        self.images, self.shape = images, images.shape
        self.batches, self.bare_seconds, self.started = 0, 0.0, 0.0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, batch: np.ndarray) -> np.ndarray:
        began = time.perf_counter()
        self.forward(self.inputs).numpy()
        self.batches += 1
        if self.batches == 2:
            self.started = began
        if self.batches >= 2:
            self.bare_seconds += time.perf_counter() - began
        return self.images[batch]


def pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random pictures and stand-ins for their digests; no speed depends on what is in a picture."""
    images = np.random.default_rng(0).integers(0, 256, (count, *PICTURE_SHAPE), dtype=np.uint8)
    return images, np.array([f"{i:032x}" for i in range(count)], dtype="S32")


def extract_into(
    directory: str, backbone: Backbone, weights: FoundWeights, side: int, images, digests
) -> None:
    taps = [Tap(layer, 2) for layer in backbone.taps[2:]]
    cache = RowCache(Path(directory))
    extract(backbone, weights, (side, side), taps, images, digests, cache)


def compare_speeds(
    backbone: Backbone, weights: FoundWeights, side: int, count: int
) -> tuple[float, list[str]]:
    """The ratio, and what was measured in words."""
    images, digests = pictures(count)
    timed = BarePassFirst(images, backbone, weights, side)
    with tempfile.TemporaryDirectory() as directory:
        extract_into(directory, backbone, weights, side, timed, digests)
    extraction_seconds = time.perf_counter() - timed.started - timed.bare_seconds
    done = (timed.batches - 1) * batch_size((side, side))
    bare, extraction = done / timed.bare_seconds, done / extraction_seconds
    return extraction / bare, [
        f"{backbone.name} {side}x{side}, {done} pictures after the first batch",
        f"bare forward pass {bare:8.1f} pictures/s",
        f"extraction        {extraction:8.1f} pictures/s, ratio {extraction / bare:.3f}",
    ]


def peak_megabytes(arguments: list[str], count: int) -> float:
    """Peak resident memory of a process of its own that extracts `count` pictures."""
    command = [sys.executable, "-m", "benchmarks.feature_extraction", *arguments]
    run = subprocess.run([*command, "--pictures", str(count), "--memory"], stdout=subprocess.PIPE, check=True)
    return float(run.stdout.split()[-1])


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--backbone", "name", default="vgg16", show_default=True)
@click.option("--weights", default="none", show_default=True, help="imagenet, none or a file")
@click.option("--side", default=32, show_default=True, help="picture size the backbone sees")
@click.option("--pictures", "count", type=click.IntRange(min=LEAST), default=8192, show_default=True)
@click.option("--memory", is_flag=True, hidden=True, help="only extract, and print the peak memory")
def main(name: str, weights: str, side: int, count: int, memory: bool) -> None:
    backbone = find_backbone(name)
    found = find_weights(backbone, weights)
    if memory:
        with tempfile.TemporaryDirectory() as directory:
            extract_into(directory, backbone, found, side, *pictures(count))
        click.echo(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    if count < 4 * LEAST:
        raise click.BadParameter(
            f"--pictures is {count}, expected {4 * LEAST} or more: a quarter is measured, too"
        )
    ratio, speeds = compare_speeds(backbone, found, side, count)
    arguments = ["--backbone", name, "--weights", weights, "--side", str(side)]
    few, many = peak_megabytes(arguments, count // 4), peak_megabytes(arguments, count)
    say_result([*speeds, f"peak memory {few:.0f} MB for {count // 4} pictures, {many:.0f} MB for {count}"])
    if ratio < SMALLEST_SPEED_RATIO or many > few * LARGEST_MEMORY_RATIO:
        raise click.ClickException(
            f"expected a speed ratio of at least {SMALLEST_SPEED_RATIO} and at most {LARGEST_MEMORY_RATIO} "
            "times the memory for four times the pictures"
        )


if __name__ == "__main__":
    main()
