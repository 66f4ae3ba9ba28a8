import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.data.dataset import Dataset
from garment_ml.data.split import PARTS, Split, check_disjoint, split_dataset


def contents(dataset: Dataset, split: Split) -> dict[str, list[bytes]]:
    return {part: dataset.picture_digests[getattr(split, part)].tolist() for part in PARTS}


def counts(dataset: Dataset, indices: np.ndarray) -> list[int]:
    return np.bincount(dataset.labels[indices], minlength=len(dataset.class_names)).tolist()


def with_copies(dataset: Dataset, sources: list[int], labels: list[int], in_test: list[bool]) -> Dataset:
    """The data set and, behind it, copies of the pictures `sources` under the given labels."""
    flags = dataset.published_test
    if flags is None:
        flags = np.zeros(len(dataset.labels), bool)
    return replace(
        dataset,
        images=np.concatenate([dataset.images, dataset.images[sources]]),
        labels=np.concatenate([dataset.labels, labels]),
        published_test=np.concatenate([flags, in_test]),
    )


def test_same_pictures_in_any_order_give_the_same_split(make_dataset, listed):
    dataset = with_copies(make_dataset(), [3, 50, 50], [0, 1, 2], [False] * 3)
    split = split_dataset(dataset, seed=4)
    for seed in range(3):
        other = listed(dataset, np.random.default_rng(seed).permutation(len(dataset.labels)))
        again = split_dataset(other, seed=4)
        assert contents(other, again) == contents(dataset, split)
        assert again.digest == split.digest


def test_seed_changes_the_split(make_dataset):
    dataset = make_dataset()
    assert split_dataset(dataset, seed=0).digest != split_dataset(dataset, seed=1).digest


def test_every_class_gives_its_share(make_dataset):
    dataset = make_dataset(per_class=100)
    split = split_dataset(dataset, test_fraction=0.2, validation_fraction=0.25)
    assert [counts(dataset, part) for part in (split.train, split.validation, split.test)] == [
        [60] * 3,
        [20] * 3,
        [20] * 3,
    ]
    everything = np.concatenate([split.train, split.validation, split.test])
    assert sorted(everything) == list(range(300)) and len(split.left_out) == 0


def test_published_test_part_stays_the_test_part(make_dataset):
    flags = np.arange(120) % 3 == 0
    split = split_dataset(make_dataset(published_test=flags), test_fraction=0.5)
    assert sorted(split.test) == np.flatnonzero(flags).tolist()
    assert len(split.validation) == 9  # a tenth of the 26 or 27 others of each class


def test_copies_stay_on_one_side(make_dataset):
    sources = list(range(0, 120, 2))
    dataset = with_copies(make_dataset(), sources, [0, 1, 2] * 20, [False] * 60)  # many under two labels
    for seed in range(5):
        split = split_dataset(dataset, seed=seed, validation_fraction=0.3, test_fraction=0.3)
        sides = [set(part) for part in contents(dataset, split).values()]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert sum(len(getattr(split, part)) for part in PARTS) == 180


def test_training_copies_of_test_pictures_are_left_out_and_listed(make_dataset):
    dataset = make_dataset(published_test=np.arange(120) % 4 == 0)
    dataset = with_copies(dataset, [0, 44, 1], [0, 2, 0], [False, False, True])
    split = split_dataset(dataset)
    # 120 and 121 copy the test pictures 0 and 44 (the latter under another label); 122, in test, copies 1
    assert sorted(split.left_out) == [1, 120, 121]
    assert not {1, 120, 121} & {*split.train, *split.validation} and 122 in split.test


def test_smaller_cuts_are_contained_in_larger_ones(make_dataset):
    dataset = make_dataset(per_class=1100, classes=4)
    dataset = replace(
        dataset, labels=np.minimum(dataset.labels, 2)
    )  # the last class has twice as many pictures
    dataset = replace(dataset, class_names=dataset.class_names[:3])
    whole = split_dataset(dataset)
    cuts = [split_dataset(dataset, train_pictures=count) for count in (7, 50, 333, 1000, len(whole.train))]
    for smaller, larger in pairwise(cuts):
        assert set(smaller.train) < set(larger.train) and set(smaller.validation) <= set(larger.validation)
    assert [len(cut.train) for cut in cuts] == [7, 50, 333, 1000, len(whole.train)]
    assert counts(dataset, cuts[3].train) == [250, 250, 500]
    assert cuts[-1].digest == whole.digest != cuts[0].digest
    assert all(np.array_equal(cut.test, whole.test) for cut in cuts)


def test_validation_is_cut_in_proportion_but_not_below_2000(make_dataset):
    dataset = make_dataset(per_class=4000, classes=2)
    split = split_dataset(dataset, validation_fraction=0.5, test_fraction=0.1)
    assert (len(split.train), len(split.validation)) == (3600, 3600)
    sizes = {
        count: len(
            split_dataset(
                dataset, validation_fraction=0.5, test_fraction=0.1, train_pictures=count
            ).validation
        )
        for count in (3600, 2700, 100)
    }
    assert sizes == {3600: 3600, 2700: 2700, 100: 2000}


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
        split_dataset(dataset)


def test_a_class_of_copies_of_one_picture_is_refused(make_dataset):
    dataset = make_dataset()
    dataset.images[40:80] = dataset.images[40]
    with pytest.raises(UserError, match=r"class 'class 1' .* 40 for test"):
        split_dataset(dataset)


def test_a_picture_in_two_parts_is_caught(make_dataset):
    dataset = make_dataset()
    split = split_dataset(dataset)
    overlapping = replace(split, validation=np.append(split.validation, split.train[0]))
    with pytest.raises(AssertionError, match="1 pictures are in validation and in train"):
        check_disjoint(dataset, overlapping)


def test_stored_split_comes_back_as_it_was(make_dataset, tmp_path):
    dataset = with_copies(make_dataset(published_test=np.arange(120) % 4 == 0), [0], [0], [False])
    split = split_dataset(dataset, seed=3, train_pictures=30)
    split.save(tmp_path / "split.json")
    again = Split.load(tmp_path / "split.json", dataset)
    assert all(np.array_equal(getattr(again, part), getattr(split, part)) for part in (*PARTS, "left_out"))
    assert (again.seed, again.digest, again.train.dtype) == (3, split.digest, np.int64)
    assert again.left_out.tolist() == [120]


def test_stored_split_is_checked_against_the_pictures_and_labels(make_dataset, listed, tmp_path):
    dataset = make_dataset()
    path = tmp_path / "split.json"
    split_dataset(dataset).save(path)
    relabelled = replace(dataset, labels=dataset.labels[::-1].copy())
    for other in (make_dataset(seed=1), listed(dataset, np.arange(119, -1, -1)), relabelled):
        with pytest.raises(UserError, match="was made from other pictures, or from these in another order"):
            Split.load(path, other)
    with pytest.raises(UserError, match="do not fit the 60 pictures"):
        Split.load(path, listed(dataset, np.arange(60)))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"train": "x"}'])
def test_unreadable_split_file_is_named(make_dataset, tmp_path, text):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(UserError, match=r"split\.json: "):
        Split.load(tmp_path / "split.json", make_dataset())
    with pytest.raises(UserError, match=r"missing\.json"):
        Split.load(tmp_path / "missing.json", make_dataset())


def test_stored_split_is_plain_json(make_dataset):
    split = split_dataset(make_dataset())
    assert json.loads(json.dumps(split.to_json()))["train"] == split.train.tolist()
