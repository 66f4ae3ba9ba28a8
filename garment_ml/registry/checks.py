"""The gate's checks: one row of CHECKS each, with the function that measures it.

To add one, write both, and a field of Thresholds where its threshold is a setting.
"""

import statistics
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from garment_ml.comparison.opened_test_set import Predictions
from garment_ml.evaluation.calibration import expected_calibration_error
from garment_ml.evaluation.intervals import paired_difference
from garment_ml.evaluation.metrics import per_class
from garment_ml.registry.evidence import Answer, Evidence
from garment_ml.registry.thresholds import SAME_AS_SCORED, SAME_PROBABILITIES, Thresholds
from garment_ml.shipped.columns import CONFIDENCE, LABEL, probability_column

# What a check says. "not measured": there was nothing to measure because another check failed.
CheckVerdict = Literal["passed", "REFUSED", "not measured"]
# The value, or the verdict itself where there is no number to hold against the threshold; and the detail.
Measurement = tuple[float | CheckVerdict, str]
ALL = 1.0


def accuracy_against_champion(evidence: Evidence) -> Measurement:
    """Non-inferiority: the lower end of the 95 % interval of the paired difference is above -margin."""
    champion = evidence.champion
    if champion is None:
        return "passed", "there is no champion to be compared with"
    if champion.predictions is None:
        verdict: CheckVerdict = "passed" if evidence.replace_champion else "REFUSED"
        asked = "to be replaced all the same" if evidence.replace_champion else "--replace-champion true"
        return verdict, f"the champion can't be compared: {champion.failure} ({asked})"
    return _non_inferiority(evidence.predictions, champion.predictions, champion.title)


def _non_inferiority(candidate: Predictions, champion: Predictions, title: str) -> Measurement:
    ours, theirs = candidate.correct, champion.correct
    difference = paired_difference(ours, theirs)
    return difference.low, (
        f"{ours.mean():.4f} against {theirs.mean():.4f} of {title}: difference "
        f"{difference.difference:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]; the lower end counts"
    )


def accuracy_against_best_champion(evidence: Evidence) -> Measurement:
    """The same against the best that was ever champion: many moves could each lose the margin."""
    best = evidence.best_champion
    if best is None or best.predictions is None:
        return "passed", "no other was champion before that can be compared"
    return _non_inferiority(evidence.predictions, best.predictions, best.title)


def lowest_class_recall(evidence: Evidence) -> Measurement:
    """The lowest recall; a class without test pictures shows nothing and is named."""
    predictions = evidence.predictions
    table = per_class(predictions.labels, predictions.probabilities, evidence.class_names)
    shown = table.dropna(subset="recall")
    worst = shown.loc[shown["recall"].idxmin()]
    detail = f"lowest: {worst['class']}, of {int(worst['support']):,} pictures"
    unseen = table.loc[table["recall"].isna(), "class"]
    if len(unseen):
        detail += f"; no test pictures of {', '.join(unseen)}"
    return worst["recall"], detail


def calibration_error(evidence: Evidence) -> Measurement:
    predictions = evidence.predictions
    error = expected_calibration_error(predictions.labels, predictions.probabilities)
    confidence = float(np.mean(predictions.probabilities.max(axis=1)))
    return error, f"mean confidence {confidence:.4f}, accuracy {predictions.correct.mean():.4f}"


def size(evidence: Evidence) -> Measurement:
    return evidence.megabytes, "all files of the logged model"


def scored_as_served(evidence: Evidence) -> Measurement:
    """Largest difference between probabilities that test was scored with and the servable's own."""
    return (
        evidence.largest_difference_as_served,
        "scored on cached features, served from pictures: one model?",
    )


def reloaded_probabilities(evidence: Evidence) -> Measurement:
    """Largest difference from what was recorded, over pictures asked together and one by one."""
    if not evidence.answers.started:
        return "REFUSED", evidence.answers.failure
    if endpoint_round_trip(evidence)[0] != ALL:
        return "not measured", "no complete answers"
    together, one_by_one = evidence.answers.together, evidence.answers.one_by_one
    columns = [probability_column(name) for name in evidence.class_names]
    given = np.array([[answer[column] for column in columns] for answer in together + one_by_one])
    reference = evidence.predictions.reference
    recorded = np.concatenate([reference, reference[: len(one_by_one)]])
    largest = np.abs(given - recorded).max()
    return largest, f"largest difference from what was recorded, {len(together)} pictures in a clean process"


def endpoint_round_trip(evidence: Evidence) -> Measurement:
    """Share of answers with label, confidence and all probabilities, that agree with each other."""
    answers, names = evidence.answers, evidence.class_names
    if not answers.started:
        return "not measured", "the endpoint gave no answers"
    given = answers.together + answers.one_by_one
    if answers.failure or not given:
        return 0.0, answers.failure or "no answer"
    wrong = [answer for answer in given if not _is_complete(answer, names)]
    detail = f"{len(given)} answers with label, confidence and {len(names)} probabilities"
    if wrong:
        detail = f"{len(wrong)} of {len(given)} answers are not complete, such as {str(wrong[0])[:200]}"
    return 1 - len(wrong) / len(given), detail


def latency(evidence: Evidence) -> Measurement:
    if endpoint_round_trip(evidence)[0] != ALL:
        return "not measured", "the endpoint gave no answers"
    times = evidence.answers.milliseconds
    detail = f"median of {len(times)} requests with one picture, slowest {max(times):.1f}"
    return statistics.median(times), detail


def _is_complete(answer: Answer, class_names: tuple[str, ...]) -> bool:
    columns = [probability_column(name) for name in class_names]
    if set(answer) != {LABEL, CONFIDENCE, *columns}:
        return False
    probabilities = [answer[column] for column in columns]
    best = max(range(len(columns)), key=probabilities.__getitem__)
    return answer[LABEL] == class_names[best] and answer[CONFIDENCE] == probabilities[best]


class Check(NamedTuple):
    """What `measure` finds has to be at least, or at most (`bound`), what `threshold` gives."""

    name: str
    bound: Literal["at least", "at most"]
    threshold: Callable[[Thresholds], float]
    measure: Callable[[Evidence], Measurement]


CHECKS = (
    Check("accuracy_against_champion", "at least", lambda needed: -needed.margin, accuracy_against_champion),
    Check(
        "accuracy_against_best_champion",
        "at least",
        lambda needed: -needed.margin,
        accuracy_against_best_champion,
    ),
    Check("lowest_class_recall", "at least", lambda needed: needed.lowest_recall, lowest_class_recall),
    Check(
        "expected_calibration_error",
        "at most",
        lambda needed: needed.highest_calibration_error,
        calibration_error,
    ),
    Check("size_megabytes", "at most", lambda needed: needed.largest_size, size),
    Check("scored_as_served", "at most", lambda _: SAME_AS_SCORED, scored_as_served),
    Check("reloaded_probabilities", "at most", lambda _: SAME_PROBABILITIES, reloaded_probabilities),
    Check("endpoint_round_trip", "at least", lambda _: ALL, endpoint_round_trip),
    Check("latency_milliseconds", "at most", lambda needed: needed.longest_latency, latency),
)
