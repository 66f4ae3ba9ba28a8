"""Rows of given approaches and seeds, as find_finalists ranks them."""

from types import SimpleNamespace

from garment_ml.comparison.finalist import Finalist
from garment_ml.comparison.members import best_members
from garment_ml.tracking.refit_record import Refit

CNN = {"name": "scratch_cnn", "architecture": "fast"}
SHALLOW = {"name": "scratch_cnn", "architecture": "baseline"}
GONE = {"name": "scratch_cnn", "architecture": "of an earlier version"}
HEAD = {"name": "bottleneck", "backbone": "vgg16", "weights": "none"}
VOTE = {"name": "ensemble", "members": [HEAD, CNN]}
DATA = SimpleNamespace(class_names=("a", "b"), picture_shape=(28, 28, 1))


def row(described, seeds=(1, 2, 3)) -> Finalist:
    recipe = {"hyperparameters": {}}
    refits = (Refit(f"{s}", described, recipe, s, "models:/m-1", "d", "s", 500, "28x28x1", {}) for s in seeds)
    return Finalist(tuple(refits))


def test_the_best_row_of_each_approach_votes_and_no_ensemble():
    ranked = [row(each) for each in (VOTE, CNN, SHALLOW, HEAD)]
    assert best_members(ranked, DATA) == (ranked[1], ranked[3])


def test_a_better_row_with_other_or_fewer_seeds_does_not_spoil_the_vote():
    for seeds in [(7,), (1,), (1, 2)]:
        ranked = [row(SHALLOW, seeds), row(CNN), row(HEAD)]
        assert best_members(ranked, DATA) == (ranked[1], ranked[2])
    more = [row(CNN), row(SHALLOW, range(1, 6)), row(HEAD, range(1, 6))]
    assert best_members(more, DATA) == (more[0], more[2]), "three in common are enough"


def test_a_row_that_cannot_be_made_here_is_passed_by_with_the_reason(capsys):
    ranked = [row(GONE), row(CNN), row(HEAD)]
    assert best_members(ranked, DATA) == (ranked[1], ranked[2])
    assert (
        "not in the vote: scratch_cnn of an earlier version: unknown architecture" in capsys.readouterr().out
    )


def test_of_nothing_nothing_votes():
    assert best_members([], DATA) == ()
