"""The whole gate on real candidates: each bad one is refused by the one check that is there for it."""

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.comparison.opened_test_set import predictions_on_test, reference_pictures
from garment_ml.data.split_dataset import split_dataset
from garment_ml.endpoint.server import running_endpoint
from garment_ml.registry import evidence
from garment_ml.registry.checks import CHECKS
from garment_ml.registry.gate import verdict_text
from garment_ml.registry.moves import crown, roll_back
from garment_ml.registry.promotion import promote
from garment_ml.registry.thresholds import Thresholds
from garment_ml.registry.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    aliased,
    check_comparable,
    find_version,
)
from garment_ml.tracking.fetched_files import fetched
from tests.registry.recorded_moves import moves_of
from tests.toys import Toy, World, damage, stored_keras_file, toy_dataset

# The toys' test part is small, so its intervals are wide; and a slow machine's latency is no fault of theirs.
THRESHOLDS = Thresholds(margin=0.03, longest_latency=60_000.0)
IN_NO_TIME = replace(THRESHOLDS, longest_latency=0.001)  # a request is too slow for it on any machine
GOOD, SISTER = Toy("good"), Toy("good", seed=2, bias=(0.1, 0.0, 0.0))
LESS_ACCURATE = Toy("less accurate", noise=0.06, temperature=2.1)


def number(run, alias, name):
    version = aliased(run.store, alias, name)
    return None if version is None else str(version.version)


@pytest.fixture
def champion(toys, run, name):
    """Version 1, crowned without a gate."""
    version = str(find_version(run.store, toys.refit(GOOD).model_uri, name).version)
    crown(run.store, version, None, "the first", name)
    return version


def judge(toys, run, name, toy, thresholds=THRESHOLDS):
    return promote(run, toys.refit(toy).model_uri, toys.data, thresholds, name)


def of_check(verdict, name):
    (found,) = (check for check in verdict.checks if check.name == name)
    return found


def gate_metrics(run):
    metrics = run.client.get_run(run.run_id).data.metrics
    return {key.removeprefix("gate/"): value for key, value in metrics.items() if key.startswith("gate/")}


@pytest.mark.slow
def test_a_good_candidate_becomes_champion_and_the_old_one_previous(toys, run, name, champion):
    verdict = judge(toys, run, name, SISTER)
    assert verdict.passed, verdict_text(verdict)
    assert (number(run, CHAMPION, name), number(run, PREVIOUS, name)) == ("2", champion)
    assert number(run, CHALLENGER, name) is None
    (move,) = moves_of(run.store, "2", name)
    assert (move.before, move.after) == ("1", "2") and run.run_id in move.why
    measured = gate_metrics(run)
    assert measured.pop("passed") == 1
    values = {check.name: check.value for check in verdict.checks}
    assert math.isnan(values.pop("accuracy_against_best_champion"))  # no other was champion before
    assert measured == pytest.approx(values)
    table = json.loads(logged(run, "gate.json"))
    assert [row[table["columns"].index("verdict")] for row in table["data"]] == ["passed"] * len(CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("toy", "thresholds", "refusal"),
    [
        (LESS_ACCURATE, THRESHOLDS, "accuracy_against_champion"),
        (Toy("never predicts bottom", bias=(0, 0, -99)), THRESHOLDS, "lowest_class_recall"),
        (Toy("over-confident", temperature=0.25), THRESHOLDS, "expected_calibration_error"),
        (SISTER, IN_NO_TIME, "latency_milliseconds"),
    ],
)
def test_a_candidate_with_one_fault_is_refused_by_one_check_and_moves_nothing(
    toys, run, name, champion, toy, thresholds, refusal
):
    verdict = judge(toys, run, name, toy, thresholds)
    assert verdict.refused == (refusal,), verdict_text(verdict)
    assert not any(check.verdict == "not measured" for check in verdict.checks)
    assert_nothing_moved(run, name, champion)
    assert gate_metrics(run)["passed"] == 0


@pytest.mark.slow
def test_a_damaged_file_is_refused_as_it_does_not_load(toys, run, name, champion):
    refit = toys.world.refit(Toy("damaged"))
    predictions_on_test(run, refit, toys.data)  # it was whole when it was compared
    damage(run.store, refit.model_uri)
    verdict = promote(run, refit.model_uri, toys.data, THRESHOLDS, name)
    assert verdict.refused == ("reloaded_probabilities",), verdict_text(verdict)
    assert [check.name for check in verdict.checks if check.verdict == "not measured"] == [
        "endpoint_round_trip",
        "latency_milliseconds",
    ]
    assert "ended while starting" in of_check(verdict, "reloaded_probabilities").detail
    assert_nothing_moved(run, name, champion)


@pytest.mark.slow
def test_an_exchanged_file_is_refused_as_it_answers_otherwise(toys, run, name, champion):
    refit = toys.world.refit(Toy("exchanged"))
    predictions_on_test(run, refit, toys.data)
    other = stored_keras_file(run.store, toys.refit(SISTER).model_uri)
    shutil.copy(other, stored_keras_file(run.store, refit.model_uri))
    verdict = promote(run, refit.model_uri, toys.data, THRESHOLDS, name)
    assert verdict.refused == ("reloaded_probabilities",), verdict_text(verdict)
    assert of_check(verdict, "reloaded_probabilities").value > 1e-3
    assert_nothing_moved(run, name, champion)


