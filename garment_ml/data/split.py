"""Train, validation and test as stored indices, the same on every machine for the same pictures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from garment_ml.base.errors import UserError
from garment_ml.base.write_aside import write_aside
from garment_ml.data.dataset import Dataset
from garment_ml.data.draw import cut, draw_parts

PARTS = ("train", "validation", "test")
SMALLEST_VALIDATION_CUT = 2_000  # a standard error of accuracies near 0.9 of at most 0.7 points


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

    @classmethod
    def from_json(cls, content: dict[str, Any], dataset: Dataset) -> Split:
        """The stored split, checked against `dataset`; UserError where its pictures or labels are others."""
        try:
            indices = {name: np.array(content[name], np.int64) for name in (*PARTS, "left_out")}
            split = cls(seed=int(content["seed"]), digest=str(content["digest"]), **indices)
            listed = np.concatenate(list(indices.values()))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise UserError(f"not a stored split: {error!r}") from error
        if listed.ndim != 1 or np.any((listed < 0) | (listed >= len(dataset.labels))):
            raise UserError(
                f"stored split: its indices do not fit the {len(dataset.labels):,} pictures found"
            )
        found = split_digest(dataset, split.train, split.validation, split.test)
        if found != split.digest:
            raise UserError(
                f"stored split {split.digest} was made from other pictures, or from these in another order: "
                f"'{dataset.name}' from {dataset.origin} gives {found}; split it anew with seed {split.seed}"
            )
        check_disjoint(dataset, split)
        return split

    def save(self, path: Path) -> None:
        write_aside(path, json.dumps(self.to_json()).encode())

    @classmethod
    def load(cls, path: Path, dataset: Dataset) -> Split:
        """Raises UserError for a file that is missing, unreadable or made from other pictures."""
        try:
            return cls.from_json(json.loads(Path(path).read_bytes()), dataset)
        except (OSError, ValueError, UserError) as error:
            raise UserError(f"{path}: {error}") from error


def split_dataset(
    dataset: Dataset,
    *,
    seed: int = 0,
    validation_fraction: float = 0.1,
    test_fraction: float = 0.15,
    train_pictures: int | None = None,
) -> Split:
    """Stratified split; a published test part stays the test part, otherwise `test_fraction` of all is drawn.

    `validation_fraction` is of what test leaves. `train_pictures` cuts train to that many, and validation in
    proportion, though not under 2,000; a smaller cut is contained in a larger one.
    Raises UserError for fractions outside (0, 1), a class too small for the three parts, too large a cut.
    """
    for name, fraction in (("validation_fraction", validation_fraction), ("test_fraction", test_fraction)):
        if not 0 < fraction < 1:
            raise UserError(f"{name} is {fraction}, expected more than 0 and less than 1")
    train, validation, test, left_out = draw_parts(dataset, seed, validation_fraction, test_fraction)
    if train_pictures is not None:
        train, validation = _cut_learning_parts(dataset, train, validation, train_pictures)
    digest = split_digest(dataset, train, validation, test)
    split = Split(train, validation, test, seed, digest, left_out)
    check_every_class(dataset, split)
    check_disjoint(dataset, split)
    return split


def _cut_learning_parts(
    dataset: Dataset, train: np.ndarray, validation: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    if not 1 <= count <= len(train):
        raise UserError(
            f"train_pictures is {count:,}, expected 1 to {len(train):,}: '{dataset.name}' has "
            f"{len(dataset.labels):,} pictures, of which {len(validation):,} go to validation"
        )
    in_proportion = round(len(validation) * count / len(train))
    kept = max(in_proportion, min(SMALLEST_VALIDATION_CUT, len(validation)))
    return cut(train, dataset.labels, count), cut(validation, dataset.labels, kept)


def check_every_class(dataset: Dataset, split: Split) -> None:
    """Raise UserError for the first class that is missing from a part."""
    for label, name in enumerate(dataset.class_names):
        counts = {part: int(np.sum(dataset.labels[getattr(split, part)] == label)) for part in PARTS}
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
        digests = set(dataset.picture_digests[getattr(split, part)].tolist())
        shared = digests & seen.keys()
        if shared:
            raise AssertionError(f"{len(shared)} pictures are in {part} and in {seen[min(shared)]}")
        seen |= dict.fromkeys(digests, part)


def split_digest(dataset: Dataset, train: np.ndarray, validation: np.ndarray, test: np.ndarray) -> str:
    """32 hex characters over the parts' picture digests and labels, in order."""
    digest = hashlib.blake2b(digest_size=16)
    for name, part in zip(PARTS, (train, validation, test), strict=True):
        digest.update(f"{name} {len(part)}\n".encode())
        digest.update(dataset.picture_digests[part].tobytes())
        digest.update(dataset.labels[part].astype("<i8").tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
