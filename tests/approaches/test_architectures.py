import math

import keras
import numpy as np
import pytest

from garment_ml.approaches.architectures import ARCHITECTURES, find_architecture
from garment_ml.approaches.augmentation import Augmentation
from garment_ml.approaches.hyperparameter import default_values
from garment_ml.approaches.scratch_cnn import ScratchCNN
from garment_ml.approaches.training import count_parameters
from garment_ml.base.errors import UserError

TEN = tuple("abcdefghij")


def approach_of(architecture: str, shape=(28, 28, 1), **settings) -> ScratchCNN:
    return ScratchCNN(architecture=architecture, class_names=TEN, picture_shape=shape, **settings)


def build(approach: ScratchCNN, **values):
    return approach.build({**default_values(approach.hyperparameters()), **values})


def pictures(shape, count=5, low=0) -> np.ndarray:
    return np.random.default_rng(0).integers(low, 256, (count, *shape), dtype=np.uint8)


def test_an_unknown_architecture_is_refused_with_the_choices():
    with pytest.raises(UserError, match=r"'resnet'; choose one of: fast, dropout, baseline"):
        find_architecture("resnet")


def test_the_published_recipes_have_their_published_sizes():
    convolution, dense, logits = 3 * 3 * 1 * 32 + 32, 13 * 13 * 32 * 100 + 100, 100 * 10 + 10
    assert count_parameters(build(approach_of("baseline"))) == (convolution + dense + logits, 0)

    # 28 -> 26 -> 13 -> 11 -> 5 -> 3
    convolutions = (3 * 3 * 1 * 32 + 32) + (3 * 3 * 32 * 64 + 64) + (3 * 3 * 64 * 128 + 128)
    dense, logits = 3 * 3 * 128 * 128 + 128, 128 * 10 + 10
    assert count_parameters(build(approach_of("dropout"))) == (convolutions + dense + logits, 0)


def dropout_rates(architecture: str, **values) -> list[float]:
    layers = build(approach_of(architecture), **values).layers
    return [layer.rate for layer in layers if type(layer).__name__ == "Dropout"]


def test_the_dropout_recipe_keeps_its_proportions():
    assert dropout_rates("dropout") == pytest.approx([0.25, 0.25, 0.4, 0.3])
    assert dropout_rates("dropout", dropout=0.15) == pytest.approx([0.125, 0.125, 0.2, 0.15])
    assert dropout_rates("dropout", dropout=0.9) == pytest.approx([0.75, 0.75, 0.9, 0.9])


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 40, 3)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_gives_probabilities_for_raw_pictures(architecture, shape):
    approach = approach_of(architecture, shape, mirror="never")
    model = build(approach, width=4)
    servable = approach.servable(approach.calibrated(approach.as_served(model)))
    raw = pictures(shape)
    probabilities = np.asarray(servable(raw))
    assert servable.input.dtype == "uint8" and probabilities.shape == (5, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert probabilities.min() >= 0 and probabilities.std(axis=0).max() > 0
    logits = np.asarray(model(raw.astype("float32"), training=False), "float64")
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_looks_twice_gives_the_mean_of_both_looks_and_the_same_for_a_mirror_image(architecture):
    approach = approach_of(architecture, mirror="always")
    model = build(approach, width=4)
    served, raw = approach.as_served(model), pictures((28, 28, 1))
    logits, of_mirrored = (np.asarray(model(each.astype("float32"))) for each in (raw, raw[:, :, ::-1]))
    np.testing.assert_allclose(served(raw), (logits + of_mirrored) / 2, atol=1e-4)
    servable = approach.servable(approach.calibrated(served))
    np.testing.assert_allclose(servable(raw), servable(raw[:, :, ::-1].copy()), atol=1e-5)


def test_the_published_recipes_look_once_as_published():
    looks = {name: approach_of(name).describe()["mirror"] for name in ARCHITECTURES}
    assert looks == {"fast": "always", "dropout": "never", "baseline": "never"}


def test_only_the_recipe_that_shifts_augments():
    assert approach_of("fast").augmentation({}) == Augmentation(shift=1)
    assert approach_of("fast", mirror="never").augmentation({}) == Augmentation(shift=1, flips=False)
    assert approach_of("baseline").augmentation({}) is None


def multiplications(model) -> int:
    """Of the convolutions, for one picture."""
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    return sum(math.prod(each.output.shape[1:3]) * math.prod(each.kernel.shape) for each in convolutions)


@pytest.mark.parametrize("side", [48, 64, 150, 224])
def test_larger_pictures_cost_about_as_much(side):
    small, large = (multiplications(build(approach_of("fast", (each, each, 3)))) for each in (28, side))
    assert 0.5 * small < large < 3 * small
