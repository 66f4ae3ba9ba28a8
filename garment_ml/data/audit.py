"""The checks of the audit, one entry each, and what they find in a data set."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.data.audit_duplicates import (
    find_copies,
    find_copies_across_parts,
    find_label_conflicts,
    find_near,
    find_near_across_parts,
)
from garment_ml.data.audit_giveaways import find_giveaways
from garment_ml.data.audit_labels import find_label_errors, find_weak_groups
from garment_ml.data.audit_quality import (
    find_blank,
    find_blurred,
    find_dark,
    find_odd_shapes,
    find_small_classes,
    find_unreadable,
)
from garment_ml.data.audited import Audited, Finding
from garment_ml.data.dataset import Dataset
from garment_ml.data.split import PARTS
from garment_ml.data.split_dataset import SplitDataset, split_dataset

LEFT_OUT = "left out"  # of learning, as the picture is in the published test part, too


@dataclass(frozen=True)
class Check:
    """`find` gives the worst first; `name` is what tables, files and metrics call the check."""

    name: str
    title: str
    find: Callable[[Audited], list[Finding]]
    needs_opinion: bool = False  # of a first model


CHECKS = (
    Check("unreadable", "Files that can't be used", find_unreadable),
    Check("small_class", "Classes with few pictures", find_small_classes),
    Check("blank", "Pictures that show nothing", find_blank),
    Check("dark", "Dark pictures", find_dark),
    Check("blurred", "Blurred pictures", find_blurred),
    Check("odd_shape", "Pictures of odd shape or size", find_odd_shapes),
    Check("copies", "The same picture again in one part", find_copies),
    Check("copies_across_parts", "The same picture in two parts", find_copies_across_parts),
    Check("near", "Nearly the same picture in one part", find_near),
    Check("near_across_parts", "Nearly the same picture in two parts", find_near_across_parts),
    Check("label_conflict", "Duplicates with different labels", find_label_conflicts),
    Check("label_error", "Labels that are likely wrong", find_label_errors, needs_opinion=True),
    Check("weak_group", "What a first model does worst on", find_weak_groups, needs_opinion=True),
    Check("giveaway", "What tells the class without showing a garment", find_giveaways),
)


def audit(audited: Audited, checks: tuple[Check, ...] = CHECKS) -> dict[Check, list[Finding]]:
    """What each check finds, in their order; without a first model those that need one are left out."""
    able = (check for check in checks if audited.probabilities is not None or not check.needs_opinion)
    return {check: check.find(audited) for check in able}


def split_for_audit(dataset: Dataset, seed: int) -> tuple[Audited, SplitDataset | None]:
    """The data set with the part of each picture, and its split where one can be made.

    Pictures of the test part are looked at, but no model is chosen by them.
    """
    try:
        data = split_dataset(dataset, seed=seed)
    except UserError as error:
        say(f"it can't be split yet: {error}")
        published = dataset.published_test
        if published is None or not published.any():
            return Audited(dataset, np.full(len(dataset.labels), "")), None
        return Audited(dataset, np.where(published, "test", "train")), None
    parts = np.full(len(dataset.labels), LEFT_OUT, "U10")
    for part in PARTS:
        parts[getattr(data.split, part)] = part
    return Audited(dataset, parts), data
