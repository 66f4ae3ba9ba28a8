from dataclasses import replace

import pytest

from garment_ml.comparison.opened_test_set import openings, predictions_on_test
from garment_ml.registry.gate import Finding, Verdict
from garment_ml.registry.model_card import DESCRIPTION_CHARACTERS, log_model_card, model_card
from garment_ml.registry.versions import find_version
from tests.toys import Toy

CHECKS = (
    Finding("size_megabytes", 3.21, "at most", 250.0, "passed", ""),
    Finding("latency_milliseconds", 250.0, "at most", 200.0, "REFUSED", ""),
)


@pytest.fixture
def written(toys, run, name):
    refit = toys.refit(Toy("good"))
    version = find_version(run.store, refit.model_uri, name)
    predictions = predictions_on_test(run, refit, toys.data)
    verdict = Verdict("1", None, CHECKS)
    card = model_card(run, version, refit, predictions, verdict, toys.data, True)
    log_model_card(run, version, refit, card)
    return run, refit, card


def test_every_figure_is_the_runs(written, toys):
    run, refit, card = written
    metrics = run.client.get_run(refit.run_id).data.metrics
    for part in ("train", "validation", "test"):
        assert f"| {part} | {metrics[f'{part}_accuracy']:.4f}" in card
        assert f"{metrics[f'{part}_loss']:.4f} |" in card
    assert f"{metrics['test_accuracy_low']:.4f}-{metrics['test_accuracy_high']:.4f}" in card
    assert f"calibration error {metrics['test_expected_calibration_error']:.4f}" in card
    assert refit.dataset_digest in card and refit.split_digest in card
    assert f"{toys.data.counts['test']:,} test pictures" in card


def test_it_counts_how_often_the_test_part_was_opened_before_the_training(toys, run, name):
    earlier, candidate = toys.refit(Toy("earlier")), toys.refit(Toy("candidate"))
    version = find_version(run.store, candidate.model_uri, name)
    predictions = predictions_on_test(run, candidate, toys.data)
    run.client.set_tag(earlier.run_id, "garment.test_opened", "2020-01-01T00:00:00+00:00")
    card = model_card(run, version, candidate, predictions, Verdict("1", None, CHECKS), toys.data, True)
    assert f"opened for {len(openings(run, toys.data))} refits so far, first on 2020-01-01; " in card
    assert "so it may have been chosen in knowledge of them" in card


def test_of_an_ensemble_it_names_who_votes_and_with_what_weight(toys, run, name):
    refit = toys.refit(Toy("voting", metrics={"weight.bottleneck": 0.9123}))
    version = find_version(run.store, refit.model_uri, name)
    predictions = predictions_on_test(run, refit, toys.data)
    described = [{"name": "bottleneck", "backbone": "vgg16"}, refit.approach]
    votes = replace(
        refit, approach={"name": "ensemble", "members": described}, recipe={"hyperparameters": {}}
    )
    card = model_card(run, version, votes, predictions, Verdict("1", None, CHECKS), toys.data, True)
    assert "- approach ensemble, members bottleneck vgg16 + scratch_cnn baseline." in card
    assert "- seed 1.\n- Weight of bottleneck in the vote: 0.912." in card


def test_a_refusal_and_its_check_are_on_the_card(written):
    assert "**The gate refused it**: latency_milliseconds" in written[2]
    assert "| latency_milliseconds | 250 | at most 200 | REFUSED |" in written[2]


def test_it_is_the_versions_description_and_an_artifact_of_both_runs(written, name):
    run, refit, card = written
    assert run.client.get_model_version(name, "1").description == card
    for run_id in (run.run_id, refit.run_id):
        assert "model_card.md" in [each.path for each in run.client.list_artifacts(run_id)]


def test_a_card_too_long_for_the_database_is_cut_and_says_where_the_whole_is(toys, run, name):
    refit = toys.refit(Toy("good"))
    version = find_version(run.store, refit.model_uri, name)
    predictions = predictions_on_test(run, refit, toys.data)
    verdict = Verdict("1", None, CHECKS * 100)
    card = model_card(run, version, refit, predictions, verdict, toys.data, True)
    log_model_card(run, version, refit, card)
    description = run.client.get_model_version(name, "1").description
    assert len(card) > len(description) == DESCRIPTION_CHARACTERS
    assert description.endswith(f"the whole card is model_card.md of run {refit.run_id})")
