"""Check for what gives the label away without showing a garment: a classifier would learn that instead.

Photographs of one class taken with another camera, before another wall or saved by another program tell the
class by size, background or file type. Each property alone is given to a small decision tree.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from garment_ml.data.audited import Audited, Finding

TIMES_CHANCE = 1.5
STANDARD_ERRORS = 4  # above chance, so that a small data set is not accused of luck
FOLDS = 5
LEAVES_PER_CLASS = 4
FILE_TYPE = re.compile(r"\.[a-z]{3,4}$")


def _own_size(audited: Audited) -> np.ndarray:
    height, width = audited.own_shapes[:, 0], audited.own_shapes[:, 1]
    return np.stack([height, width, width / height], axis=1)


def _file_type(audited: Audited) -> np.ndarray:
    found = (FILE_TYPE.search(id.lower()) for id in audited.dataset.pictures.ids.tolist())
    types = [match[0] if match else "" for match in found]
    return np.unique(types, return_inverse=True)[1][:, np.newaxis]


PROPERTIES: Mapping[str, Callable[[Audited], np.ndarray]] = {
    "brightness": lambda audited: audited.measures.brightness[:, np.newaxis],
    "background": lambda audited: audited.measures.background,
    "own size": _own_size,
    "colour or grey": lambda audited: audited.own_shapes[:, 2:],
    "file type": _file_type,
}


def find_giveaways(audited: Audited) -> list[Finding]:
    """The properties that tell the class clearly better than chance, the best first."""
    labels = audited.dataset.labels
    counts = np.bincount(labels)
    common = counts[labels] >= FOLDS  # of rarer classes no fold could hold one
    counts = counts[counts >= FOLDS]
    if len(counts) < 2:
        return []
    chance = 1 / len(counts)
    error = np.sqrt(chance * (1 - chance) * np.mean(1 / counts) / len(counts))
    limit = max(TIMES_CHANCE * chance, chance + STANDARD_ERRORS * error)
    findings = []
    for name, measured in PROPERTIES.items():
        told = _balanced_accuracy(measured(audited)[common], labels[common])
        if told > limit:
            note = f"balanced accuracy by {name} alone, {chance:.2f} by chance"
            findings.append(Finding(told, note, group=name))
    return sorted(findings, key=lambda finding: -finding.value)


def _balanced_accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    """Cross-validated; 0 where all pictures are alike."""
    if (features == features[0]).all():
        return 0.0
    leaves = LEAVES_PER_CLASS * len(np.unique(labels))
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, class_weight="balanced", random_state=0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return float(balanced_accuracy_score(labels, cross_val_predict(tree, features, labels, cv=folds)))
