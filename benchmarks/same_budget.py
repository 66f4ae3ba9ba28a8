"""The same minutes for everybody on the same pictures: AutoKeras, keras-tuner's guide, and ours.

    python -m benchmarks.same_budget
    python -m benchmarks.same_budget --contenders suite_quick,autokeras_default --minutes 11

Each contender is a process of its own, benchmarks/contenders/, one after the other. Its time begins with the
process and counts all that it does: imports, search, features; what it has best when time is up is judged by
its accuracy on our validation pictures, which everybody may choose on. The test set stays closed. Downloads,
and installing AutoKeras, come before. Exits with 1 when a contender fails; the others go on.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmarks.choice import chosen
from benchmarks.processes import Ended, run_process
from benchmarks.result import say_result

if TYPE_CHECKING:
    from garment_ml.data.split_dataset import SplitDataset

CONTENDERS = ("suite_quick", "scratch_cnn", "keras_tuner_guide", "autokeras_default", "autokeras_vanilla")
AUTOKERAS = "autokeras_"  # those in its environment
GRACE = 300  # seconds after the budget for judging; a contender that needs more has failed


@dataclass(frozen=True)
class Outcome:
    """What a contender answered; without an accuracy it failed, and `last_lines` say how."""

    name: str
    accuracy: float = 0.0
    seconds: float = 0.0
    trials: int = 0
    last_lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, ended: Ended) -> Outcome:
        answers = [line for line in ended.output if line.startswith('{"accuracy"')]
        if ended.code or not answers:
            return cls(name, seconds=ended.seconds, last_lines=tuple(ended.last_lines))
        return cls(name, **json.loads(answers[-1]))

    def __str__(self) -> str:
        if self.last_lines:
            return f"{self.name:18} failed after {self.seconds:.0f} s: {self.last_lines[-1]}"
        return f"{self.name:18} {self.accuracy:8.4f} {self.seconds:7.0f} {self.trials:6}"


def prepare(data: str, train_pictures: int, names: list[str], path: Path) -> SplitDataset:
    """All that is no contender's work: the pictures for everybody, downloads, AutoKeras's environment."""
    from benchmarks.contenders.task import hand_over
    from garment_ml.pretrained.backbones import find_backbone
    from garment_ml.pretrained.weights import find_weights
    from garment_ml.studies.load import load_data
    from garment_ml.studies.settings import DataSettings

    loaded = load_data(DataSettings(data=data, train_pictures=train_pictures))
    parts: dict[str, np.ndarray] = {}
    for name in ("train", "validation"):
        part = getattr(loaded, name)
        parts |= {f"{name}_pictures": part.pictures.images[:], f"{name}_labels": part.labels}
    hand_over(path, parts, data, train_pictures)
    if "suite_quick" in names:
        find_weights(find_backbone("vgg16"), "imagenet")
    for name in names:
        python_of(name)
    return loaded


def python_of(name: str) -> Path:
    from benchmarks.contenders.autokeras_environment import autokeras_python

    return autokeras_python() if name.startswith(AUTOKERAS) else Path(sys.executable)


def compete(name: str, pictures: Path, minutes: float) -> Outcome:
    click.echo(f"{name}: {minutes:g} minutes ...")
    seconds = 60 * minutes
    module = [str(python_of(name)), "-m", f"benchmarks.contenders.{name}"]
    command = [*module, str(pictures), str(time.time()), str(seconds)]
    outcome = Outcome.of(name, run_process(command, limit=seconds + GRACE))
    click.echo("\n".join(["  " + line for line in outcome.last_lines] or [str(outcome)]))
    return outcome


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--contenders", default="", help=f"some of {','.join(CONTENDERS)}; empty: all")
@click.option("--data", default="fashion-mnist", show_default=True)
@click.option("--train-pictures", default=12_000, show_default=True)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=11.0, show_default=True)
def main(contenders: str, data: str, train_pictures: int, minutes: float) -> None:
    from garment_ml.base.terminal import quieten

    names = chosen(contenders, CONTENDERS)
    quieten()
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures.npz"
        counts = prepare(data, train_pictures, names, pictures).counts
        outcomes = [compete(name, pictures, minutes) for name in names]
    budget = f"{minutes:g} minutes, {counts['train']:,} pictures of {data}"
    head = f"{'contender':18} accuracy seconds trials"
    ranked = sorted(outcomes, key=lambda each: -each.accuracy)
    say_result([f"{budget}, accuracy on {counts['validation']:,} of validation", head, *map(str, ranked)])
    if any(each.last_lines for each in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    main()
