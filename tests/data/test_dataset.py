import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.data.dataset import Dataset

IMAGES = np.zeros((4, 2, 3, 1), np.uint8)
LABELS = np.array([0, 1, 0, 1])
NAMES = ("shirt", "bag")


def test_digest_does_not_depend_on_the_order_of_listing(make_dataset, listed):
    dataset = make_dataset(published_test=np.arange(120) % 4 == 0)
    other = listed(dataset, np.random.default_rng(1).permutation(120))
    assert other.digest == dataset.digest and len(dataset.digest) == 32
    assert not np.array_equal(other.picture_digests, dataset.picture_digests)


def test_digest_changes_with_a_pixel_a_label_a_part_or_a_class_name():
    def digest(images=IMAGES, labels=LABELS, names=NAMES, test=None) -> str:
        return Dataset("d", images, labels, names, "here", test).digest

    pixel = IMAGES.copy()
    pixel[3, 1, 2, 0] = 1
    digests = {
        digest(),
        digest(images=pixel),
        digest(labels=np.array([0, 1, 1, 1])),
        digest(names=("bag", "shirt")),
        digest(test=np.array([True, False, False, False])),
    }
    assert len(digests) == 5


def test_picture_digests_tell_shapes_with_the_same_bytes_apart():
    wide = Dataset("d", IMAGES, LABELS, NAMES, "here")
    high = Dataset("d", IMAGES.reshape(4, 3, 2, 1), LABELS, NAMES, "here")
    assert len(set(wide.picture_digests)) == 1
    assert wide.picture_digests[0] != high.picture_digests[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": IMAGES.astype(np.float32)}, r"images are float32 \(4, 2, 3, 1\), expected uint8"),
        ({"images": IMAGES[..., 0]}, r"images are uint8 \(4, 2, 3\), expected uint8"),
        ({"images": np.zeros((4, 2, 3, 2), np.uint8)}, "with 1 or 3 channels"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "at least one picture"),
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
    whole = {"name": "d", "images": IMAGES, "labels": LABELS, "class_names": NAMES, "origin": "a folder"}
    with pytest.raises(UserError, match=sentence) as raised:
        Dataset(**{**whole, **change})
    assert "'d' from a folder" in str(raised.value)
