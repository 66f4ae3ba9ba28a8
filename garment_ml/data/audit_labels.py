"""Checks that need a first model's opinion: labels that are likely wrong, and pictures it does worst on."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import binomtest

from garment_ml.base.errors import UserError
from garment_ml.data.audited import Audited, Finding

SHARES = 5  # equal parts by brightness, by sharpness and by size
FEWEST = 20  # pictures of a group that is judged


def check_cleanlab() -> None:
    """UserError when the optional package isn't there."""
    try:
        import cleanlab.filter  # noqa: F401
    except ImportError:
        raise UserError("likely label errors are found by cleanlab: pip install cleanlab") from None


def find_label_errors(audited: Audited) -> list[Finding]:
    """By confident learning (Northcutt et al. 2021, arXiv:1911.00068) on out-of-fold probabilities.

    The least likely label first.
    """
    probabilities, labels = _opinion(audited), audited.dataset.labels
    from cleanlab.filter import find_label_issues  # an optional package

    rows = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    names = audited.dataset.class_names
    return [
        Finding(
            float(probabilities[row, labels[row]]),
            f"probability of its label; {names[probabilities[row].argmax()]} has "
            f"{probabilities[row].max():.2f}",
            int(row),
        )
        for row in rows
    ]


def find_weak_groups(audited: Audited) -> list[Finding]:
    """Groups on which the first model is clearly below its average, the worst first.

    By class, brightness, sharpness, size, and by the groups that the data names.
    """
    correct = _opinion(audited).argmax(axis=1) == audited.dataset.labels
    findings = []
    for name, members in _groups(audited):
        right, count = int(correct[members].sum()), int(members.sum())
        if count < FEWEST:
            continue
        highest = binomtest(right, count).proportion_ci(0.95, method="wilson").high
        if highest < correct.mean():
            note = f"accuracy of a first model on {count:,} pictures; on all it is {correct.mean():.3f}"
            findings.append(Finding(right / count, note, group=name))
    return sorted(findings, key=lambda finding: finding.value)


def _opinion(audited: Audited) -> np.ndarray:
    if audited.probabilities is None:
        raise ValueError("this check needs the probabilities of a first model")
    return audited.probabilities


def _groups(audited: Audited) -> Iterator[tuple[str, np.ndarray]]:
    dataset, measures = audited.dataset, audited.measures
    for label, name in enumerate(dataset.class_names):
        yield f"class {name}", dataset.labels == label
    size = np.sqrt(audited.own_shapes[:, 0].astype(float) * audited.own_shapes[:, 1])
    properties = {"brightness": measures.brightness, "sharpness": measures.sharpness, "own size": size}
    for name, values in properties.items():
        if np.ptp(values):
            part = np.searchsorted(np.quantile(values, np.linspace(0, 1, SHARES + 1)[1:-1]), values)
            for number in np.unique(part):
                yield f"{name}, fifth {number + 1} of {SHARES}", part == number
    for name in np.unique(dataset.groups) if dataset.groups is not None else ():
        if name:
            yield f"group {name}", dataset.groups == name
