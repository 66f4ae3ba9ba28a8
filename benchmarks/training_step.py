"""What a training costs beyond its bare steps: gathering rows, augmentation, validation, bookkeeping.

    python -m benchmarks.training_step

Epochs as they are trained here and, in turns with them, as many steps on one batch that lies ready. Prints
the share of an epoch that is not the steps; the aim is at most 8 %. The first epoch of each builds its
graph and is left out.
"""

from __future__ import annotations

import math
import statistics
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import keras

    from garment_ml.approaches.approach import LearningInputs

TURNS = 3


@click.command()
@click.option("--architecture", default="fast", show_default=True)
@click.option("--data", default="fashion-mnist", show_default=True)
@click.option("--train-pictures", default=12_000, show_default=True)
def main(architecture: str, data: str, train_pictures: int) -> None:
    from garment_ml.base.terminal import quieten

    quieten()
    whole, bare = measure(architecture, data, train_pictures)
    share = (statistics.median(whole) - statistics.median(bare)) / statistics.median(whole)
    for name, times in (("epochs", whole), ("bare steps", bare)):
        print(f"{name}: {', '.join(f'{each:.1f}' for each in times)} s")
    print(f"{architecture}, {train_pictures:,} pictures: {share:.1%} of an epoch is not the steps")


def measure(architecture: str, data: str, train_pictures: int) -> tuple[list[float], list[float]]:
    """Seconds of epochs as they are trained here, and of their steps alone."""
    from garment_ml.approaches.budget import Budget
    from garment_ml.approaches.catalogue import make_approach
    from garment_ml.approaches.hyperparameter import default_values
    from garment_ml.approaches.training import learning_inputs, train
    from garment_ml.studies.load import load_data
    from garment_ml.studies.settings import DataSettings

    loaded = load_data(DataSettings(data=data, train_pictures=train_pictures))
    approach = make_approach("scratch_cnn", {"architecture": architecture}, loaded)
    values, inputs = default_values(approach.hyperparameters()), learning_inputs(approach, loaded)
    whole: list[float] = []
    bare: list[float] = []
    for seed in range(TURNS):
        ends = [time.monotonic()]
        fitted = train(
            approach,
            values,
            inputs,
            Budget(3, 3),
            seed=seed,
            on_epoch=lambda *_: ends.append(time.monotonic()),  # noqa: B023 - called in this turn only
        )
        whole += [after - before for before, after in pairwise(ends[1:])]
        bare += bare_epochs(fitted.model, inputs, int(values["batch_size"]))
    return whole, bare


def bare_epochs(model: keras.Model, inputs: LearningInputs, batch_size: int) -> list[float]:
    """Seconds of as many steps as an epoch has, all on one batch."""
    import tensorflow as tf

    steps = math.ceil(len(inputs.train_labels) / batch_size)
    batch = inputs.train["pictures"][:batch_size], inputs.train_labels[:batch_size]
    dataset = tf.data.Dataset.from_tensors(batch).repeat(steps)
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        model.fit(dataset, epochs=1, verbose=0)
        seconds.append(time.monotonic() - started)
    return seconds[1:]


if __name__ == "__main__":
    main()
