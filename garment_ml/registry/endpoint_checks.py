"""Gate checks on what the model does where it will run: loaded by a server, in a clean process."""

from __future__ import annotations

import math
import statistics

import numpy as np

from garment_ml.registry.check import Bound, Check, at_least, at_most
from garment_ml.registry.endpoint_probe import Answer, EndpointAnswers
from garment_ml.registry.thresholds import SAME_PROBABILITIES

RELOADED, ROUND_TRIP, LATENCY = "reloaded_probabilities", "endpoint_round_trip", "latency_milliseconds"


def endpoint_checks(
    answers: EndpointAnswers, reference: np.ndarray, class_names: tuple[str, ...], longest_latency: float
) -> tuple[Check, ...]:
    """Same probabilities as recorded, complete answers, in time.

    Where one of them fails so that the next can't be measured, that one is said to be not measured.
    """
    if not answers.started:
        failed = Check(RELOADED, math.nan, "at most", SAME_PROBABILITIES, False, answers.failure)
        return failed, _not_measured(ROUND_TRIP), _not_measured(LATENCY, longest_latency)
    trip = round_trip(answers, class_names)
    if not trip.passed:
        unmeasured = Check(RELOADED, math.nan, "at most", SAME_PROBABILITIES, None, "no complete answers")
        return unmeasured, trip, _not_measured(LATENCY, longest_latency)
    return reloaded_probabilities(answers, reference, class_names), trip, latency(answers, longest_latency)


def reloaded_probabilities(
    answers: EndpointAnswers, reference: np.ndarray, class_names: tuple[str, ...]
) -> Check:
    """Largest difference from `reference` (k, classes), over pictures asked together and one by one."""
    together = _probabilities(answers.together, class_names)
    single = _probabilities(answers.one_by_one, class_names)
    largest = max(np.abs(together - reference).max(), np.abs(single - reference[: len(single)]).max())
    detail = f"largest difference from what was recorded, {len(together)} pictures in a clean process"
    return at_most(RELOADED, float(largest), SAME_PROBABILITIES, detail)


def round_trip(answers: EndpointAnswers, class_names: tuple[str, ...]) -> Check:
    """Share of answers with label, confidence and all probabilities, that agree with each other."""
    given = answers.together + answers.one_by_one
    if answers.failure or not given:
        return Check(ROUND_TRIP, 0.0, "at least", 1.0, False, answers.failure or "no answer")
    wrong = [answer for answer in given if not _is_complete(answer, class_names)]
    detail = f"{len(given)} answers with label, confidence and {len(class_names)} probabilities"
    if wrong:
        detail = f"{len(wrong)} of {len(given)} answers are not complete, such as {str(wrong[0])[:200]}"
    return at_least(ROUND_TRIP, 1 - len(wrong) / len(given), 1.0, detail)


def latency(answers: EndpointAnswers, longest: float) -> Check:
    times = answers.milliseconds
    detail = f"median of {len(times)} requests with one picture, slowest {max(times):.1f}"
    return at_most(LATENCY, statistics.median(times), longest, detail)


def _is_complete(answer: Answer, class_names: tuple[str, ...]) -> bool:
    columns = [f"probability_{name}" for name in class_names]
    if set(answer) != {"label", "confidence", *columns}:
        return False
    probabilities = [answer[column] for column in columns]
    best = max(range(len(columns)), key=probabilities.__getitem__)
    return answer["label"] == class_names[best] and answer["confidence"] == probabilities[best]


def _probabilities(answers: tuple[Answer, ...], class_names: tuple[str, ...]) -> np.ndarray:
    return np.array([[answer[f"probability_{name}"] for name in class_names] for answer in answers])


def _not_measured(name: str, threshold: float = 1.0) -> Check:
    bound: Bound = "at least" if name == ROUND_TRIP else "at most"
    return Check(name, math.nan, bound, threshold, None, "the endpoint gave no answers")
