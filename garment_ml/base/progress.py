"""Progress on the terminal: a bar with an estimate for epochs, plain lines for the rest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

EpochListener = Callable[[int, dict[str, float]], None]


@contextmanager
def epoch_bar(title: str, epochs: int) -> Iterator[EpochListener]:
    """A listener that moves the bar and shows the epoch's accuracies."""
    with tqdm(total=epochs, desc=title, unit="epoch", file=sys.stderr, leave=False) as bar:

        def show(epoch: int, logs: dict[str, float]) -> None:
            bar.set_postfix_str(f"train {logs['accuracy']:.3f} validation {logs['val_accuracy']:.3f}")
            bar.update()

        yield show


def say(line: str = "") -> None:
    print(line, flush=True)
