"""Labelled pictures as one frozen value, identified by their content."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from garment_ml.base.digest import digest_of
from garment_ml.base.errors import UserError
from garment_ml.data.decisions import Corrections
from garment_ml.data.pictures import Pictures
from garment_ml.data.source_options import LeftOut


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures, labels and class names.

    `labels` is int64 `(n,)` into `class_names`, `published_test` bool `(n,)`, true where the publisher put
    the picture in the test part. Pictures of one of `groups` `(n,)`, text, "" for none, stay on one side of
    the split. `left_out` could not be used, `corrections` say what was changed by hand. Raises UserError
    where an array is not so.
    """

    name: str
    pictures: Pictures
    labels: np.ndarray
    class_names: tuple[str, ...]
    origin: str
    published_test: np.ndarray | None = None
    groups: np.ndarray | None = None
    left_out: tuple[LeftOut, ...] = ()
    corrections: Corrections | None = None

    def __post_init__(self) -> None:
        self._check_class_names()
        self._check_labels()
        flags = self.published_test
        if flags is not None and (flags.dtype != bool or flags.shape != self.labels.shape):
            self._reject(f"published_test is {_form(flags)}, expected bool ({len(self.labels)},)")
        if self.groups is not None and self.groups.shape != self.labels.shape:
            self._reject(f"groups are {_form(self.groups)}, expected ({len(self.labels)},)")

    @cached_property
    def digest(self) -> str:
        """32 hex characters over the sorted pairs of picture digest and class name."""
        names = [self.class_names[label] for label in self.labels]
        pairs = sorted(zip(self.pictures.digests.tolist(), names, strict=True))
        listed = json.dumps([(digest.decode(), name) for digest, name in pairs])
        return digest_of(listed.encode())

    def _check_class_names(self) -> None:
        names = self.class_names
        if len(names) < 2:
            self._reject(f"has the classes {list(names)}, expected at least two")
        unusable = [name for name in names if not name.strip() or names.count(name) > 1]
        if unusable:
            self._reject(f"has class names that are blank or occur twice: {unusable}")

    def _check_labels(self) -> None:
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.pictures),):
            self._reject(f"labels are {_form(self.labels)}, expected int64 ({len(self.pictures)},)")
        outside = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.class_names)))
        if len(outside):
            found = f"label {self.labels[outside[0]]} at picture {outside[0]} ({len(outside)} such)"
            self._reject(f"has {found}, expected 0 to {len(self.class_names) - 1}")

    def _reject(self, finding: str) -> None:
        raise UserError(f"data set '{self.name}' from {self.origin}: {finding}")


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"
