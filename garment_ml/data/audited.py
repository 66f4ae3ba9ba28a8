"""A data set under audit: what its checks share, measured once and when the first of them asks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from garment_ml.data.dataset import Dataset
from garment_ml.data.measures import Measures, measure
from garment_ml.data.near_duplicates import near_pairs, thumbnails

LEAST_CONTRAST = 20  # grey levels; a picture with less shows nothing, and all such look alike


@dataclass(frozen=True)
class Finding:
    """One picture, by its row in the data set, or something without a picture: a file, a class, all of them.

    `value` is what the check measured, nan for nothing, `group` the name that pictures found together share.
    """

    value: float
    note: str
    row: int | None = None
    group: str = ""
    file: str = ""
    class_name: str = ""


@dataclass(frozen=True, eq=False)
class Alike:
    """Pictures that are the same or nearly: their rows, and how far each is from the nearest other one.

    The name hangs on their content, so that it is the same at the next audit.
    """

    name: str
    rows: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True, eq=False)
class Audited:
    """`parts` `(n,)`, text, says where each picture of the data set goes, "" where nothing says so.

    `probabilities` `(n, classes)` is what a first model says that has not seen the picture, if there is one.
    """

    dataset: Dataset
    parts: np.ndarray
    probabilities: np.ndarray | None = None

    @cached_property
    def measures(self) -> Measures:
        return measure(self.dataset.pictures.images)

    @property
    def own_shapes(self) -> np.ndarray:
        """`(n, 3)`: height, width and channels of each picture before it was brought to one form."""
        pictures = self.dataset.pictures
        if pictures.own_shapes is None:
            return np.broadcast_to(pictures.shape, (len(pictures), 3))
        return pictures.own_shapes

    @cached_property
    def copies(self) -> list[Alike]:
        """Pictures that are the same pixel for pixel."""
        _, content, counts = np.unique(self.dataset.pictures.digests, return_inverse=True, return_counts=True)
        repeated = np.flatnonzero(counts[content] > 1)
        return self._alike("copies", repeated, content[repeated], np.zeros(len(content)))

    @cached_property
    def near(self) -> list[Alike]:
        """Pictures that are nearly the same, with all copies of each; those that show nothing left out."""
        _, first, content = np.unique(self.dataset.pictures.digests, return_index=True, return_inverse=True)
        small = thumbnails(self.dataset.pictures.take(first).images)
        seen = np.ptp(small, axis=1) >= LEAST_CONTRAST
        if seen.sum() < 2:
            return []
        first = first[seen]
        pairs, distances = near_pairs(small[seen])
        pairs = content[first][pairs]
        count = content.max() + 1
        graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), (count, count))
        _, component = connected_components(graph, directed=False)
        nearest = np.full(count, np.inf)
        np.minimum.at(nearest, pairs, distances[:, np.newaxis])
        rows = np.flatnonzero(np.isfinite(nearest[content]))
        return self._alike("near", rows, component[content[rows]], nearest[content])

    def _alike(self, kind: str, rows: np.ndarray, group: np.ndarray, distances: np.ndarray) -> list[Alike]:
        """Rows of the same group number, the nearest groups and in each the nearest pictures first."""
        order = np.lexsort((distances[rows], group))
        ends = np.flatnonzero(np.diff(group[order])) + 1
        groups = [each for each in np.split(rows[order], ends) if len(each)]
        digests = self.dataset.pictures.digests
        found = [Alike(f"{kind} {min(digests[each]).decode()[:8]}", each, distances[each]) for each in groups]
        return sorted(found, key=lambda alike: (alike.distances.min(), alike.name))
