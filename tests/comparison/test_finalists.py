import json

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.comparison.finalists import best_on_validation, find_finalists
from garment_ml.data.split_dataset import split_dataset
from garment_ml.tracking.facts import DATASET_TAG, FORM_TAG, SPLIT_TAG, TRAIN_TAG
from garment_ml.tracking.models import MODEL_TAG
from garment_ml.tracking.refit_record import LOST_TAG, MEMBERS_TAG, RECIPE_TAG, refit_tags
from garment_ml.tracking.run import KIND_TAG, TrackedRun
from garment_ml.tracking.store import open_store
from tests.toys import EXPERIMENT, toy_dataset

DATA = split_dataset(toy_dataset(200))


@pytest.fixture
def run(store) -> TrackedRun:
    opened = open_store(EXPERIMENT)
    return TrackedRun(opened, opened.client.create_run(opened.experiment_id).info.run_id)


def log_refit(run, rate=0.1, seed=1, accuracy=0.9, status="FINISHED", train_pictures=160, **tags) -> str:
    """What finalists are found by, and nothing else of a refit."""
    recipe = {"hyperparameters": {"learning_rate": rate}, "epochs": 3, "patience": 1, "calibrate": True}
    recorded = {
        KIND_TAG: "refit",
        **refit_tags({"name": "scratch_cnn", "architecture": "baseline"}, recipe, seed),
        DATASET_TAG: DATA.digest,
        SPLIT_TAG: DATA.split.digest,
        TRAIN_TAG: str(train_pictures),
        FORM_TAG: DATA.form,
        MODEL_TAG: "models:/m-1",
        **tags,
    }
    made = run.client.create_run(
        run.store.experiment_id, tags={k: str(v) for k, v in recorded.items() if v != ""}
    )
    refit = TrackedRun(run.store, made.info.run_id)
    refit.log_metrics(
        {"validation_accuracy": accuracy, "validation_loss": 1 - accuracy, "test_accuracy": 1 - accuracy}
    )
    run.client.set_terminated(refit.run_id, status)
    return refit.run_id


def test_seeds_of_one_recipe_share_a_row_and_recipes_are_ranked_on_mean_validation_accuracy(run):
    worse = [log_refit(run, rate=0.2, seed=seed, accuracy=0.8) for seed in (1, 2)]
    better = [
        log_refit(run, rate=0.1, seed=seed, accuracy=accuracy) for seed, accuracy in ((3, 0.95), (1, 0.7))
    ]
    rows = find_finalists(run, DATA).rows
    assert [[refit.run_id for refit in row.refits] for row in rows] == [better[::-1], worse]
    assert rows[0].mean("validation_accuracy") == pytest.approx(0.825)


def test_one_lucky_refit_does_not_outrank_a_mean_of_three(run):
    three = [log_refit(run, rate=0.1, seed=seed, accuracy=0.9 + seed / 100) for seed in (-1, 0, 1)]
    lucky = log_refit(run, rate=0.2, accuracy=0.903)
    far_better = log_refit(run, rate=0.3, accuracy=0.95)
    order = [{refit.run_id for refit in row.refits} for row in find_finalists(run, DATA).rows]
    assert order == [{far_better}, set(three), {lucky}]


@pytest.mark.parametrize(
    ("gains", "first"),
    [
        ((0.02, 0.01, 0.015), "ensemble"),
        ((0.0, 0.0, 0.0), "member"),
        ((0.05, -0.04, 0.005), "member"),
        ((-0.02, -0.01, -0.015), "member"),
    ],
    ids=["ahead with each seed", "level", "lucky with one seed", "behind"],
)
def test_an_ensemble_comes_before_its_best_member_where_it_is_clearly_ahead(run, gains, first):
    order, worst = {"ensemble": [], "member": []}, []
    for seed, gain in enumerate(gains):
        order["member"].append(log_refit(run, seed=seed))
        worst.append(log_refit(run, rate=0.2, seed=seed, accuracy=0.6))
        voting = {MEMBERS_TAG: json.dumps([order["member"][-1], worst[-1]])}
        order["ensemble"].append(log_refit(run, rate=0.3, seed=seed, accuracy=0.9 + gain, **voting))
    rows = [[refit.run_id for refit in row.refits] for row in find_finalists(run, DATA).rows]
    assert rows[0] == order.pop(first)
    assert rows[1:] == [*order.values(), worst]


