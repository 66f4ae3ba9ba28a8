"""The check at the door: labels (n,) and class probabilities (n, classes) that can be evaluated."""

from collections.abc import Sequence

import numpy as np

from garment_ml.base.errors import UserError

# Loose enough for float16, tight enough to tell probabilities from logits and sigmoids.
SUM_TOLERANCE = 0.01


def checked_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """The probabilities as float64 (n, classes); UserError names the first row that is not a distribution."""
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or probabilities.size == 0:
        raise UserError(
            f"The probabilities have shape {probabilities.shape}; expected (pictures, classes), "
            "at least one of each."
        )
    with np.errstate(invalid="ignore"):  # inf - inf; such a row is found wrong below
        sums_to_one = np.abs(probabilities.sum(axis=1) - 1) <= SUM_TOLERANCE
    wrong = ~(sums_to_one & (probabilities >= 0).all(axis=1))
    if wrong.any():
        row = int(wrong.argmax())
        found = np.array2string(probabilities[row], precision=4, threshold=8)
        raise UserError(
            f"Row {row} of the probabilities is {found}, one of {wrong.sum()} wrong rows of {len(wrong)}; "
            "expected numbers from 0 to 1 that add up to 1. NaN means that training diverged: lower the "
            "learning rate. Anything else, that the model does not end in a softmax."
        )
    return probabilities


def checked_predictions(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """int64 labels (n,) and float64 probabilities (n, classes) that fit each other and the class names.

    Raises UserError that says which do not, and where.
    """
    labels, probabilities = np.asarray(labels), checked_probabilities(probabilities)
    pictures, classes = probabilities.shape
    if labels.shape != (pictures,) or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(
            f"The labels are {labels.dtype} {labels.shape}; expected one whole number for each of the "
            f"{pictures} rows of probabilities."
        )
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        row = int(outside.argmax())
        raise UserError(
            f"Label {labels[row]} in row {row} is not one of the {classes} classes 0..{classes - 1}."
        )
    if class_names is not None and len(class_names) != classes:
        raise UserError(f"There are {len(class_names)} class names for {classes} columns of probabilities.")
    return labels.astype(np.int64), probabilities
