import json

import keras
import numpy as np
import pytest

from garment_ml.approaches import fast_layers
from garment_ml.approaches.approach import LearningInputs
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.fast_layers import FastBatchNorm, PartlyIdentity, whiten
from garment_ml.approaches.hyperparameter import default_values
from garment_ml.approaches.scratch_cnn import ScratchCNN
from garment_ml.approaches.training import predict, train

CLASSES = ("dark", "middle", "bright")


def approach_of(shape):
    return ScratchCNN(architecture="fast", class_names=CLASSES, picture_shape=shape)


def values_of(approach, **values):
    return {**default_values(approach.hyperparameters()), "width": 4, "batch_size": 32, **values}


def pictures(shape, count=96):
    """Blurred noise, whose patches are far from white, of three levels of brightness."""
    random = np.random.default_rng(0)
    noise = random.normal(0, 40, (count, *shape)).cumsum(axis=1).cumsum(axis=2) / 8
    labels = np.arange(count) % 3
    images = np.clip(128 + noise + 40 * (labels - 1)[:, None, None, None], 0, 255)
    return images.astype(np.uint8), labels


@pytest.mark.parametrize("shape", [(12, 12, 1), (12, 12, 3), (90, 80, 3)])
def test_the_first_convolution_gives_decorrelated_channels_of_one_size_and_their_negatives(shape):
    approach = approach_of(shape)
    model = approach.build(values_of(approach))
    images, _ = pictures(shape)
    whiten(model, images)
    layer = model.get_layer("whitening")
    outputs = keras.Model(model.input, layer.output)(images.astype("float32")).numpy()
    inner = outputs[:, 2:-2, 2:-2].reshape(-1, layer.filters)  # its edges see black beside the picture
    half = layer.filters // 2
    np.testing.assert_allclose(inner[:, half:], -inner[:, :half], atol=1e-3)
    covariance = np.cov(inner[:, :half], rowvar=False)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.3
    assert 0.7 < covariance[0, 0] < 1.3
    assert not layer.trainable


@pytest.mark.parametrize("images", [pictures((224, 224, 3), 2)[0], np.zeros((3, 12, 12, 1), np.uint8)])
def test_few_large_pictures_and_even_black_ones_give_filters(images, monkeypatch):
    """Of photographs only as many are read as memory allows: here one."""
    monkeypatch.setattr(fast_layers, "VALUES", 1)
    approach = approach_of(images.shape[1:])
    model = approach.build(values_of(approach))
    whiten(model, images)
    kernel, bias = model.get_layer("whitening").get_weights()
    assert np.isfinite(kernel).all() and np.isfinite(bias).all() and kernel.any()


def test_a_convolution_begins_by_handing_its_channels_on():
    convolution = keras.layers.Conv2D(5, 3, padding="same", kernel_initializer=PartlyIdentity())
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    y = np.asarray(convolution(x))
    np.testing.assert_allclose(y[..., :3], x, atol=1e-6)
    assert y[..., 3:].std() > 0


def test_batch_norm_learns_its_running_statistics_and_moves_its_bias_fast():
    norm = FastBatchNorm()
    x = np.random.default_rng(0).normal(3, 2, (64, 4, 4, 2)).astype("float32")
    y = np.asarray(norm(x, training=True))
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1, atol=1e-2)
    np.testing.assert_allclose(norm.mean, 0.4 * x.mean(axis=(0, 1, 2)), rtol=1e-4)
    norm.bias.assign([1.0, -1.0])
    moved = np.asarray(norm(x, training=True)).mean(axis=(0, 1, 2))
    np.testing.assert_allclose(moved, [8, -8], atol=1e-3)
    for _ in range(20):
        norm(x, training=True)
    np.testing.assert_allclose(norm(x, training=False), norm(x, training=True), atol=0.01)


@pytest.mark.slow
def test_what_is_served_answers_as_what_was_trained_and_is_loaded_without_anything_of_ours(tmp_path):
    shape = (14, 14, 1)
    approach, (images, labels) = approach_of(shape), pictures(shape)
    inputs = LearningInputs({"pictures": images}, labels, {"pictures": images}, labels)
    fitted = train(approach, values_of(approach), inputs, Budget(6, 6), seed=1)
    assert fitted.history["val_accuracy"][-1] > 0.7
    calibrated = approach.calibrated(approach.as_served(fitted.model))
    mirrored = {"pictures": np.ascontiguousarray(images[:, :, ::-1])}
    both = (predict(fitted.model, each).astype("float64") for each in (inputs.train, mirrored))
    logits = np.mean([*both], axis=0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict(calibrated, inputs.train), expected, atol=1e-5)
    approach.servable(calibrated).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(images), expected, atol=1e-5)
    assert "garment_ml" not in json.dumps(loaded.get_config(), default=str)
    assert fast_layers.width(fitted.model) == 4
