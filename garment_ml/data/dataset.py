"""Labelled pictures as one frozen value, identified by their content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from garment_ml.base.errors import UserError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures, labels and class names; treat the arrays as read-only, the digests are computed once.

    `images` is uint8 `(n, height, width, channels)` with 1 or 3 channels, `labels` int64 `(n,)` into
    `class_names`, `published_test` bool `(n,)`, true where the publisher put the picture in the test part.
    Raises UserError where an array is not so.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    origin: str
    published_test: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._check_images()
        self._check_class_names()
        self._check_labels()
        flags = self.published_test
        if flags is not None and (flags.dtype != bool or flags.shape != self.labels.shape):
            self._reject(f"published_test is {_form(flags)}, expected bool ({len(self.labels)},)")

    @cached_property
    def picture_digests(self) -> np.ndarray:
        """`(n,)` of 32 hex characters (dtype S32): blake2b over the shape and the bytes of each picture."""
        shape = repr(tuple(map(int, self.images.shape[1:]))).encode()
        digests = [_hex_digest(shape, np.ascontiguousarray(picture)) for picture in self.images]
        return np.array(digests, dtype="S32")

    @cached_property
    def digest(self) -> str:
        """32 hex characters over class names, pictures, labels, parts; the listing order does not matter."""
        parts = np.zeros(len(self.labels), bool) if self.published_test is None else self.published_test
        rows = zip(self.picture_digests, self.labels.tolist(), parts.tolist(), strict=True)
        listed = sorted(b"%s %d %d\n" % row for row in rows)
        return _hex_digest(json.dumps(self.class_names).encode(), b"".join(listed))

    def _check_images(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[-1] not in (1, 3):
            expected = "uint8 (pictures, height, width, channels) with 1 or 3 channels"
            self._reject(f"images are {_form(self.images)}, expected {expected}")
        if 0 in self.images.shape:
            self._reject(f"images are {_form(self.images)}, expected at least one picture with pixels")

    def _check_class_names(self) -> None:
        names = self.class_names
        if len(names) < 2:
            self._reject(f"has the classes {list(names)}, expected at least two")
        unusable = [name for name in names if not name.strip() or names.count(name) > 1]
        if unusable:
            self._reject(f"has class names that are blank or occur twice: {unusable}")

    def _check_labels(self) -> None:
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.images),):
            self._reject(f"labels are {_form(self.labels)}, expected int64 ({len(self.images)},)")
        outside = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.class_names)))
        if len(outside):
            found = f"label {self.labels[outside[0]]} at picture {outside[0]} ({len(outside)} such)"
            self._reject(f"has {found}, expected 0 to {len(self.class_names) - 1}")

    def _reject(self, finding: str) -> None:
        raise UserError(f"data set '{self.name}' from {self.origin}: {finding}")


def _form(array: np.ndarray) -> str:
    return f"{array.dtype} {array.shape}"


def _hex_digest(*pieces: bytes | np.ndarray) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
