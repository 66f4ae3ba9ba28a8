"""Probes on random weights: what is tested is the protocol, not what VGG16 knows."""

import numpy as np
import pytest

from garment_ml.data.sources import load_dataset
from garment_ml.data.split_dataset import split_dataset
from garment_ml.studies import probes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample():
    return load_dataset("sample")


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(probes, "MOST", 240)


def test_each_curve_is_judged_on_the_same_pictures_over_nested_parts(sample, small):
    data = split_dataset(sample, seed=0)
    curves, judged = probes.probe_curves(data, "vgg16", "none", "accuracy")
    assert list(curves) == ["pixels", *(f"block{number}_pool" for number in range(1, 6))]
    assert judged == 120
    for points in curves.values():
        assert [point.pictures for point in points] == [60, 120, 240]
    assert curves["pixels"][-1].mean > 0.6  # 0.10 by chance
    by_f1, _ = probes.probe_curves(data, "vgg16", "none", "macro_f1")
    assert by_f1["pixels"][-1].mean != curves["pixels"][-1].mean


def test_no_probe_judges_a_picture_it_has_seen_nor_a_copy(sample):
    every = np.arange(0, len(sample.labels), 10)
    rows = np.r_[every, every[:100]]  # the first hundred are there twice
    twice = type(sample)(
        "twice", sample.pictures.take(rows), sample.labels[rows], sample.class_names, sample.origin
    )
    folds = probes._folds(twice, seed=0)
    assert (folds[:100] == folds[300:]).all()
    assert set(folds) == set(range(probes.FOLDS))
    said = probes.out_of_fold_probabilities(twice, "vgg16", "none", seed=0)
    assert said.shape == (400, 10)
    assert said.sum(axis=1) == pytest.approx(1, abs=1e-5)
    accuracy = np.mean(said.argmax(axis=1) == twice.labels)
    assert 0.3 < accuracy < 0.95  # having seen the copies it would be near 1
