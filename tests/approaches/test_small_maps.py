import numpy as np
import pytest

from garment_ml.approaches.small_maps import use_matrix_products


def convolution(side: int, kernel_size: int | tuple[int, int] = 3, **settings):
    """Twice the same convolution, the second computed by matrix products where that is possible."""
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.layers.Conv2D(5, kernel_size, activation="relu", **settings) for _ in range(2)]
    maps = np.random.default_rng(0).normal(size=(4, side, side, 3)).astype("float32")
    for layer in layers:
        layer.build(maps.shape)
    layers[1].set_weights(layers[0].get_weights())
    use_matrix_products(layers[1:])
    return maps, *layers


@pytest.mark.parametrize(
    ("side", "kernel_size"), [(1, 3), (2, 3), (3, 3), (4, 3), (2, (3, 5)), (2, 1), (2, 2)]
)
def test_outputs_and_gradients_are_those_of_the_convolution(side, kernel_size):
    import tensorflow as tf

    maps, usual, ours = convolution(side, kernel_size, padding="same")
    gradients = []
    for layer in (usual, ours):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(maps) ** 2)
        gradients.append(tape.gradient(loss, layer.trainable_weights))
    np.testing.assert_allclose(ours(maps), usual(maps), rtol=1e-5, atol=1e-5)
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("side", "settings", "changed"),
    [
        (2, {"padding": "same"}, True),
        (3, {"padding": "valid"}, False),
        (2, {"padding": "same", "strides": 2}, False),
        (2, {"padding": "same", "dilation_rate": 2}, False),
    ],
)
def test_only_what_it_is_right_for_is_changed(side, settings, changed):
    maps, usual, ours = convolution(side, **settings)
    assert ("convolution_op" in vars(ours)) is changed
    np.testing.assert_allclose(ours(maps), usual(maps), rtol=1e-5, atol=1e-5)


def test_a_saved_model_holds_plain_convolutions(tmp_path):
    import keras

    maps, _, ours = convolution(2, padding="same")
    pictures = keras.Input(maps.shape[1:])
    model = keras.Model(pictures, ours(pictures))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert "convolution_op" not in vars(loaded.layers[1])
    np.testing.assert_allclose(loaded(maps), model(maps), rtol=1e-5, atol=1e-5)
