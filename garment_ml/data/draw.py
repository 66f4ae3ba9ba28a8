"""Stratified draws in which a picture's content, not its place in the listing, decides where it goes.

The rank of a picture is a hash of its digest and the seed. Byte-identical pictures share a rank, so they are
drawn together, and so do pictures of one group; each class gives its lowest ranks to test, then to
validation. A picture added or dropped leaves the ranks of the others, so hardly any other changes sides.
"""

from dataclasses import dataclass

import numpy as np

from garment_ml.base.digest import digest_of
from garment_ml.data.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Ranking:
    """`rank` and `stratum` `(n,)` of each picture, `order` all indices by rank.

    The stratum is the label, or the lowest of its labels for a picture that occurs under several.
    """

    rank: np.ndarray
    stratum: np.ndarray
    order: np.ndarray


def rank_pictures(dataset: Dataset, seed: int) -> Ranking:
    digests, picture = np.unique(_units(dataset), return_inverse=True)
    salt = f" {seed}".encode()
    hashes = [digest_of(digest + salt) for digest in digests]
    rank = np.argsort(np.argsort(hashes))[picture]
    lowest_label = np.full(len(digests), len(dataset.class_names))
    np.minimum.at(lowest_label, picture, dataset.labels)
    return Ranking(rank, lowest_label[picture], np.lexsort((dataset.labels, rank)))


def _units(dataset: Dataset) -> np.ndarray:
    """What is drawn as one: of each picture its digest, or the lowest of those it is tied to by groups.

    A picture in two groups ties these together.
    """
    digests, groups = dataset.pictures.digests, dataset.groups
    if groups is None or not (groups != "").any():
        return digests
    from scipy.sparse import coo_array  # loading data is light, and few have groups
    from scipy.sparse.csgraph import connected_components

    names, picture = np.unique(digests, return_inverse=True)
    _, group = np.unique(groups, return_inverse=True)
    grouped = groups != ""
    nodes = len(names) + group.max() + 1
    edges = (np.ones(grouped.sum()), (picture[grouped], len(names) + group[grouped]))
    _, unit = connected_components(coo_array(edges, (nodes, nodes)), directed=False)
    lowest = np.full(unit.max() + 1, len(names))
    np.minimum.at(lowest, unit[: len(names)], np.arange(len(names)))  # `names` are sorted
    return names[lowest[unit[picture]]]


def draw_parts(
    dataset: Dataset, seed: int, validation_fraction: float, test_fraction: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train, validation, test, and what the first two leave out as it is in test, too; in rank order."""
    ranking = rank_pictures(dataset, seed)
    if dataset.published_test is None or not dataset.published_test.any():
        test, learning = _draw(ranking.order, ranking, test_fraction)
        left_out = learning[:0]
    else:
        in_test = dataset.published_test[ranking.order]
        test, learning = ranking.order[in_test], ranking.order[~in_test]
        copies = np.isin(ranking.rank[learning], ranking.rank[test])
        learning, left_out = learning[~copies], learning[copies]
    validation, train = _draw(learning, ranking, validation_fraction)
    return train, validation, test, left_out


def _draw(candidates: np.ndarray, ranking: Ranking, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """The lowest ranks of each class, at least one picture and with all its copies, and the others."""
    drawn = np.zeros(len(candidates), bool)
    ranks, strata = ranking.rank[candidates], ranking.stratum[candidates]
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        last = members[max(1, round(fraction * len(members))) - 1]
        drawn[members] = ranks[members] <= ranks[last]
    return candidates[drawn], candidates[~drawn]


def cut(part: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """`count` pictures of a part in rank order, stratified; a smaller cut is contained in a larger one.

    Largest-remainder quotas would not nest (the Alabama paradox), so the classes are interleaved once, evenly
    spaced, and the first `count` are taken.
    """
    place = np.empty(len(part))
    for label in np.unique(labels[part]):
        members = np.flatnonzero(labels[part] == label)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    interleaved = np.lexsort((labels[part], place))
    return part[np.sort(interleaved[:count])]
