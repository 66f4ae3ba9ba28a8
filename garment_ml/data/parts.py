"""Pictures and labels of one part of a split; the test part has a door of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from garment_ml.data.dataset import Dataset
from garment_ml.data.split import Split


@dataclass(frozen=True)
class Part:
    """Images uint8 `(n, height, width, channels)`, labels `(n,)` and the pictures' digests `(n,)`."""

    name: str
    images: np.ndarray
    labels: np.ndarray
    picture_digests: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def learning_parts(dataset: Dataset, split: Split) -> tuple[Part, Part]:
    """Train and validation: all that searching, refitting and choosing may see."""
    return _part(dataset, "train", split.train), _part(dataset, "validation", split.validation)


def open_test_set(dataset: Dataset, split: Split) -> Part:
    """The only way to the test pictures; called for finalists, after every choice has been made."""
    return _part(dataset, "test", split.test)


def _part(dataset: Dataset, name: str, indices: np.ndarray) -> Part:
    return Part(name, dataset.images[indices], dataset.labels[indices], dataset.picture_digests[indices])
