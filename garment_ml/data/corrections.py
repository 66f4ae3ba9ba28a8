"""Decisions made by hand become another version of the data; pictures on disk are never touched.

Pictures that a table of corrections gives one group stay on one side of the split: near duplicates, when it
is an audit's table. Who wants them apart empties these cells.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.data.dataset import Dataset
from garment_ml.data.decisions import DROP, KEEP, Corrections, Decision

KEPT, DROPPED = -1, -2  # in place of a label
SHOWN = 12  # class names, where one is expected


def correct(dataset: Dataset, corrections: Corrections) -> Dataset:
    """The data set without the pictures to drop, others relabelled, those of one group tied together.

    Raises UserError naming file and line for a picture that isn't there or is another one by now, a class
    that isn't one, and two decisions about one picture.
    """
    targets, ties = _resolve(dataset, corrections)
    labels = dataset.labels.copy()
    for row, label in targets.items():
        labels[row] = labels[row] if label == KEPT else label
    kept = np.flatnonzero(labels != DROPPED)
    published = dataset.published_test
    if published is not None and published.any() and not published[kept].any():
        raise UserError(f"{corrections.path} leaves no picture of the test part, expected at least one")
    left = set(labels[kept].tolist())
    for label, name in enumerate(dataset.class_names):
        if label not in left:
            raise UserError(
                f"{corrections.path} leaves no picture of the class {name!r}, expected at least one"
            )
    ties = [(row, group) for row, group in ties if labels[row] != DROPPED]
    applied = replace(
        corrections,
        dropped=len(labels) - len(kept),
        relabelled=int(np.sum((labels != dataset.labels)[kept])),
        tied=len({row for row, _ in ties}),
    )
    changed = f"{applied.dropped:,} pictures dropped, {applied.relabelled:,} relabelled"
    say(f"{Path(applied.path).name}: {changed}, {applied.tied:,} tied to others of their group")
    groups = _tied(dataset.groups, ties, len(labels))
    return _take(replace(dataset, groups=groups, corrections=applied), kept, labels[kept])


def _take(dataset: Dataset, kept: np.ndarray, labels: np.ndarray) -> Dataset:
    """The kept rows, under these labels."""
    published, groups = dataset.published_test, dataset.groups
    all_kept = len(kept) == len(dataset.labels)
    return replace(
        dataset,
        pictures=dataset.pictures if all_kept else dataset.pictures.take(kept),
        labels=labels,
        published_test=None if published is None else published[kept],
        groups=None if groups is None else groups[kept],
    )


def _resolve(dataset: Dataset, corrections: Corrections) -> tuple[dict[int, int], list[tuple[int, str]]]:
    """By row what becomes of its label, and rows with the groups they belong to."""
    finder = _Finder(dataset)
    targets: dict[int, tuple[int, Decision]] = {}
    ties = []
    for decision in corrections.decisions:
        for row in finder.rows(decision):
            if decision.group:
                ties.append((row, decision.group))
            if not decision.decision:
                continue
            target = _target(decision, dataset.class_names)
            before, first = targets.setdefault(row, (target, decision))
            if before != target:
                raise UserError(
                    f"{decision.where}: the decision {decision.decision!r} for {decision.file!r}, but "
                    f"{first.decision!r} in {first.where}; keep one of the two"
                )
    return {row: target for row, (target, _) in targets.items()}, ties


def _target(decision: Decision, class_names: Sequence[str]) -> int:
    if decision.decision in class_names:
        return class_names.index(decision.decision)
    actions = {KEEP: KEPT, DROP: DROPPED}
    if decision.decision.lower() in actions:
        return actions[decision.decision.lower()]
    more = ", ..." if len(class_names) > SHOWN else ""
    raise UserError(
        f"{decision.where}: the decision {decision.decision!r} for {decision.file!r}, expected {KEEP}, "
        f"{DROP} or a class name: {', '.join(class_names[:SHOWN])}{more}"
    )


class _Finder:
    """The rows of the pictures that decisions name."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.by_id: dict[str, list[int]] = defaultdict(list)
        for row, id in enumerate(dataset.pictures.ids.tolist()):
            self.by_id[id.strip()].append(row)
        self.left_out = {name.strip() for each in dataset.left_out for name in (each.where, each.id)}

    def rows(self, decision: Decision) -> list[int]:
        """More than one where copies share an id; none for what couldn't be used anyway."""
        rows = self.by_id.get(decision.file, [])
        if not rows:
            if decision.file in self.left_out:
                return []
            raise UserError(
                f"{decision.where}: {decision.file!r} is none of the {len(self.dataset.labels):,} pictures "
                f"from {self.dataset.origin}; expected a file of the data set that was audited"
            )
        digests = {row: self.dataset.pictures.digests[row].decode() for row in rows}
        if decision.digest:
            rows = [row for row in rows if digests[row] == decision.digest]
            if not rows:
                raise UserError(
                    f"{decision.where}: {decision.file!r} is another picture now than the one that was "
                    "decided about; audit the data again, or empty its cell in the column digest"
                )
        elif len(set(digests.values())) > 1:
            raise UserError(
                f"{decision.where}: {len(rows)} pictures are called {decision.file!r}; say by the column "
                "digest of audit.csv which is meant"
            )
        return rows


def _tied(groups: np.ndarray | None, ties: list[tuple[int, str]], count: int) -> np.ndarray | None:
    """The groups with the ties added; groups that share a picture become one, under the lowest name."""
    if not ties:
        return groups
    from scipy.sparse import coo_array  # loading data is light, and few tie
    from scipy.sparse.csgraph import connected_components

    ties = ties + [
        (row, group) for row, group in enumerate([] if groups is None else groups.tolist()) if group
    ]
    rows = np.array([row for row, _ in ties])
    names, group = np.unique([name for _, name in ties], return_inverse=True)
    nodes = count + len(names)
    graph = coo_array((np.ones(len(ties)), (rows, count + group)), (nodes, nodes))
    _, component = connected_components(graph, directed=False)
    first = dict(zip(component[count:][::-1].tolist(), names[::-1].tolist(), strict=True))
    return np.array([first.get(each, "") for each in component[:count].tolist()])
