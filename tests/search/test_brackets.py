"""How Hyperband spends the trials that it is given."""

import itertools

import pytest

from garment_ml.base.errors import UserError
from garment_ml.search.brackets import describe, epochs_in_all, plan_brackets


@pytest.mark.parametrize(
    ("trials", "epochs", "plan"),
    [
        (12, 15, "6 to epoch 5, 2 to epoch 15; 4 to epoch 15"),
        (6, 15, "3 to epoch 5, 1 to epoch 15; 2 to epoch 15"),
        (20, 8, "5 to epoch 3, 2 to epoch 8; 3 to epoch 8; 5 to epoch 3, 2 to epoch 8; 3 to epoch 8"),
        (
            30,
            15,
            "12 to epoch 2, 4 to epoch 5, 2 to epoch 15; 6 to epoch 5, 2 to epoch 15; 4 to epoch 15",
        ),
        (4, 2, "3 to epoch 1, 1 to epoch 2"),
    ],
)
def test_the_brackets_are_hyperbands_own_as_far_as_they_fit(trials, epochs, plan):
    assert describe(plan_brackets(trials, epochs)) == plan


@pytest.mark.parametrize(("trials", "epochs"), itertools.product(range(4, 120, 3), (2, 3, 4, 9, 15, 27, 100)))
def test_every_trial_is_spent_and_every_bracket_ends_with_all_epochs(trials, epochs):
    brackets = plan_brackets(trials, epochs)
    assert sum(each.trials for bracket in brackets for each in bracket) == trials
    assert any(len(bracket) > 1 for bracket in brackets)
    for bracket in brackets:
        assert bracket[-1].epochs == epochs
        for before, after in itertools.pairwise(bracket):
            assert before.trials > after.trials >= 1
            assert 1 <= before.epochs < after.epochs


@pytest.mark.parametrize(
    ("trials", "epochs", "sentence"),
    [
        (2, 3, "hyperband needs at least 4 trials .* not 2; give --trials 4 or --strategy random"),
        (3, 2, "at least 4 trials .* not 3"),
        (12, 1, "at least 2 epochs; or take --strategy random"),
    ],
)
def test_too_few_are_refused_with_what_is_needed(trials, epochs, sentence):
    with pytest.raises(UserError, match=sentence):
        plan_brackets(trials, epochs)


def test_what_goes_on_is_not_trained_anew():
    assert epochs_in_all(plan_brackets(12, 15)) == 6 * 5 + 2 * 10 + 4 * 15
