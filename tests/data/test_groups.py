"""Pictures of one product stay together, whatever the split is."""

from dataclasses import replace

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.data.file_dataset import group_finder
from garment_ml.data.split import PARTS, make_split


def parts_of(dataset, split, group):
    """The parts in which pictures of the group are."""
    return {part for part in PARTS if (dataset.groups[getattr(split, part)] == group).any()}


def test_a_group_is_on_one_side_of_the_split(make_dataset):
    dataset = make_dataset(per_class=60)
    groups = np.array([f"product {row // 3}" for row in range(180)])
    dataset = replace(dataset, groups=groups)
    split = make_split(dataset, seed=1)
    for group in set(groups):
        assert len(parts_of(dataset, split, group)) == 1
    assert all(len(getattr(split, part)) >= 3 for part in PARTS)


def test_pictures_without_a_group_are_drawn_as_before(make_dataset):
    dataset = make_dataset()
    none = replace(dataset, groups=np.full(len(dataset.labels), ""))
    assert make_split(none).digest == make_split(dataset).digest


def test_copies_of_a_picture_in_two_groups_tie_these_together(make_dataset):
    dataset = make_dataset(per_class=60)
    rows = np.append(np.arange(180), 0)  # the first picture again, in another group
    groups = np.array([f"product {row // 3}" for row in range(180)] + ["product 50"])
    dataset = replace(
        dataset, pictures=dataset.pictures.take(rows), labels=dataset.labels[rows], groups=groups
    )
    for seed in range(5):
        split = make_split(dataset, seed=seed)
        assert parts_of(dataset, split, "product 0") == parts_of(dataset, split, "product 50")
        assert len(parts_of(dataset, split, "product 0")) == 1


def test_pictures_of_a_product_in_the_published_test_part_are_not_learnt_from(make_dataset):
    published = np.arange(120) % 5 == 0
    dataset = make_dataset(published_test=published)
    dataset = replace(dataset, groups=np.where(np.arange(120) < 3, "shared", ""))
    split = make_split(dataset)
    assert set(split.left_out) == {1, 2}  # picture 0 is in the test part


@pytest.mark.parametrize("pattern", ["[", "^[0-9]+_", "(a)(b)"])
def test_a_pattern_needs_exactly_one_group(pattern):
    with pytest.raises(UserError, match=r"no regular expression|groups in parentheses, expected one"):
        group_finder(pattern)