@pytest.mark.slow
def test_a_champion_whose_run_was_deleted_can_be_replaced_and_that_is_recorded(toys, run, name):
    old = toys.world.refit(Toy("whose run is deleted"))
    version = str(find_version(run.store, old.model_uri, name).version)
    crown(run.store, version, None, "the first", name)
    run.client.delete_run(old.run_id)
    uri = toys.refit(GOOD).model_uri
    verdict = promote(run, uri, toys.data, THRESHOLDS, name, "tidied up", replace_champion=True)
    assert verdict.passed and number(run, CHAMPION, name) == "2"
    (move,) = moves_of(run.store, "2", name)
    assert move.why == f"tidied up; replaces a champion that can't be compared: {old_run_deleted(old)}"


def old_run_deleted(refit):
    return f"run {refit.run_id}, which made version 1, was deleted"


@pytest.mark.slow
def test_the_best_that_was_ever_champion_is_found_though_others_came_after_it(toys, run, name, champion):
    for toy in (LESS_ACCURATE, SISTER):
        version = find_version(run.store, toys.refit(toy).model_uri, name)
        crown(run.store, str(version.version), number(run, CHAMPION, name), "by hand", name)
    candidate = find_version(run.store, toys.refit(Toy("candidate", seed=3)).model_uri, name)
    best = evidence._best_champion(run, candidate, aliased(run.store, CHAMPION, name), toys.data)
    assert best.title == f"version {champion}"
    assert (
        evidence._best_champion(run, find_version(run.store, champion, name), None, toys.data).title
        != best.title
    )


@pytest.mark.slow
def test_classes_that_the_champion_does_not_know_are_refused_ahead_of_the_work(toys, run, name, champion):
    check_comparable(run.store, toys.data.class_names, name)
    check_comparable(run.store, ("boot",), "nobody")
    with pytest.raises(UserError, match=r"doesn't know 'boot'.* of their own with --name"):
        check_comparable(run.store, ("boot", *toys.data.class_names), name)


@pytest.mark.slow
def test_a_candidate_that_only_challenges_leaves_the_champion(toys, run, name, champion):
    uri = toys.refit(SISTER).model_uri
    assert promote(run, uri, toys.data, THRESHOLDS, name, only_challenge=True).passed
    assert (number(run, CHAMPION, name), number(run, CHALLENGER, name)) == ("1", "2")
    assert moves_of(run.store, "2", name) == []


@pytest.mark.slow
def test_a_champion_of_another_split_is_scored_on_the_candidates_test_part(toys, run, name):
    elsewhere = World(split_dataset(replace(toy_dataset(), published_test=None), seed=3))
    old = elsewhere.refit(Toy("of another split"))
    crown(run.store, str(find_version(run.store, old.model_uri, name).version), None, "the first", name)
    verdict = judge(toys, run, name, GOOD)
    assert verdict.passed, verdict_text(verdict)
    assert "trained on another split" in verdict.checks[0].detail
    assert f"garment.test_on_{toys.data.split.digest[:8]}_opened" in run.client.get_run(old.run_id).data.tags
    assert "garment.test_opened" not in run.client.get_run(old.run_id).data.tags


@pytest.mark.slow
def test_without_a_champion_the_other_checks_decide_and_judging_it_again_changes_nothing(toys, run, name):
    first = judge(toys, run, name, GOOD)
    assert first.passed and math.isnan(first.checks[0].value)
    assert "no champion" in first.checks[0].detail
    strict = replace(THRESHOLDS, largest_size=0.001)
    again = judge(toys, run, name, GOOD, strict)
    assert again.refused == ("size_megabytes",)
    assert (number(run, CHAMPION, name), number(run, CHALLENGER, name)) == ("1", None)
    assert len(moves_of(run.store, "1", name)) == 1


@pytest.mark.slow
def test_a_rollback_restores_the_earlier_answers_of_the_endpoint(toys, run, name, champion):
    better = str(find_version(run.store, toys.refit(LESS_ACCURATE).model_uri, name).version)
    crown(run.store, better, champion, "a mistake", name)
    pictures = reference_pictures(toys.data)
    address = f"models:/{name}@champion"

    def served():
        with fetched(run.store, address) as model, running_endpoint(model) as endpoint:
            answers = endpoint.ask(pictures)
        return np.array(
            [[answer[f"probability_{each}"] for each in toys.data.class_names] for answer in answers]
        )

    recorded = predictions_on_test(run, toys.refit(GOOD), toys.data).reference
    assert np.abs(served() - recorded).max() > 0.01
    roll_back(run.store, "worse answers", name)
    assert np.abs(served() - recorded).max() < 1e-5


def test_a_candidate_of_another_split_is_refused_before_anything_is_measured(toys, run, name):
    other = split_dataset(replace(toy_dataset(), published_test=None), seed=11)
    with pytest.raises(UserError, match="was trained on split"):
        promote(run, toys.refit(GOOD).model_uri, other, THRESHOLDS, name)
    assert number(run, CHALLENGER, name) is None


def assert_nothing_moved(run, name, champion):
    assert (number(run, CHAMPION, name), number(run, PREVIOUS, name)) == (champion, None)
    assert number(run, CHALLENGER, name) == "2"
    assert moves_of(run.store, "2", name) == []
    assert len(moves_of(run.store, champion, name)) == 1


def logged(run, path):
    import mlflow

    return mlflow.artifacts.load_text(f"runs:/{run.run_id}/{path}")
