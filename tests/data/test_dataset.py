from dataclasses import replace

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.data.dataset import Dataset
from garment_ml.data.pictures import Pictures
from garment_ml.data.split_dataset import split_dataset

IMAGES = np.zeros((4, 2, 3, 1), np.uint8)
LABELS = np.array([0, 1, 0, 1])
NAMES = ("shirt", "bag")


def test_digest_does_not_depend_on_the_order_of_listing(make_dataset, listed):
    dataset = make_dataset(published_test=np.arange(120) % 4 == 0)
    other = listed(dataset, np.random.default_rng(1).permutation(120))
    assert other.digest == dataset.digest and len(dataset.digest) == 32
    assert not np.array_equal(other.pictures.digests, dataset.pictures.digests)


def test_digest_changes_with_a_pixel_a_label_or_a_class_name_but_not_with_parts_or_the_order_of_names():
    def digest(images=IMAGES, labels=LABELS, names=NAMES, test=None) -> str:
        return Dataset("d", Pictures.of(images), labels, names, "here", test).digest

    pixel = IMAGES.copy()
    pixel[3, 1, 2, 0] = 1
    different = [
        digest(),
        digest(images=pixel),
        digest(labels=np.array([0, 1, 1, 1])),
        digest(names=("shirt", "coat")),
    ]
    assert len(set(different)) == 4
    assert digest(test=np.array([True, False, False, False])) == digest()
    assert digest(labels=1 - LABELS, names=NAMES[::-1]) == digest()


def test_picture_digests_tell_shapes_with_the_same_bytes_apart():
    wide, high = Pictures.of(IMAGES), Pictures.of(IMAGES.reshape(4, 3, 2, 1))
    assert len(set(wide.digests)) == 1
    assert wide.digests[0] != high.digests[0]


def test_a_resized_picture_keeps_its_digest_and_its_place_in_the_split(make_dataset):
    dataset = make_dataset()
    pictures = dataset.pictures
    larger = replace(pictures, images=np.repeat(np.repeat(pictures.images, 2, axis=1), 2, axis=2))
    resized = replace(dataset, pictures=larger)
    assert resized.digest == dataset.digest
    assert split_dataset(resized).split.digest == split_dataset(dataset).split.digest


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (IMAGES.astype(np.float32), r"images are float32 \(4, 2, 3, 1\), expected uint8"),
        (IMAGES[..., 0], r"images are uint8 \(4, 2, 3\), expected uint8"),
        (np.zeros((4, 2, 3, 2), np.uint8), "with 1 or 3 channels"),
        (IMAGES[:0], "at least one picture"),
    ],
)
def test_what_are_no_pictures_is_refused(images, sentence):
    with pytest.raises(UserError, match=sentence):
        Pictures.of(images)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": LABELS[:3]}, r"labels are int64 \(3,\), expected int64 \(4,\)"),
        ({"labels": LABELS.astype(np.float64)}, "labels are float64"),
        ({"labels": np.array([0, 1, 2, -1])}, r"label 2 at picture 2 \(2 such\), expected 0 to 1"),
        ({"class_names": ("shirt",)}, "expected at least two"),
        ({"class_names": ("shirt", "shirt")}, "occur twice"),
        ({"class_names": ("shirt", " ")}, "blank"),
        ({"published_test": np.array([0, 0, 1, 1])}, r"published_test is int64 \(4,\), expected bool \(4,\)"),
    ],
)
def test_unfit_arrays_are_named(change, sentence):
    whole = {
        "name": "d",
        "pictures": Pictures.of(IMAGES),
        "labels": LABELS,
        "class_names": NAMES,
        "origin": "a folder",
    }
    with pytest.raises(UserError, match=sentence) as raised:
        Dataset(**{**whole, **change})
    assert "'d' from a folder" in str(raised.value)
