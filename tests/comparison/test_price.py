"""Rows of given accuracies and milliseconds, as compare would make them."""

import numpy as np
import pytest

from garment_ml.comparison.finalist import Finalist
from garment_ml.comparison.leaderboard import Leaderboard, Row
from garment_ml.comparison.opened_test_set import BATCH_MS, SINGLE_MS, Predictions
from garment_ml.comparison.pairs import compare_pairs
from garment_ml.comparison.price import best_at_a_price
from garment_ml.tracking.refit_record import Refit

CNN = {"name": "scratch_cnn", "architecture": "fast"}
HEAD = {"name": "bottleneck", "backbone": "vgg16"}
VOTE = {"name": "ensemble", "members": [HEAD, CNN]}
PICTURES = 100


def finalist(described, milliseconds=1.0):
    metrics = {"validation_accuracy": 0.9, SINGLE_MS: milliseconds, BATCH_MS: milliseconds / 10}
    recipe = {"hyperparameters": {}}
    return Finalist((Refit("1", described, recipe, 1, "models:/m-1", "d", "s", 500, "28x28x1", metrics),))


def row(rank, described, right, milliseconds=1.0):
    """The first `right` of all test pictures are answered right."""
    labels = np.zeros(PICTURES, int)
    probabilities = np.eye(2, dtype=np.float32)[(np.arange(PICTURES) >= right).astype(int)]
    predictions = Predictions(labels, probabilities, probabilities[:1])
    return Row(rank, finalist(described, milliseconds), (predictions,))


def said_of(*rows):
    return best_at_a_price(Leaderboard(rows, compare_pairs(rows), ()))


def test_the_best_single_model_and_the_vote_are_named_with_what_each_takes():
    single, vote = said_of(row(1, VOTE, 90, 40), row(2, CNN, 80, 8), row(3, HEAD, 85, 11))
    assert single == (
        "The best single model is scratch_cnn fast: 8.0 ms for a picture alone, 0.80 ms in 256."
    )
    assert vote.startswith(
        "By validation the best at any price is ensemble of 2: +0.1000 in accuracy on test beside it (95 %"
    )
    assert vote.endswith("40.0 ms for a picture alone, 4.00 ms in 256.")


def test_a_vote_that_ranks_behind_is_not_called_the_best():
    _, vote = said_of(row(1, HEAD, 85), row(2, VOTE, 82))
    assert vote.startswith(
        "By validation it is the best at any price, too; ensemble of 2: -0.0300 in accuracy on test"
    )


@pytest.mark.parametrize("rows", [(row(1, HEAD, 85), row(2, CNN, 80)), (row(1, VOTE, 85),)])
def test_nothing_is_said_where_there_are_not_both(rows):
    assert said_of(*rows) == ()


def test_an_ensemble_is_shown_by_its_members_titles():
    assert finalist(VOTE).label == "ensemble of 2"
    assert finalist(VOTE).kind != finalist({**VOTE, "members": [HEAD, HEAD]}).kind
    assert finalist(VOTE).settings.startswith("members bottleneck vgg16 + scratch_cnn fast, pictures 28x28x1")