def test_a_member_that_failed_with_one_seed_does_not_pull_a_good_vote_down(run):
    best = [log_refit(run, seed=seed, accuracy=0.95) for seed in range(3)]
    odd = [log_refit(run, rate=0.2, seed=seed, accuracy=0.3 if seed == 2 else 0.93) for seed in range(3)]
    voting = [
        log_refit(run, rate=0.3, seed=s, accuracy=0.96, **{MEMBERS_TAG: json.dumps([best[s], odd[s]])})
        for s in range(3)
    ]
    rows = [[refit.run_id for refit in row.refits] for row in find_finalists(run, DATA).rows]
    assert rows == [voting, best, odd]


def test_an_ensemble_with_a_member_that_is_left_out_is_left_out_too(run):
    member, lost = log_refit(run, accuracy=0.8), log_refit(run, rate=0.3, **{LOST_TAG: "of a search"})
    kept, stale = (
        log_refit(run, rate=0.4, seed=seed, **{MEMBERS_TAG: json.dumps([member, of])})
        for seed, of in ((1, member), (2, lost))
    )
    found = find_finalists(run, DATA)
    assert [[refit.run_id for refit in row.refits] for row in found.rows] == [[kept], [member]]
    reasons = {each.run_id: each.reason for each in found.left_out}
    assert reasons.keys() == {lost, stale}
    assert reasons[stale].startswith(f"its member {lost}: its hyperparameters lost")


def test_more_and_fewer_train_pictures_are_two_rows_on_one_split(run):
    few, many = log_refit(run, train_pictures=40, accuracy=0.8), log_refit(run, train_pictures=160)
    rows = find_finalists(run, DATA).rows
    assert [[refit.run_id for refit in row.refits] for row in rows] == [[many], [few]]
    assert "train_pictures 40" in rows[1].settings


def test_of_an_even_number_of_refits_the_lower_middle_one_goes_on(run):
    ids = [log_refit(run, seed=seed, accuracy=accuracy) for seed, accuracy in enumerate((0.9, 0.6, 0.7, 0.8))]
    assert best_on_validation(run, DATA).run_id == ids[2]


def test_a_refit_made_again_with_the_same_seed_counts_once(run):
    first, second = log_refit(run, accuracy=0.7), log_refit(run, accuracy=0.8)
    found = find_finalists(run, DATA)
    assert [refit.run_id for refit in found.rows[0].refits] == [second]
    assert [(out.run_id, second in out.reason) for out in found.left_out] == [(first, True)]


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({DATASET_TAG: "0" * 32}, "other pictures: dataset 0000"),
        ({SPLIT_TAG: "0" * 32}, "other split: 0000"),
        ({RECIPE_TAG: ""}, "doesn't record garment.recipe"),
        ({FORM_TAG: "64x64x3 pad"}, "made for pictures 64x64x3 pad, not "),
        ({"status": "RUNNING"}, "not finished: its status is RUNNING"),
    ],
)
def test_what_can_not_be_compared_is_listed_with_the_reason(run, different, reason):
    log_refit(run)
    other = log_refit(run, seed=2, **different)
    found = find_finalists(run, DATA)
    assert sum(len(row.refits) for row in found.rows) == 1
    assert [out.run_id for out in found.left_out] == [other]
    assert reason in found.left_out[0].reason


def test_a_refit_that_lacks_the_figure_to_rank_by_is_listed_not_a_crash(run):
    old = log_refit(run)
    found = find_finalists(run, DATA, rank_by="macro_f1")
    assert [out.run_id for out in found.left_out] == [old]
    assert "trained before validation_macro_f1 was logged" in found.left_out[0].reason


def test_only_the_runs_asked_for_are_found(run):
    log_refit(run)
    wanted = log_refit(run, seed=2)
    found = find_finalists(run, DATA, among={wanted})
    assert [refit.run_id for refit in found.rows[0].refits] == [wanted]
    assert not found.left_out


def test_nothing_to_compare_is_said_with_the_reason(run):
    log_refit(run, **{SPLIT_TAG: "0" * 32})
    with pytest.raises(UserError, match="other split: 0000"):
        best_on_validation(run, DATA)


def test_more_refits_than_one_page_of_the_store_are_all_found(run, monkeypatch):
    for seed in range(5):
        log_refit(run, seed=seed)
    whole = run.client.search_runs

    def two_at_a_time(*arguments, **keywords):
        return whole(*arguments, **keywords, max_results=2)

    monkeypatch.setattr(run.client, "search_runs", two_at_a_time)
    assert len(find_finalists(run, DATA).rows[0].refits) == 5
    assert np.isclose(find_finalists(run, DATA).rows[0].mean("validation_accuracy"), 0.9)
