"""Batches for Keras out of arrays that stay where they are, in memory or on disk."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

Inputs = np.ndarray | Mapping[str, np.ndarray]
# (inputs, the numbers of their rows, epoch, random) to changed inputs
Augment = Callable[[np.ndarray, np.ndarray, int, np.random.Generator], np.ndarray]


def row_count(inputs: Inputs) -> int:
    """Pictures in `inputs`; ValueError where the arrays of a mapping have different numbers of rows."""
    arrays = list(inputs.values()) if isinstance(inputs, Mapping) else [inputs]
    counts = {len(array) for array in arrays}
    if len(counts) != 1:
        raise ValueError(f"the inputs have {sorted(counts)} rows, expected one number")
    return counts.pop()


class Batches(keras.utils.PyDataset):
    """(inputs, labels) in batches of the arrays' own dtypes; the last batch may be smaller.

    With `shuffle_seed` every epoch has another order, and with `augment` other changes: the same ones for the
    same seed and epoch. Memory-mapped arrays are read batch by batch.
    Raises ValueError where inputs and labels differ in length.
    """

    def __init__(
        self,
        inputs: Inputs,
        labels: np.ndarray,
        batch_size: int,
        *,
        shuffle_seed: int | None = None,
        augment: Augment | None = None,
    ) -> None:
        super().__init__()
        if row_count(inputs) != len(labels):
            raise ValueError(f"{row_count(inputs):,} inputs but {len(labels):,} labels")
        self.inputs, self.labels, self.batch_size = inputs, labels, batch_size
        self.seed, self.augment = shuffle_seed, augment
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """To be called before each epoch, as Keras calls a PyDataset's own methods more often than that."""
        self.epoch, self._order = epoch, np.arange(len(self.labels))
        if self.seed is not None:
            np.random.default_rng([self.seed, epoch]).shuffle(self._order)

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        if isinstance(self.inputs, Mapping):
            seen: Any = {name: array[chosen] for name, array in self.inputs.items()}
        else:
            seen = self.inputs[chosen]
        if self.augment is not None:
            random = np.random.default_rng([self.seed or 0, self.epoch, index])
            seen = self.augment(seen, chosen, self.epoch, random)
        return seen, self.labels[chosen]
