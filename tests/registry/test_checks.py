"""The gate's checks on figures made by hand."""

import numpy as np
import pytest

from garment_ml.comparison.opened_test_set import Predictions
from garment_ml.registry.endpoint_checks import endpoint_checks
from garment_ml.registry.endpoint_probe import EndpointAnswers
from garment_ml.registry.quality_checks import accuracy_against, calibration, recall_of_every_class

CLASSES = ("coat", "shirt")


def predictions(labels, probabilities) -> Predictions:
    return Predictions(np.array(labels), np.array(probabilities, np.float32), np.empty((0, 2), np.float32))


def with_mistakes(mistakes: int, pictures: int = 1000) -> Predictions:
    confident = np.where(np.arange(pictures)[:, None] < mistakes, (0.1, 0.9), (0.9, 0.1))
    return predictions(np.zeros(pictures, int), confident)


def test_the_lower_end_of_the_paired_interval_decides():
    champion, slightly_worse = with_mistakes(100), with_mistakes(105)
    check = accuracy_against(slightly_worse, champion, margin=0.01, against="version 1")
    assert check.value < -0.005 and check.value > -0.015
    assert check.passed is (check.value >= -0.01)
    assert accuracy_against(slightly_worse, champion, margin=0.02, against="version 1").passed
    assert not accuracy_against(slightly_worse, champion, margin=0.005, against="version 1").passed
    assert "0.8950 against 0.9000 of version 1: difference -0.0050" in check.detail


def test_a_class_never_predicted_has_recall_zero():
    candidate = predictions([0, 0, 0, 1], [[0.9, 0.1]] * 4)
    check = recall_of_every_class(candidate, CLASSES, floor=0.5)
    assert (check.value, check.passed) == (0, False)
    assert "shirt, of 1 pictures" in check.detail


def test_a_class_without_test_pictures_is_named_and_not_held_against_the_candidate():
    check = recall_of_every_class(predictions([0, 0], [[0.9, 0.1]] * 2), CLASSES, floor=0.5)
    assert check.passed
    assert "no test pictures of shirt" in check.detail


def test_over_confidence_is_refused():
    sure = predictions([0] * 6 + [1] * 4, [[0.99, 0.01]] * 10)
    check = calibration(sure, ceiling=0.05)
    assert check.value == pytest.approx(0.39, abs=1e-6)
    assert not check.passed


REFERENCE = np.array([[0.75, 0.25], [0.4, 0.6]], np.float32)


def answer(coat, shirt, **different):
    complete = {
        "label": "coat" if coat > shirt else "shirt",
        "confidence": max(coat, shirt),
        "probability_coat": coat,
        "probability_shirt": shirt,
    }
    return {**complete, **different}


def judged(first, milliseconds=(5.0, 7.0)):
    answers = EndpointAnswers(
        (first, answer(0.4, 0.6)), (first, answer(0.4, 0.6)), milliseconds, started=True
    )
    checks = endpoint_checks(answers, REFERENCE, CLASSES, longest_latency=6.5)
    return {check.name: check.passed for check in checks}


def test_an_endpoint_that_answers_as_recorded_passes():
    passed = {"reloaded_probabilities": True, "endpoint_round_trip": True, "latency_milliseconds": True}
    assert judged(answer(0.75, 0.25)) == passed


def test_other_probabilities_are_refused():
    assert judged(answer(0.75002, 0.24998))["reloaded_probabilities"] is False
    assert judged(answer(0.750005, 0.249995))["reloaded_probabilities"] is True


@pytest.mark.parametrize("wrong", [{"label": "shirt"}, {"confidence": 0.7}, {"extra": 1}])
def test_answers_that_contradict_themselves_are_refused(wrong):
    checks = judged(answer(0.75, 0.25, **wrong))
    assert checks == {
        "reloaded_probabilities": None,
        "endpoint_round_trip": False,
        "latency_milliseconds": None,
    }


def test_the_median_request_must_be_in_time():
    assert judged(answer(0.75, 0.25), (7.0, 8.0))["latency_milliseconds"] is False


def test_an_endpoint_that_never_started_fails_one_check_and_the_others_are_not_measured():
    checks = endpoint_checks(EndpointAnswers(failure="no such file"), REFERENCE, CLASSES, 100)
    assert [check.passed for check in checks] == [False, None, None]
    assert checks[0].detail == "no such file"
