import keras
import numpy as np

from garment_ml.approaches.losses import SmoothedCrossentropy
from garment_ml.approaches.optimizers import LinearCycle, linear_cycle_sgd


def test_the_linear_cycle_rises_to_its_peak_and_falls_to_zero():
    rates = np.array([float(LinearCycle(2.0, 1000)(step)) for step in range(0, 1001, 10)])
    assert np.isclose(rates[0], 0.4) and np.isclose(rates[23], 2.0) and np.isclose(rates[-1], 0)
    assert (np.diff(rates[:24]) > 0).all() and (np.diff(rates[23:]) < 0).all()
    np.testing.assert_allclose(np.diff(rates[23:]), np.diff(rates[23:])[0], rtol=1e-3)


def test_beyond_the_steps_it_was_made_for_the_rate_stays_zero():
    assert float(LinearCycle(2.0, 10)(50)) == 0


def test_weight_decay_spares_biases():
    dense = keras.layers.Dense(2)
    dense.build((None, 3))
    dense.bias.assign([1.0, 1.0])
    before = np.asarray(dense.kernel)
    optimizer = linear_cycle_sgd(1.0, 10, weight_decay=0.5)
    optimizer.apply([keras.ops.zeros((3, 2)), keras.ops.zeros(2)], [dense.kernel, dense.bias])
    np.testing.assert_allclose(
        dense.kernel, before * (1 - 0.2 * 0.5), rtol=1e-5
    )  # 0.2: the rate it starts with
    np.testing.assert_allclose(dense.bias, 1)


def test_smoothing_is_as_keras_smooths_one_hot_labels():
    random = np.random.default_rng(0)
    labels, logits = random.integers(0, 5, 20), random.normal(size=(20, 5)).astype("float32")
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    expected = float(theirs(np.eye(5)[labels], logits))
    assert np.isclose(float(SmoothedCrossentropy(0.1)(labels, logits)), expected, rtol=1e-5)
