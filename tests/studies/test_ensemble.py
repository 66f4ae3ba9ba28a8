"""Two tiny approaches vote, seed by seed."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from garment_ml.approaches import catalogue
from garment_ml.base.errors import UserError
from garment_ml.comparison.compare import compare
from garment_ml.comparison.finalists import find_finalists
from garment_ml.comparison.leaderboard_text import WIDTH, leaderboard_text
from garment_ml.comparison.members import best_members
from garment_ml.evaluation.metrics import evaluate_part
from garment_ml.studies.ensemble import make_ensembles
from garment_ml.studies.refit import refit
from garment_ml.tracking.fetched_models import fetch_servable
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.refit_record import MEMBERS_TAG
from garment_ml.tracking.run import KIND_TAG
from tests.deaths import Killed, Mortal
from tests.search.tiny import TinyApproach, tiny_task

pytestmark = pytest.mark.slow
RATES = {"tiny": 0.3, "other": 0.03}


class Other(TinyApproach):
    name = "other"


@pytest.fixture(scope="module")
def trained(empty_store, tmp_path_factory):
    """A store with refits of both approaches: seeds 1 and 2 of one, 2, 3 and 1 of the other."""
    database = shutil.copy(empty_store, tmp_path_factory.mktemp("members") / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
        rows = {}
        with open_run("votes", "members", "experiment") as run:
            for kind, seeds in ((TinyApproach, (1, 2)), (Other, (2, 3, 1))):
                values = {"learning_rate": RATES[kind.name], "dropout": 0.1, "batch_size": 64}
                rows[kind.name] = [refit(run, tiny_task(kind()), values, seed) for seed in seeds]
    return SimpleNamespace(database=database, rows=list(rows.values()), data=tiny_task().data)


@pytest.fixture
def members(trained, isolated, monkeypatch):
    """In a copy of their store's database, of the test's own."""
    shutil.copy(trained.database, isolated / "mlflow.db")
    for kind in (TinyApproach, Other):
        monkeypatch.setitem(catalogue.APPROACHES, kind.name, kind)
    return trained


def made(members, rows=None):
    with open_run("votes", "ensemble", "ensemble") as run:
        return run, make_ensembles(run, members.data, rows or members.rows)


def voters(members, seed):
    """In the order in which an ensemble has them."""
    of_seed = (each for row in members.rows for each in row if each.seed == seed)
    return sorted(of_seed, key=lambda each: each.approach["name"])


def test_each_seed_that_all_have_gets_one_that_records_its_members_and_their_costs(members):
    run, ensembles = made(members)
    assert [each.seed for each in ensembles] == [1, 2]
    for each in ensembles:
        found, own = run.client.get_run(each.run_id).data, voters(members, each.seed)
        assert json.loads(found.tags[MEMBERS_TAG]) == [one.run_id for one in own]
        assert {"members": "other + tiny", "seed": str(each.seed)}.items() <= found.params.items()
        for cost in ("training_seconds", "trainable_parameters", "frozen_parameters"):
            assert each.metrics[cost] == pytest.approx(sum(one.metrics[cost] for one in own))


def test_what_it_logs_is_what_the_weighted_vote_of_the_stored_models_says(members):
    run, ensembles = made(members)
    validation = members.data.validation
    for each in ensembles:
        own = voters(members, each.seed)
        weights = [each.metrics[f"weight.{one.approach['name']}"] for one in own]
        models = [fetch_servable(run.store, one.model_uri).model for one in own]
        logits = [np.log(np.asarray(model(validation.pictures.images))) for model in models]
        expected = evaluate_part(
            "validation", validation.labels, softmax(np.tensordot(weights, logits, 1), axis=1)
        )
        assert {name: each.metrics[name] for name in expected} == pytest.approx(expected, abs=1e-5)
        best = min(one.metrics["validation_loss"] for one in own)
        assert each.metrics["validation_loss"] < best + 1 / len(validation)  # the ridge is worth a picture


def test_it_has_every_figure_of_a_refit_but_those_of_training(members):
    _, (ensemble, _) = made(members)
    of_refit = {name for name in members.rows[0][0].metrics if not name.startswith("epoch/")}
    assert of_refit - ensemble.metrics.keys() == {
        *("best_epoch", "epochs_trained", "temperature"),
        "validation_expected_calibration_error_before",
    }


def test_they_are_a_row_that_is_found_again_and_is_no_member_itself(members, capsys):
    run, ensembles = made(members)
    finalists = find_finalists(run, members.data)
    (row,) = (row for row in finalists.rows if row.is_ensemble)
    assert [each.run_id for each in row.refits] == [each.run_id for each in ensembles]
    assert row.label == "ensemble of 2" and "members other + tiny" in row.settings
    best = best_members(finalists.rows, members.data)
    assert {each.refits[0].approach["name"] for each in best} == {"tiny", "other"}
    _, again = made(members, [row.refits for row in best][::-1])
    assert [each.run_id for each in again] == [each.run_id for each in ensembles]
    assert capsys.readouterr().out.count("made before, in run") == 2


def test_members_with_other_hyperparameters_make_another_row(members):
    with open_run("votes", "one more", "experiment") as run:
        values = {"learning_rate": 0.1, "dropout": 0.1, "batch_size": 64}
        faster = refit(run, tiny_task(Other()), values, 1)
    (first, _), (second,) = made(members)[1], made(members, [members.rows[0], [faster]])[1]
    assert first.approach == second.approach and first.row != second.row


def test_the_leaderboard_says_what_the_vote_costs(members):
    run, _ = made(members)
    leaderboard = compare(run, members.data, find_finalists(run, members.data))
    assert len(leaderboard.rows) == 3 and not leaderboard.left_out
    text = leaderboard_text(leaderboard)
    assert "ensemble of 2" in text and max(map(len, text.splitlines())) <= WIDTH
    assert "The best single model is " in text and "the best at any price" in text.lower()
    votes = next(row for row in leaderboard.rows if row.finalist.is_ensemble)
    assert f"{votes.finalist.median.metrics['milliseconds_per_picture']:.1f} ms for a picture alone" in text
    assert votes.finalist.median.metrics["test_largest_difference_as_served"] < 1e-5


def test_killed_after_any_write_the_same_command_makes_what_is_missing(members, monkeypatch):
    rows = [[each] for each in voters(members, seed=1)]
    writes = ("log_batch", "log_artifact", "log_figure", "log_table", "log_text", "set_tag", "create_run")
    last = 0
    while True:
        last += 1
        with monkeypatch.context() as patch:
            Mortal(patch, writes, last)
            try:
                run, (ensemble,) = made(members, rows)
            except Killed:
                continue
            break
    assert last > 10
    runs = run.find(f"tags.`{KIND_TAG}` = 'refit' and tags.`{MEMBERS_TAG}` != ''")
    finished = [each.info.run_id for each in runs if each.info.status == "FINISHED"]
    assert finished == [ensemble.run_id]
    (row,) = (row for row in find_finalists(run, members.data).rows if row.is_ensemble)
    assert row.values("validation_accuracy") == [ensemble.metrics["validation_accuracy"]]


def test_one_approach_alone_and_no_seed_in_common_are_refused(members):
    with pytest.raises(UserError, match="two approaches or more, here there are those of: tiny"):
        made(members, members.rows[:1])
    with pytest.raises(UserError, match="no seed in common, other has 3; tiny has 1, 2"):
        made(members, [members.rows[0], [each for each in members.rows[1] if each.seed == 3]])
