"""A search's best trials against the recipe's own values."""

from types import SimpleNamespace

import pytest

from garment_ml.comparison.finalists import find_finalists
from garment_ml.search.search import SearchResult
from garment_ml.studies import study
from garment_ml.studies.final import play_final
from garment_ml.studies.settings import LearningSettings
from garment_ml.studies.study import run_study
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.refit_record import GAIN_TAG, LOST_TAG
from tests.search.tiny import TinyApproach, tiny_task

RECIPE = {"learning_rate": 0.01}
SEEDS = range(1, 4)


def contender(number):
    return {"learning_rate": float(number)}


def played(recipe, *contenders, seeds=SEEDS):
    """The final of given scores, one per seed, and the trainings it took."""
    scores = {0.01: recipe, **{float(number): each for number, each in enumerate(contenders, start=1)}}
    trained = []

    def train(values, seed):
        trained.append((values["learning_rate"], seed))
        return SimpleNamespace(values=values, metrics={"score": scores[values["learning_rate"]][seed - 1]})

    values = [contender(number) for number in range(1, len(contenders) + 1)]
    return play_final(train, RECIPE, values, seeds, "score"), trained


def test_a_contender_better_beyond_the_spread_wins_and_the_gain_is_in_pairs():
    final, _ = played([0.80, 0.90, 0.85], [0.83, 0.94, 0.88])
    assert final.values == contender(1)
    assert final.gain.mean == pytest.approx((0.03 + 0.04 + 0.03) / 3)
    assert final.gain.low < final.gain.mean < final.gain.high and final.gain.seeds == 3
    assert [each.metrics["score"] for each in final.chosen] == [0.83, 0.94, 0.88]
    assert [each.metrics["score"] for each in final.lost] == [0.80, 0.90, 0.85]


def test_the_recipe_stays_against_one_that_is_better_by_less_than_the_spread():
    final, _ = played([0.80, 0.80, 0.80], [0.86, 0.79, 0.80])  # +0.017, deviation 0.038
    assert final.values == RECIPE and final.gain.mean == 0
    assert len(final.chosen) == len(final.lost) == 3


def test_one_that_falls_behind_the_recipe_is_trained_no_more():
    final, trained = played([0.80, 0.80, 0.80], [0.79, 1.0, 1.0])
    assert final.values == RECIPE
    assert trained == [(0.01, 1), (1.0, 1)]


def test_the_better_half_goes_on_each_round():
    final, trained = played([0.5] * 5, [0.6] * 5, [0.8] * 5, [0.7] * 5, [0.9] * 5, seeds=range(1, 6))
    assert final.values == contender(4)
    rounds = [[rate for rate, seed in trained if seed == number] for number in range(1, 6)]
    assert [len(each) for each in rounds] == [5, 3, 2, 2, 2]
    assert rounds[1] == [0.01, 4.0, 2.0] and rounds[2] == [0.01, 4.0]


def test_without_contenders_nothing_is_trained():
    final, trained = played([])
    assert (final.values, final.chosen, final.gain.mean, trained) == (RECIPE, (), 0, [])


@pytest.mark.slow
@pytest.mark.parametrize("better", [True, False])
def test_in_a_study_the_winner_goes_on_and_the_loser_is_not_compared(store, monkeypatch, better):
    task = tiny_task(epochs=3)
    recipe = {each.name: each.default for each in TinyApproach().hyperparameters()}
    given = {**recipe, "learning_rate": 1.0 if better else 1e-9}
    with open_run("finals", "study", "experiment") as run:
        found = SearchResult(run.run_id, given, 1.0, 0.1, (given,), 2, 0)
        monkeypatch.setattr(study, "search", lambda *_: found)
        settings = LearningSettings(trials=2, strategy="random", epochs=3)
        result = run_study(run, TinyApproach(), task.data, settings)
        assert result.values == (given if better else recipe)
        assert len(result.refits) == (3 if better else 1)
        finalists = find_finalists(run, task.data)
    (row,) = finalists.rows
    assert {each.run_id for each in row.refits} == {each.run_id for each in result.refits}
    assert (row.search_gain.mean > 0) == better
    assert ("the search gained +" in row.settings) == better
    assert ("the recipe stays" in row.settings) != better
    reason = f"its hyperparameters lost the final of search {run.run_id}"
    assert {each.reason for each in finalists.left_out} == {reason}
    assert len(finalists.left_out) == (3 if better else 1)
    metrics = run.client.get_run(run.run_id).data.metrics
    assert metrics["search_gain_mean"] == metrics["tiny/search_gain_mean"] == row.search_gain.mean
    with open_run("finals", "asked for", "experiment") as again:  # who asks for the loser's values gets them
        loser = {"learning_rate": (recipe if better else given)["learning_rate"]}
        asked = run_study(again, TinyApproach(), task.data, LearningSettings(epochs=3, **loser))
        tags = again.client.get_run(asked.refits[0].run_id).data.tags
        assert LOST_TAG not in tags and GAIN_TAG not in tags
        assert len(find_finalists(again, task.data).rows) == 2
        one = asked.refits[0].run_id
        again.client.set_tag(one, LOST_TAG, "another search")  # while a suite has chosen it
        assert len(find_finalists(again, task.data).rows) == 1
        assert len(find_finalists(again, task.data, {one}).rows) == 1
