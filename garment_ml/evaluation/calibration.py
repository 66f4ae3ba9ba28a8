"""Does a confidence of 0.8 mean right 8 times in 10? Measured, and mended by one number.

Guo et al. 2017, "On Calibration of Modern Neural Networks", https://arxiv.org/abs/1706.04599.
"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from garment_ml.evaluation.intervals import wilson_interval
from garment_ml.evaluation.predictions import checked_predictions

BINS = 15  # Guo et al., section 5; the error depends on it, so it is the same everywhere
TEMPERATURES = (0.1, 10.0)
FOLDS = 5
SAMPLES = 200  # drawn with replacement


def reliability_table(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """One row per equal-width bin (low, high] of confidence, the largest probability of a picture.

    Columns: low, high, pictures, confidence (mean), accuracy, and its 95 % Wilson interval accuracy_low and
    accuracy_high. All but the first three are NaN for an empty bin.
    """
    labels, probabilities = checked_predictions(labels, probabilities)
    edges = np.linspace(0, 1, BINS + 1)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = _bins(confidence)
    rows = []
    for index in range(BINS):
        inside = bins == index
        row = {"low": edges[index], "high": edges[index + 1], "pictures": int(inside.sum())}
        if inside.any():
            row |= {"confidence": confidence[inside].mean(), "accuracy": correct[inside].mean()}
            row["accuracy_low"], row["accuracy_high"] = wilson_interval(correct[inside].sum(), inside.sum())
        rows.append(row)
    return pd.DataFrame(rows)


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over pictures of |accuracy - confidence| of their bin: 15 equal-width bins, top class only."""
    bins, gaps = _bins_and_gaps(*checked_predictions(labels, probabilities))
    return _calibration_error(bins, gaps)


def _bins_and_gaps(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each picture its bin of confidence, and confidence less 1 where it is right, or less 0."""
    confidence = probabilities.max(axis=1)
    return _bins(confidence), confidence - (probabilities.argmax(axis=1) == labels)


def _bins(confidence: np.ndarray) -> np.ndarray:
    return np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)


def _calibration_error(bins: np.ndarray, gaps: np.ndarray) -> float:
    return float(np.abs(np.bincount(bins, weights=gaps)).sum() / len(gaps))


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """The temperature from 0.1 to 10 with the least negative log-likelihood; fit it on validation pictures.

    `logits` are `(n, classes)`, to be divided by it. Above 1 the model was over-confident. A value near
    either end means that the pictures cannot tell: a model that gets all of them right is driven towards 0.1.
    """
    checked_predictions(labels, softmax(logits, axis=1))
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean()

    # Convex in 1 / temperature, so there is one minimum.
    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x))


def helpful_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """`fit_temperature`, or 1 where nothing speaks for it on pictures that it was not fitted to.

    On held-out fifths it must lower the negative log-likelihood by more than the standard error of that. And
    as the likelihood can be ruled by a few confident mistakes, when the temperature makes most confidences
    worse (here 0.034 became 0.054), it must not raise their calibration error beyond chance; of few pictures
    that error is mostly chance, and alone it refused temperatures that took 0.17 to 0.03. One at an end of
    its range says that the pictures can't tell: all are right, or none is.
    """
    if len(labels) == 1:  # no other to try it on
        return 1.0
    folds, scaled = np.arange(len(labels)) % FOLDS, np.empty(logits.shape)
    for fold in np.unique(folds):
        held_out = folds == fold
        scaled[held_out] = logits[held_out] / fit_temperature(labels[~held_out], logits[~held_out])
    gains = (log_softmax(scaled, axis=1) - log_softmax(logits, axis=1))[np.arange(len(labels)), labels]
    helps = gains.mean() > gains.std() / np.sqrt(len(gains))
    temperature = fit_temperature(labels, logits)
    low, high = TEMPERATURES
    is_fitted = 1.1 * low < temperature < high / 1.1
    return temperature if is_fitted and helps and not _is_worse(labels, logits, scaled) else 1.0


def _is_worse(labels: np.ndarray, logits: np.ndarray, scaled: np.ndarray) -> bool:
    """Is the calibration error higher in 95 % of bootstrap samples of the pictures?"""
    before, after = (_bins_and_gaps(labels, softmax(each, axis=1)) for each in (logits, scaled))
    random, raised = np.random.default_rng(0), []
    for _ in range(SAMPLES):
        drawn = random.integers(len(labels), size=len(labels))
        errors = [_calibration_error(bins[drawn], gaps[drawn]) for bins, gaps in (before, after)]
        raised.append(errors[1] > errors[0])
    return bool(np.mean(raised) >= 0.95)
