import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from garment_ml.base.errors import UserError
from garment_ml.evaluation.vote import LARGEST_WEIGHT, fit_weights


def drawn(pictures, weights, seed=0, classes=4):
    """Logits of independent members, and labels drawn from their pool with `weights`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (len(weights), pictures, classes))
    chances = softmax(np.tensordot(weights, logits, 1), axis=1).cumsum(axis=1)
    return (random.random((pictures, 1)) > chances[:, :-1]).sum(axis=1), logits


def loss(labels, logits, weights):
    pooled = log_softmax(np.tensordot(weights, logits, 1), axis=1)
    return -pooled[np.arange(len(labels)), labels].mean()


def test_the_weights_that_the_labels_were_drawn_with_are_found():
    labels, logits = drawn(20_000, [0.7, 1.3])
    assert fit_weights(labels, logits) == pytest.approx([0.7, 1.3], abs=0.05)


def test_a_member_that_says_nothing_of_the_labels_gets_about_nothing():
    labels, logits = drawn(20_000, [1.0, 0.0, 0.6])
    assert fit_weights(labels, logits)[1] < 0.03


def test_one_member_is_given_its_temperature():
    labels, logits = drawn(20_000, [1.0])
    assert fit_weights(labels, 4 * logits) == pytest.approx([0.25], abs=0.01)


def test_no_other_weights_are_likelier():
    labels, logits = drawn(2000, [0.5, 0.2, 0.9])
    found = fit_weights(labels, logits)
    for change in np.random.default_rng(1).normal(0, 0.05, (50, 3)):
        assert loss(labels, logits, found) < loss(labels, logits, np.maximum(found + change, 0)) + 1e-4


@pytest.mark.parametrize("pictures", [1, 5, 2000])
def test_a_member_that_is_always_right_does_not_send_its_weight_to_the_end(pictures):
    labels = np.arange(pictures) % 3
    right = 6.0 * np.eye(3)[labels]
    noise = np.random.default_rng(0).normal(0, 1, right.shape)
    weights = fit_weights(labels, [right, noise])
    assert np.isfinite(weights).all() and weights[0] < LARGEST_WEIGHT / 2
    assert softmax(weights[0] * right + weights[1] * noise, axis=1)[0].argmax() == labels[0]


def test_the_order_of_the_members_does_not_matter_nor_what_is_added_to_a_row():
    labels, logits = drawn(500, [0.4, 1.0, 0.1])
    weights = fit_weights(labels, logits)
    assert fit_weights(labels, logits[::-1]) == pytest.approx(weights[::-1], abs=1e-5)
    probabilities = np.log(softmax(logits, axis=2))
    assert fit_weights(labels, probabilities) == pytest.approx(weights, abs=1e-5)


def test_twins_share_what_one_of_them_would_get():
    labels, logits = drawn(2000, [0.8])
    twins = fit_weights(labels, [logits[0], logits[0]])
    assert twins[0] == pytest.approx(twins[1], abs=1e-6)
    assert twins.sum() == pytest.approx(fit_weights(labels, logits)[0], abs=0.02)


@pytest.mark.parametrize(
    ("labels", "logits", "said"),
    [
        (np.array([0, 1]), [], "at least one member"),
        (np.array([0, 1]), [np.zeros((2, 3)), np.zeros((2, 4))], r"\(2, 3\), \(2, 4\)"),
        (np.array([0, 1, 2]), [np.zeros((2, 3))], "3"),
        (np.array([0, 3]), [np.zeros((2, 3))], "Label 3"),
        (np.array([0, 1]), [np.full((2, 3), np.nan)], "NaN means that training diverged"),
    ],
)
def test_what_does_not_fit_together_is_named(labels, logits, said):
    with pytest.raises(UserError, match=said):
        fit_weights(labels, logits)
