import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.data.dataset import Dataset
from garment_ml.data.split import PARTS, Split, check_disjoint, make_split
from garment_ml.data.split_dataset import split_dataset


def contents(dataset: Dataset, split: Split) -> dict[str, list[bytes]]:
    return {part: dataset.pictures.digests[getattr(split, part)].tolist() for part in PARTS}


def counts(dataset: Dataset, indices: np.ndarray) -> list[int]:
    return np.bincount(dataset.labels[indices], minlength=len(dataset.class_names)).tolist()


def with_copies(dataset: Dataset, sources: list[int], labels: list[int], in_test: list[bool]) -> Dataset:
    """The data set and, behind it, copies of the pictures `sources` under the given labels."""
    flags = dataset.published_test
    if flags is None:
        flags = np.zeros(len(dataset.labels), bool)
    return replace(
        dataset,
        pictures=dataset.pictures.take(np.append(np.arange(len(dataset.labels)), sources)),
        labels=np.concatenate([dataset.labels, labels]),
        published_test=np.concatenate([flags, in_test]),
    )


def test_same_pictures_in_any_order_give_the_same_split(make_dataset, listed):
    dataset = with_copies(make_dataset(), [3, 50, 50], [0, 1, 2], [False] * 3)
    split = make_split(dataset, seed=4)
    for seed in range(3):
        other = listed(dataset, np.random.default_rng(seed).permutation(len(dataset.labels)))
        again = make_split(other, seed=4)
        assert contents(other, again) == contents(dataset, split)
        assert again.digest == split.digest


def test_seed_changes_the_split(make_dataset):
    dataset = make_dataset()
    assert make_split(dataset, seed=0).digest != make_split(dataset, seed=1).digest


def test_every_class_gives_its_share(make_dataset):
    dataset = make_dataset(per_class=100)
    split = make_split(dataset, test_fraction=0.2, validation_fraction=0.25)
    assert [counts(dataset, part) for part in (split.train, split.validation, split.test)] == [
        [60] * 3,
        [20] * 3,
        [20] * 3,
    ]
    everything = np.concatenate([split.train, split.validation, split.test])
    assert sorted(everything) == list(range(300)) and len(split.left_out) == 0


def test_published_test_part_stays_the_test_part(make_dataset):
    flags = np.arange(120) % 3 == 0
    split = make_split(make_dataset(published_test=flags), test_fraction=0.5)
    assert sorted(split.test) == np.flatnonzero(flags).tolist()
    assert len(split.validation) == 9  # a tenth of the 26 or 27 others of each class


def test_copies_stay_on_one_side(make_dataset):
    sources = list(range(0, 120, 2))
    dataset = with_copies(make_dataset(), sources, [0, 1, 2] * 20, [False] * 60)  # many under two labels
    for seed in range(5):
        split = make_split(dataset, seed=seed, validation_fraction=0.3, test_fraction=0.3)
        sides = [set(part) for part in contents(dataset, split).values()]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert sum(len(getattr(split, part)) for part in PARTS) == 180


def test_training_copies_of_test_pictures_are_left_out_and_listed(make_dataset):
    dataset = make_dataset(published_test=np.arange(120) % 4 == 0)
    dataset = with_copies(dataset, [0, 44, 1], [0, 2, 0], [False, False, True])
    split = make_split(dataset)
    # 120 and 121 copy the test pictures 0 and 44 (the latter under another label); 122, in test, copies 1
    assert sorted(split.left_out) == [1, 120, 121]
    assert not {1, 120, 121} & {*split.train, *split.validation} and 122 in split.test


def test_smaller_cuts_are_contained_in_larger_ones_and_change_nothing_else(make_dataset):
    dataset = make_dataset(per_class=1100, classes=4)
    # the last class has twice as many pictures
    dataset = replace(dataset, labels=np.minimum(dataset.labels, 2), class_names=dataset.class_names[:3])
    whole = split_dataset(dataset)
    sizes = [7, 50, 333, 1000, whole.train_pictures]
    cuts = [split_dataset(dataset, train_pictures=count) for count in sizes]
    for smaller, larger in pairwise(cuts):
        assert set(smaller.train.pictures.ids) < set(larger.train.pictures.ids)
    assert [len(cut.train) for cut in cuts] == sizes
    assert np.bincount(cuts[3].train.labels).tolist() == [250, 250, 500]
    for cut in cuts:
        assert cut.split.digest == whole.split.digest
        assert np.array_equal(cut.validation.pictures.ids, whole.validation.pictures.ids)
        assert np.array_equal(cut.open_test_set().pictures.ids, whole.open_test_set().pictures.ids)


def test_a_picture_dropped_leaves_nearly_all_others_where_they_were(make_dataset, listed):
    dataset = make_dataset(per_class=200)
    before, after = make_split(dataset), make_split(listed(dataset, np.arange(1, 600)))
    moved = [
        set(before_part - 1) ^ set(after_part)
        for before_part, after_part in (
            (before.train, after.train),
            (before.validation, after.validation),
            (before.test, after.test),
        )
    ]
    assert sum(len(each - {-1}) for each in moved) <= 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"validation_fraction": 0.0}, "validation_fraction is 0.0, expected more than 0 and less than 1"),
        ({"test_fraction": 1.0}, "test_fraction is 1.0"),
        ({"test_fraction": float("nan")}, "test_fraction is nan"),
        ({"train_pictures": 1000}, "train_pictures is 1,000, expected 1 to 93"),
        ({"train_pictures": 0}, "train_pictures is 0"),
        ({"train_pictures": 2}, "class 'class .' of 'made' has too few different pictures"),
    ],
)
def test_impossible_demands_are_refused_with_the_numbers(make_dataset, arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        split_dataset(make_dataset(), **arguments)


def test_too_small_a_class_is_refused(make_dataset):
    dataset = make_dataset(per_class=2)
    with pytest.raises(
        UserError, match=r"class 'class 0' .* 0 for train, 1 for validation, 1 for test \(of 2\)"
    ):
        make_split(dataset)


def test_a_class_of_copies_of_one_picture_is_refused(make_dataset):
    dataset = make_dataset()
    same = np.where((np.arange(120) >= 40) & (np.arange(120) < 80), 40, np.arange(120))
    dataset = replace(dataset, pictures=dataset.pictures.take(same))
    with pytest.raises(UserError, match=r"class 'class 1' .* 40 for test"):
        make_split(dataset)


def test_a_picture_in_two_parts_is_caught(make_dataset):
    dataset = make_dataset()
    split = make_split(dataset)
    overlapping = replace(split, validation=np.append(split.validation, split.train[0]))
    with pytest.raises(AssertionError, match="1 pictures are in validation and in train"):
        check_disjoint(dataset, overlapping)


def test_stored_split_is_plain_json(make_dataset):
    split = make_split(make_dataset())
    assert json.loads(json.dumps(split.to_json()))["train"] == split.train.tolist()
