import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_recall_fscore_support

from garment_ml.base.errors import UserError
from garment_ml.evaluation.metrics import evaluate, most_confused, per_class, surest_mistakes

pytestmark = pytest.mark.filterwarnings("error")

LABELS = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.1, 0.85, 0.05]], np.float32
)
NAMES = ("coat", "dress", "shirt")


def test_small_case_by_hand():
    metrics = dict(evaluate(LABELS, PROBABILITIES))
    assert metrics["accuracy"] == 2 / 5
    assert metrics["top_2_accuracy"] == 4 / 5
    assert metrics["loss"] == pytest.approx(-np.log([0.7, 0.3, 0.4, 0.8, 0.05]).mean(), rel=1e-6)
    # F1: coat 1 right of 2 predicted and 2 true, dress 1 of 3 and 2, shirt never predicted.
    assert metrics["macro_f1"] == pytest.approx((1 / 2 + 2 / 5 + 0) / 3)
    assert metrics["accuracy_low"] == pytest.approx(0.1176, abs=1e-4)
    assert metrics["accuracy_high"] == pytest.approx(0.7693, abs=1e-4)


def test_agrees_with_scikit_learn(predictions):
    labels, probabilities = predictions(sharpness=2)
    metrics = dict(evaluate(labels, probabilities))
    predicted = probabilities.argmax(axis=1)
    assert metrics["accuracy"] == accuracy_score(labels, predicted)
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert metrics["loss"] == pytest.approx(log_loss(labels, probabilities), rel=1e-5)

    table = per_class(labels, probabilities, list("abcdef"))
    expected = np.array(precision_recall_fscore_support(labels, predicted)).T
    np.testing.assert_allclose(table[["precision", "recall", "f1", "support"]], expected)


def test_saturated_mistake_costs_what_scikit_learn_says():
    labels, probabilities = np.array([0, 1]), np.array([[1, 0], [1, 0]], np.float32)
    loss = dict(evaluate(labels, probabilities))["loss"]
    assert loss == pytest.approx(log_loss(labels, probabilities), rel=1e-5)
    assert dict(evaluate(labels, probabilities.astype(np.float64)))["loss"] == loss


def test_all_correct():
    metrics = dict(evaluate(np.array([0, 1, 2]), np.eye(3, dtype=np.float32)))
    assert metrics["accuracy"] == metrics["accuracy_high"] == metrics["macro_f1"] == 1
    assert metrics["loss"] == metrics["expected_calibration_error"] == 0
    assert 0.4 < metrics["accuracy_low"] < 0.5
    pairs = most_confused(np.array([0, 1, 2]), np.eye(3), NAMES)
    assert len(pairs) == 0
    assert "share_of_mistakes" in pairs
    assert len(surest_mistakes(np.array([0, 1, 2]), np.eye(3))) == 0


def test_one_picture():
    metrics = dict(evaluate(np.array([1]), np.array([[0.2, 0.5, 0.3]])))
    assert metrics["accuracy"] == 1
    assert metrics["expected_calibration_error"] == pytest.approx(0.5)


def test_class_without_pictures_is_undefined_and_left_out_of_the_mean():
    labels, probabilities = np.array([0, 0, 1]), np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.9, 0]])
    table = per_class(labels, probabilities, NAMES).set_index("class")
    assert table.loc["shirt", ["precision", "recall", "f1"]].isna().all()
    assert table.loc["shirt", "support"] == 0
    assert dict(evaluate(labels, probabilities))["macro_f1"] == pytest.approx(table["f1"].mean())


def test_class_never_predicted_has_recall_0_and_no_precision():
    row = per_class(LABELS, PROBABILITIES, NAMES).iloc[2]
    assert row["recall"] == row["f1"] == 0
    assert np.isnan(row["precision"])


def test_tied_probabilities_rank_as_argmax_ranks_them():
    uniform = np.full((3, 3), 1 / 3)
    assert dict(evaluate(np.array([0, 1, 2]), uniform))["top_2_accuracy"] == pytest.approx(2 / 3)


def test_most_confused_counts_both_directions():
    first, second = most_confused(LABELS, PROBABILITIES, NAMES).to_dict("records")
    assert first == {
        "first": "coat", "second": "dress", "first_as_second": 1, "second_as_first": 1,
        "mistakes": 2, "share_of_mistakes": 2 / 3,
    }  # fmt: skip
    assert (second["first"], second["second"], second["second_as_first"]) == ("dress", "shirt", 1)
    assert len(most_confused(LABELS, PROBABILITIES, NAMES, count=1)) == 1


def test_surest_mistakes_come_first():
    assert surest_mistakes(LABELS, PROBABILITIES).tolist() == [4, 1, 2]
    assert surest_mistakes(LABELS, PROBABILITIES, count=1).tolist() == [4]


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        (LABELS, PROBABILITIES * 4, "Row 0 .* softmax"),
        (LABELS, np.where([[0], [0], [1], [0], [0]], np.nan, PROBABILITIES), "Row 2 .* diverged"),
        (LABELS, np.where([[0], [0], [1], [0], [0]], [[np.inf, -np.inf, 0]], PROBABILITIES), "Row 2"),
        (LABELS[:4], PROBABILITIES, r"int64 \(4,\).* 5 rows"),
        (np.eye(3)[LABELS], PROBABILITIES, r"float64 \(5, 3\)"),
        (np.array([0, 1, 3, 0, 0]), PROBABILITIES, "Label 3 in row 2"),
        (LABELS[:0], PROBABILITIES[:0], r"\(0, 3\)"),
    ],
)
def test_unusable_predictions_are_refused(labels, probabilities, message):
    with pytest.raises(UserError, match=message):
        dict(evaluate(labels, probabilities))


def test_wrong_number_of_class_names_is_refused():
    with pytest.raises(UserError, match="2 class names for 3"):
        per_class(LABELS, PROBABILITIES, NAMES[:2])
