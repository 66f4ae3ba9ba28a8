"""Train, validation and test as stored indices, the same on every machine for the same pictures."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from garment_ml.base.digest import growing_digest
from garment_ml.base.errors import UserError
from garment_ml.data.dataset import Dataset
from garment_ml.data.draw import draw_parts

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Disjoint int64 indices into a Dataset, in rank order (see draw.py).

    `digest` covers picture digests and labels of each part; `left_out` are the pictures outside the published
    test part that are byte-identical to one in it.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    seed: int
    digest: str
    left_out: np.ndarray

    def to_json(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in asdict(self).items()}


def make_split(
    dataset: Dataset, *, seed: int = 0, validation_fraction: float = 0.1, test_fraction: float = 0.15
) -> Split:
    """Stratified; a published test part stays the test part, otherwise `test_fraction` of all is drawn.

    `validation_fraction` is of what test leaves. Raises UserError for fractions outside (0, 1) and for
    a class too small for the three parts.
    """
    for name, fraction in (("validation_fraction", validation_fraction), ("test_fraction", test_fraction)):
        if not 0 < fraction < 1:
            raise UserError(f"{name} is {fraction}, expected more than 0 and less than 1")
    train, validation, test, left_out = draw_parts(dataset, seed, validation_fraction, test_fraction)
    split = Split(train, validation, test, seed, _digest(dataset, train, validation, test), left_out)
    check_every_class(dataset, {part: getattr(split, part) for part in PARTS})
    check_disjoint(dataset, split)
    return split


def check_every_class(dataset: Dataset, parts: dict[str, np.ndarray]) -> None:
    """Raise UserError for the first class that is missing from one of the parts' indices."""
    for label, name in enumerate(dataset.class_names):
        counts = {part: int(np.sum(dataset.labels[indices] == label)) for part, indices in parts.items()}
        if 0 in counts.values():
            found = ", ".join(f"{count:,} for {part}" for part, count in counts.items())
            raise UserError(
                f"class '{name}' of '{dataset.name}' has too few different pictures: {found} "
                f"(of {np.sum(dataset.labels == label):,}), expected at least one in each part"
            )


def check_disjoint(dataset: Dataset, split: Split) -> None:
    """Raise AssertionError where a picture, by its bytes, is in two parts (DESIGN, rule 2)."""
    seen: dict[bytes, str] = {}
    for part in PARTS:
        digests = set(dataset.pictures.digests[getattr(split, part)].tolist())
        shared = digests & seen.keys()
        if shared:
            raise AssertionError(f"{len(shared)} pictures are in {part} and in {seen[min(shared)]}")
        seen |= dict.fromkeys(digests, part)


def _digest(dataset: Dataset, *parts: np.ndarray) -> str:
    """32 hex characters over the parts' picture digests and class names, in order."""
    digest = growing_digest()
    names = np.array(dataset.class_names)
    for part, indices in zip(PARTS, parts, strict=True):
        digest.update(f"{part} {len(indices)}\n".encode())
        digest.update(dataset.pictures.digests[indices].tobytes())
        digest.update("\n".join(names[dataset.labels[indices]]).encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
