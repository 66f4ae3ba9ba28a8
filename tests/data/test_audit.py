"""Each check finds the fault that was planted, and accuses none of the clean pictures."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from garment_ml.data.array_pictures import bring_to_form
from garment_ml.data.audit import CHECKS, audit, split_for_audit
from garment_ml.data.audited import Audited
from garment_ml.data.dataset import Dataset
from garment_ml.data.near_duplicates import THUMBNAIL_SIDE, near_pairs
from garment_ml.data.pictures import Pictures
from garment_ml.data.source_options import LeftOut, SourceOptions

CLEAN, SIDE = 120, 32


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """Fine checks and coarse blobs in different places and colours, all about equally sharp and bright."""
    random = np.random.default_rng(0)
    coarse = random.integers(40, 200, (CLEAN, 8, 8, 3), np.uint8)
    images = np.stack([np.asarray(Image.fromarray(each).resize((SIDE, SIDE))) for each in coarse])
    noise = random.integers(0, 56, images.shape, np.uint8)
    return images + noise


def dataset_of(images, labels=None, **others) -> Dataset:
    labels = np.arange(len(images)) % 3 if labels is None else labels
    pictures = Pictures.of(images, ids=[f"{row}.jpg" for row in range(len(images))])
    return Dataset("made", pictures, labels, ("a", "b", "c"), "a test", **others)


def found(dataset: Dataset, parts=None) -> dict[str, list]:
    """What was found, by the check's name; checks that found nothing are left out."""
    parts = np.full(len(dataset.labels), "train") if parts is None else parts
    results = audit(Audited(dataset, parts))
    return {check.name: findings for check, findings in results.items() if findings}


def rows(findings) -> list[int]:
    return [each.row for each in findings]


def blurred(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(3)))


@pytest.mark.slow
def test_clean_pictures_are_not_accused(clean):
    assert found(dataset_of(clean)) == {}
    assert found(dataset_of(clean[..., :1])) == {}


def test_checks_have_different_names_that_files_can_have():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("blank", lambda image: np.full_like(image, 250)),
        ("blank", lambda image: image // 20),
        ("dark", lambda image: image // 5),
        ("blurred", blurred),
    ],
)
def test_a_picture_that_shows_little_is_found(clean, check, fault):
    images = clean.copy()
    images[7] = fault(images[7])
    accused = found(dataset_of(images))
    assert accused.keys() == {check}
    assert rows(accused[check]) == [7]


def test_red_on_green_of_one_grey_is_not_blank(clean):
    images = clean.copy()
    images[7] = [0, 110, 0]
    images[7, 8:24, 8:24] = [216, 0, 0]
    assert "blank" not in found(dataset_of(images))


def test_odd_shapes_are_told_from_the_own_sizes(clean):
    dataset = dataset_of(clean)
    own = np.full((CLEAN, 3), [400, 300, 3])
    own[3], own[9] = [300, 1200, 3], [80, 60, 3]
    (findings,) = found(replace(dataset, pictures=replace(dataset.pictures, own_shapes=own))).values()
    assert [(each.row, round(each.value, 2)) for each in findings] == [(3, 5.33), (9, 5.0)]
    assert findings[0].note == "1200 x 300; most are about 300 x 400"


def test_the_own_size_is_known_after_pictures_were_brought_to_another(clean):
    resized = bring_to_form(dataset_of(clean).pictures, SourceOptions(side=8, channels=1))
    some = resized.take(np.array([1, 5]))
    assert some.shape == (8, 8, 1)
    assert some.own_shapes.tolist() == [[SIDE, SIDE, 3]] * 2


def test_copies_and_near_duplicates_are_told_apart_by_their_parts(clean):
    noise = np.random.default_rng(1).integers(0, 4, clean[0].shape, np.uint8)
    images = np.concatenate([clean, clean[:2], clean[2:4] + noise])
    labels = np.append(np.arange(CLEAN), [0, 1, 2, 3]) % 3
    parts = np.full(len(images), "train")
    parts[[1, 3]] = "test"
    accused = found(dataset_of(images, labels), parts)
    assert {name: rows(findings) for name, findings in accused.items()} == {
        "copies": [0, CLEAN],
        "copies_across_parts": [1, CLEAN + 1],
        "near": [2, CLEAN + 2],
        "near_across_parts": [3, CLEAN + 3],
    }
    assert accused["near"][0].group == accused["near"][1].group != accused["near_across_parts"][0].group
    assert "in test, train" in accused["near_across_parts"][0].note


def test_duplicates_with_different_labels_are_found(clean):
    noise = np.random.default_rng(1).integers(0, 4, clean[0].shape, np.uint8)
    images = np.concatenate([clean, clean[:1], clean[2:3] + noise, clean[5:6]])
    labels = np.append(np.arange(CLEAN), [1, 0, 2]) % 3  # the last copy has the right one
    assert rows(found(dataset_of(images, labels))["label_conflict"]) == [0, CLEAN, 2, CLEAN + 1]


def test_blank_pictures_are_not_near_duplicates_of_each_other(clean):
    images = np.concatenate([clean, np.full((2, SIDE, SIDE, 3), [[[[9]]], [[[11]]]], np.uint8)])
    assert found(dataset_of(images)).keys() == {"blank"}


