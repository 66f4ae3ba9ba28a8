import numpy as np
import pytest
from scipy.special import softmax
from sklearn.calibration import calibration_curve

from garment_ml.evaluation.calibration import (
    expected_calibration_error,
    fit_temperature,
    helpful_temperature,
    reliability_table,
)
from garment_ml.evaluation.coverage import accuracy_coverage
from garment_ml.evaluation.metrics import evaluate

pytestmark = pytest.mark.filterwarnings("error")


def test_expected_calibration_error_by_hand():
    # Two pictures in (0.6, 0.667], half right; two in (0.933, 1], both right.
    probabilities = np.array([[0.62, 0.38], [0.64, 0.36], [0.95, 0.05], [0.01, 0.99]])
    labels = np.array([0, 1, 0, 1])
    expected = (2 * abs(0.5 - 0.63) + 2 * abs(1 - 0.97)) / 4
    assert expected_calibration_error(labels, probabilities) == pytest.approx(expected)


def test_reliability_table_agrees_with_scikit_learn(predictions):
    labels, probabilities = predictions()
    table = reliability_table(labels, probabilities)
    assert table["pictures"].sum() == len(labels)
    correct = probabilities.argmax(axis=1) == labels
    accuracy, confidence = calibration_curve(correct, probabilities.max(axis=1), n_bins=15)
    filled = table[table["pictures"] > 0]
    np.testing.assert_allclose(filled["accuracy"], accuracy)
    np.testing.assert_allclose(filled["confidence"], confidence)
    assert filled["accuracy"].between(filled["accuracy_low"], filled["accuracy_high"]).all()
    assert table[table["pictures"] == 0]["accuracy"].isna().all()


def test_confidence_on_an_edge_belongs_to_the_lower_bin():
    table = reliability_table(np.array([0, 0]), np.array([[0.6, 0.4], [1.0, 0.0]]))
    assert table.loc[table["pictures"] == 1, "high"].tolist() == pytest.approx([0.6, 1.0])


@pytest.mark.parametrize("sharpness", [3.0, 0.5])
def test_temperature_restores_known_sharpness_and_helps_on_held_out_pictures(predictions, sharpness):
    labels, probabilities = predictions(sharpness=sharpness, seed=1)
    temperature = fit_temperature(labels, np.log(probabilities))
    assert temperature == pytest.approx(sharpness, rel=0.1)
    labels, probabilities = predictions(sharpness=sharpness, seed=2)
    before = dict(evaluate(labels, probabilities))
    after = dict(evaluate(labels, softmax(np.log(probabilities) / temperature, axis=1)))
    assert after["loss"] < before["loss"] - 0.05
    assert after["expected_calibration_error"] < before["expected_calibration_error"] / 2
    assert after["accuracy"] == before["accuracy"]


def test_saturated_mistakes_give_a_finite_temperature():
    labels = np.array([0, 0, 1, 1] * 10 + [0])
    logits = 1000 * np.eye(2, dtype=np.float32)[[0, 0, 1, 1] * 10 + [1]]
    assert 1 < fit_temperature(labels, logits) <= 10


def test_all_correct_drives_the_temperature_down():
    assert fit_temperature(np.array([0]), np.log([[0.8, 0.2]])) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("sharpness", [3.0, 0.5])
def test_a_temperature_that_helps_unseen_pictures_is_used(predictions, sharpness):
    labels, probabilities = predictions(sharpness=sharpness, seed=1)
    logits = np.log(probabilities)
    assert helpful_temperature(labels, logits) == fit_temperature(labels, logits)


def test_a_few_confident_mistakes_do_not_rule_the_temperature(predictions):
    labels, probabilities = predictions(seed=1)  # calibrated
    logits = np.log(probabilities)
    logits[:20] = 40 * np.eye(6)[(labels[:20] + 1) % 6]
    ruled = fit_temperature(labels, logits)
    errors = [
        expected_calibration_error(labels, softmax(logits / each, axis=1))
        for each in (1.0, ruled, helpful_temperature(labels, logits))
    ]
    assert ruled > 1.5 and errors[1] > errors[0] + 0.02
    assert errors[2] == errors[0]


@pytest.mark.parametrize(("sharpness", "least", "most"), [(1.0, 0.0, 0.25), (4.0, 0.95, 1.0)])
def test_of_few_pictures_those_far_too_sure_are_mended_and_honest_ones_mostly_left(
    predictions, sharpness, least, most
):
    """A calibration error of 200 pictures is mostly chance."""
    mended = [
        helpful_temperature(labels, np.log(np.maximum(probabilities, 1e-12))) != 1
        for labels, probabilities in (
            predictions(pictures=200, sharpness=sharpness, seed=seed) for seed in range(40)
        )
    ]
    assert least <= np.mean(mended) <= most


def test_the_error_is_that_of_the_table(predictions):
    labels, probabilities = predictions(sharpness=2.0)
    table = reliability_table(labels, probabilities)
    gaps = (table["accuracy"] - table["confidence"]).abs() * table["pictures"] / len(labels)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(gaps.sum(), rel=1e-6)


def test_pictures_that_are_all_right_can_not_tell_a_temperature():
    logits = np.log([[0.8, 0.2], [0.3, 0.7], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
    assert helpful_temperature(logits.argmax(axis=1), logits) == 1


def test_one_picture_can_not_tell_a_temperature():
    assert helpful_temperature(np.array([0]), np.log([[0.8, 0.2]])) == 1


def test_accuracy_coverage_by_hand():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]])
    table = accuracy_coverage(np.array([1, 0, 1, 0]), probabilities)
    assert table["threshold"].tolist() == [0.9, 0.8, 0.6]
    assert table["pictures"].tolist() == [1, 3, 4]
    assert table["coverage"].tolist() == [0.25, 0.75, 1]
    assert table["accuracy"].tolist() == pytest.approx([1, 2 / 3, 1 / 2])


def test_accuracy_coverage_of_one_picture():
    assert accuracy_coverage(np.array([0]), np.array([[1.0, 0.0]])).values.tolist() == [[1, 1, 1, 1]]
