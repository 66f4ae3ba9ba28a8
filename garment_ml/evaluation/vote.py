"""How much each of several classifiers counts in their soft vote: a log-linear pool, fitted on validation.

Genest and Zidek 1986, "Combining Probability Distributions: A Critique and an Annotated Bibliography",
https://doi.org/10.1214/ss/1177013825.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from garment_ml.base.errors import UserError
from garment_ml.evaluation.predictions import checked_predictions

LARGEST_WEIGHT = 10.0  # a temperature of 0.1, as in calibration
PICTURES_OF_RIDGE = 1.0  # what the pull towards equal weights is worth, in pictures


def fit_weights(labels: np.ndarray, logits: Sequence[np.ndarray]) -> np.ndarray:
    """Float64 (members,), each from 0 to 10: what each member's logits `(n, classes)` are multiplied with.

    The softmax of the sum of the weighted logits is the pool's answer, so a weight says both how much a
    member counts and at which temperature. They have the least negative log-likelihood of `labels` (n,),
    which is convex in them, and are drawn towards 1/members by what a picture or so weighs, so that few
    pictures, or a member that gets all of them right, do not send them to the ends. A number added to a row
    of logits changes nothing, so log-probabilities will do. Raises UserError for what does not fit together.
    """
    stacked = _checked(labels, logits)
    members, pictures, _ = stacked.shape
    equal = np.full(members, 1 / members)
    of_label = stacked[:, np.arange(pictures), labels]  # (members, n)

    def loss_and_gradient(weights: np.ndarray) -> tuple[float, np.ndarray]:
        pooled = log_softmax(np.tensordot(weights, stacked, 1), axis=1)
        likely = pooled[np.arange(pictures), labels]
        surplus = np.einsum("nc,mnc->mn", np.exp(pooled), stacked) - of_label
        pull = PICTURES_OF_RIDGE * (weights - equal)
        loss = pull @ (weights - equal) - likely.sum()
        return loss / pictures, (2 * pull + surplus.sum(axis=1)) / pictures

    bounds = [(0.0, LARGEST_WEIGHT)] * members
    precise = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
    return minimize(loss_and_gradient, equal, jac=True, method="L-BFGS-B", bounds=bounds, options=precise).x


def _checked(labels: np.ndarray, logits: Sequence[np.ndarray]) -> np.ndarray:
    """As normalised log-probabilities, float64 (members, n, classes)."""
    shapes = [np.shape(each) for each in logits]
    if not shapes or len(set(shapes)) > 1:
        raise UserError(
            f"The members' logits have the shapes {shapes}; expected at least one member, and of all the "
            "same (pictures, classes)."
        )
    for each in logits:
        checked_predictions(labels, softmax(np.asarray(each, np.float64), axis=-1))
    return log_softmax(np.asarray(logits, np.float64), axis=2)
