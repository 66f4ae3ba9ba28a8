"""The gate's checks on figures made by hand."""

import math

import numpy as np
import pytest

from garment_ml.comparison.opened_test_set import Predictions
from garment_ml.registry.checks import CHECKS
from garment_ml.registry.evidence import ChampionEvidence, EndpointAnswers, Evidence
from garment_ml.registry.gate import Finding, Verdict, judge, verdict_text
from garment_ml.registry.thresholds import Thresholds

CLASSES = ("coat", "shirt")
NO_ANSWERS = EndpointAnswers(failure="no such file")


def predictions(labels, probabilities) -> Predictions:
    return Predictions(np.array(labels), np.array(probabilities, np.float32), np.empty((0, 2), np.float32))


def with_mistakes(mistakes: int, pictures: int = 1000) -> Predictions:
    confident = np.where(np.arange(pictures)[:, None] < mistakes, (0.1, 0.9), (0.9, 0.1))
    return predictions(np.zeros(pictures, int), confident)


def found(
    check, candidate, champion=None, answers=NO_ANSWERS, as_served=0.0, replace_champion=False, **needed
) -> Finding:
    """What the gate says under one check's name."""
    evidence = Evidence(CLASSES, candidate, champion, 1.0, answers, as_served, replace_champion)
    return {each.name: each for each in judge(evidence, Thresholds(**needed))}[check]


def against_champion(margin, champion=None):
    return found("accuracy_against_champion", with_mistakes(105), champion, margin=margin)


def test_the_lower_end_of_the_paired_interval_decides():
    champion = ChampionEvidence("version 1", with_mistakes(100))
    check = against_champion(0.01, champion)
    assert check.value < -0.005 and check.value > -0.015
    assert check.verdict == ("passed" if check.value >= -0.01 else "REFUSED")
    assert against_champion(0.02, champion).verdict == "passed"
    assert against_champion(0.005, champion).verdict == "REFUSED"
    assert "0.8950 against 0.9000 of version 1: difference -0.0050" in check.detail


def test_no_champion_passes_and_one_that_can_not_be_compared_refuses_without_a_number():
    alone, strange = (
        against_champion(0.01),
        against_champion(0.01, ChampionEvidence("version 1", None, "why")),
    )
    assert (alone.verdict, alone.shown) == ("passed", "-")
    assert strange.verdict == "REFUSED"
    assert strange.detail == "the champion can't be compared: why (--replace-champion true)"
    assert math.isnan(strange.value)
    strange = ChampionEvidence("version 1", None, "why")
    check = found("accuracy_against_champion", with_mistakes(105), strange, replace_champion=True)
    assert check.verdict == "passed" and "why (to be replaced all the same)" in check.detail


def test_a_margin_lost_again_and_again_is_held_against_the_best_champion_ever():
    champion = ChampionEvidence("version 9", with_mistakes(103))
    best = ChampionEvidence("version 1", with_mistakes(70))
    evidence = Evidence(CLASSES, with_mistakes(105), champion, 1.0, NO_ANSWERS, 0.0, False, best)
    checks = {each.name: each for each in judge(evidence, Thresholds(margin=0.02))}
    assert checks["accuracy_against_champion"].verdict == "passed"
    check = checks["accuracy_against_best_champion"]
    assert check.verdict == "REFUSED" and "0.8950 against 0.9300 of version 1" in check.detail


def test_a_model_that_answers_otherwise_than_test_was_scored_is_refused():
    assert found("scored_as_served", with_mistakes(1), as_served=0.0003).verdict == "passed"
    check = found("scored_as_served", with_mistakes(1), as_served=0.3)
    assert (check.verdict, check.value) == ("REFUSED", 0.3)


def test_a_class_never_predicted_has_recall_zero():
    check = found("lowest_class_recall", predictions([0, 0, 0, 1], [[0.9, 0.1]] * 4), lowest_recall=0.5)
    assert (check.value, check.verdict) == (0, "REFUSED")
    assert "shirt, of 1 pictures" in check.detail


def test_a_class_without_test_pictures_is_named_and_not_held_against_the_candidate():
    check = found("lowest_class_recall", predictions([0, 0], [[0.9, 0.1]] * 2), lowest_recall=0.5)
    assert check.verdict == "passed"
    assert "no test pictures of shirt" in check.detail


def test_over_confidence_is_refused():
    sure = predictions([0] * 6 + [1] * 4, [[0.99, 0.01]] * 10)
    check = found("expected_calibration_error", sure, highest_calibration_error=0.05)
    assert check.value == pytest.approx(0.39, abs=1e-6)
    assert check.verdict == "REFUSED"


REFERENCE = np.array([[0.75, 0.25], [0.4, 0.6]], np.float32)


def answer(coat, shirt, **different):
    complete = {
        "label": "coat" if coat > shirt else "shirt",
        "confidence": max(coat, shirt),
        "probability_coat": coat,
        "probability_shirt": shirt,
    }
    return {**complete, **different}


ENDPOINT = ("reloaded_probabilities", "endpoint_round_trip", "latency_milliseconds")


def endpoint_checks(answers):
    candidate = Predictions(np.array([0, 1]), REFERENCE, REFERENCE)
    return [found(name, candidate, answers=answers, longest_latency=6.5) for name in ENDPOINT]


def judged(first, milliseconds=(5.0, 7.0)):
    answers = EndpointAnswers(
        (first, answer(0.4, 0.6)), (first, answer(0.4, 0.6)), milliseconds, started=True
    )
    return {check.name: check.verdict for check in endpoint_checks(answers)}


def test_an_endpoint_that_answers_as_recorded_passes():
    assert judged(answer(0.75, 0.25)) == dict.fromkeys(ENDPOINT, "passed")


def test_other_probabilities_are_refused():
    assert judged(answer(0.75002, 0.24998))["reloaded_probabilities"] == "REFUSED"
    assert judged(answer(0.750005, 0.249995))["reloaded_probabilities"] == "passed"


@pytest.mark.parametrize("wrong", [{"label": "shirt"}, {"confidence": 0.7}, {"extra": 1}])
def test_answers_that_contradict_themselves_are_refused(wrong):
    checks = judged(answer(0.75, 0.25, **wrong))
    assert checks == {
        "reloaded_probabilities": "not measured",
        "endpoint_round_trip": "REFUSED",
        "latency_milliseconds": "not measured",
    }


def test_the_median_request_must_be_in_time():
    assert judged(answer(0.75, 0.25), (7.0, 8.0))["latency_milliseconds"] == "REFUSED"


def test_an_endpoint_that_never_started_fails_one_check_and_the_others_are_not_measured():
    checks = endpoint_checks(NO_ANSWERS)
    assert [check.verdict for check in checks] == ["REFUSED", "not measured", "not measured"]
    assert checks[0].detail == "no such file"


def test_the_text_has_a_line_for_each_check_with_its_detail_below():
    evidence = Evidence(CLASSES, with_mistakes(100), None, 3.21, NO_ANSWERS, 0.0)
    lines = verdict_text(Verdict("2", None, judge(evidence, Thresholds()))).splitlines()
    assert lines[0].split() == ["check", "value", "needed", "verdict"]
    names = [line.split()[0] for line in lines[1::2]]
    assert names == [check.name for check in CHECKS]
    size, answers = (1 + 2 * names.index(name) for name in ("size_megabytes", "reloaded_probabilities"))
    assert lines[size].split() == ["size_megabytes", "3.21", "at", "most", "250", "passed"]
    assert lines[answers + 1] == "    no such file"
