"""Pictures without labels: what a contest, a batch to score and a labelled data set have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from garment_ml.base.digest import digest_of
from garment_ml.base.errors import UserError
from garment_ml.base.row_store import StoredRows
from garment_ml.shipped.picture_decoding import STRETCH

Images = np.ndarray | StoredRows


@dataclass(frozen=True, eq=False)
class Pictures:
    """`images` uint8 `(n, height, width, channels)`, in memory or mapped from disk; treat as read-only.

    `digests` is `(n,)` of dtype S32: of each picture as it was before any resizing (see `picture_digest`),
    so that its size here changes neither the split nor what counts as the same picture. `ids` `(n,)` say
    where each came from. `fit` says how pictures of another shape are brought to this one; `own_shapes`
    `(n, 3)` are the shapes that they had, left out where all had this one. Raises UserError where an array is
    not so.
    """

    images: Images
    digests: np.ndarray
    ids: np.ndarray
    fit: str = STRETCH
    own_shapes: np.ndarray | None = None

    def __post_init__(self) -> None:
        images = self.images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
            expected = "uint8 (pictures, height, width, channels) with 1 or 3 channels"
            raise UserError(f"images are {images.dtype} {images.shape}, expected {expected}")
        if 0 in images.shape:
            raise UserError(f"images are {images.shape}, expected at least one picture with pixels")
        if not len(images) == len(self.digests) == len(self.ids):
            counts = f"{len(self.digests):,} digests and {len(self.ids):,} ids"
            raise UserError(f"{len(images):,} images came with {counts}")

    @classmethod
    def of(
        cls, images: np.ndarray, ids: Sequence[str] | np.ndarray | None = None, fit: str = STRETCH
    ) -> Self:
        """Of pictures that are stored here at their own size and mode; without `ids` they are numbered."""
        digests = np.array([picture_digest(picture) for picture in images], dtype="S32")
        numbered = np.arange(len(images)).astype(str)
        return cls(images, digests, numbered if ids is None else np.asarray(ids), fit)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.images.shape[1:]

    def take(self, rows: np.ndarray | slice) -> Self:
        """Those that lie on disk stay there."""
        images = self.images.take(rows) if isinstance(self.images, StoredRows) else self.images[rows]
        own_shapes = None if self.own_shapes is None else self.own_shapes[rows]
        return type(self)(images, self.digests[rows], self.ids[rows], self.fit, own_shapes)


def picture_digest(pixels: np.ndarray) -> str:
    """32 hex characters over uint8 `(height, width, channels)`, a picture's pixels at its own size and mode.

    A picture is the same one as PNG, as CSV row and in IDX, whatever size it is learned at later.
    """
    shape = repr(tuple(map(int, pixels.shape))).encode()
    return digest_of(shape + np.ascontiguousarray(pixels).tobytes())