def test_a_class_with_few_pictures_and_what_could_not_be_used_are_listed(clean):
    labels = np.arange(CLEAN) % 2
    labels[:3] = 2
    accused = found(dataset_of(clean, labels, left_out=(LeftOut("x/broken.jpg", "is damaged"),)))
    assert [(each.class_name, each.value) for each in accused["small_class"]] == [("c", 3)]
    assert [(each.file, each.note) for each in accused["unreadable"]] == [("x/broken.jpg", "is damaged")]


@pytest.mark.parametrize("told_by", ["brightness", "background", "own size", "colour or grey", "file type"])
def test_a_property_that_tells_the_class_is_found(clean, told_by):
    images, labels = clean // 2 + 20, np.arange(CLEAN) % 2
    own, ids = np.full((CLEAN, 3), [400, 300, 3]), np.array([f"{row}.jpg" for row in range(CLEAN)])
    if told_by == "brightness":
        images = images + (60 * labels[:, None, None, None]).astype(np.uint8)
        images[:, [0, -1]] = images[:, :, [0, -1]] = 0
    elif told_by == "background":
        images[:, [0, -1]] = images[:, :, [0, -1]] = 80 + 10 * labels[:, None, None, None]
    elif told_by == "own size":
        own[labels == 1, 0] += 8
    elif told_by == "colour or grey":
        own[labels == 1, 2] = 1
    else:
        ids[labels == 1] = [f"{row}.png" for row in np.flatnonzero(labels)]
    pictures = replace(Pictures.of(images, ids=ids), own_shapes=own)
    (finding,) = found(Dataset("d", pictures, labels, ("a", "b"), "here"))["giveaway"]
    assert finding.group == told_by
    assert finding.value > 0.95


def test_near_pairs_are_those_of_a_comparison_of_all_with_all():
    random = np.random.default_rng(0)
    small = random.uniform(60, 200, (300, THUMBNAIL_SIDE**2)).astype(np.float32)
    small[200:] = small[:100] + random.normal(0, 1, (100, 1)) * np.linspace(0, 9, 100)[:, None]
    all_pairs = np.sqrt(((small[:, None] - small) ** 2).mean(axis=2))
    expected = np.argwhere(np.triu(all_pairs < 4.5, 1))
    pairs, distances = near_pairs(small)
    assert 20 < len(expected) < 100
    assert np.array_equal(pairs, expected)
    assert np.allclose(distances, all_pairs[tuple(expected.T)], atol=1e-3)


def test_pictures_that_are_all_alike_do_not_fill_memory():
    small = np.random.default_rng(0).uniform(100, 101, (500, THUMBNAIL_SIDE**2)).astype(np.float32)
    pairs, _ = near_pairs(small)
    assert 500 / 2 <= len(pairs) <= 15 * 500


def test_parts_are_those_of_the_split(clean):
    data = dataset_of(np.concatenate([clean, clean[:1]]), np.append(np.arange(CLEAN), 0) % 3)
    in_test = np.arange(CLEAN + 1) < 30
    audited, split = split_for_audit(replace(data, published_test=in_test), seed=0)
    assert split is not None
    assert audited.parts[-1] == "left out"  # a copy of one in the test part
    assert set(audited.parts[:30]) == {"test"}
    assert set(audited.parts) == {"train", "validation", "test", "left out"}
    assert len(split.split.validation) == np.sum(audited.parts == "validation")


def test_what_can_not_be_split_is_audited_all_the_same(clean):
    labels = np.arange(CLEAN) % 2
    labels[0] = 2
    audited, split = split_for_audit(dataset_of(clean, labels), seed=0)
    assert split is None
    assert found(audited.dataset, audited.parts).keys() == {"small_class"}


def opinion(labels: np.ndarray, of: np.ndarray, confidence: float = 0.9) -> np.ndarray:
    """Probabilities of a model that takes each picture for `of`."""
    said = np.full((len(labels), 3), (1 - confidence) / 2)
    said[np.arange(len(labels)), of] = confidence
    return said


def test_labels_against_which_a_first_model_is_sure_are_named(clean):
    truth = np.arange(CLEAN) % 3
    labels = truth.copy()
    labels[[7, 40]] = (truth[[7, 40]] + 1) % 3
    said = opinion(labels, truth)
    said[40] = [0.01, 0.98, 0.01]  # picture 40 is a "b", and this is the surer of the two
    made = dataset_of(clean, labels)
    (findings,) = (check.find(Audited(made, truth.astype(str), said)) for check in CHECKS
                   if check.name == "label_error")  # fmt: skip
    assert rows(findings) == [40, 7]
    assert findings[0].value == pytest.approx(0.01)
    assert findings[0].note == "probability of its label; b has 0.98"


def test_the_groups_a_first_model_does_worst_on_are_named(clean):
    labels = np.arange(CLEAN) % 3
    guessed = labels.copy()
    guessed[labels == 2] = np.where(np.arange((labels == 2).sum()) % 2, 2, 0)
    groups = np.where(np.arange(CLEAN) < 30, "studio", "street")
    made = dataset_of(clean, labels, groups=groups)
    (findings,) = (check.find(Audited(made, labels.astype(str), opinion(labels, guessed))) for check in CHECKS
                   if check.name == "weak_group")  # fmt: skip
    assert [(each.group, each.value) for each in findings] == [("class c", 0.5)]
    assert "40 pictures; on all it is 0.833" in findings[0].note
