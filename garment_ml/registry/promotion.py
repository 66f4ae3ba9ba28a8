"""A candidate's way to the front: registered, made challenger, judged, and champion if it passes."""

from __future__ import annotations

import math
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.comparison.opened_test_set import predictions_on_test, reference_pictures
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.registry.endpoint_probe import probe_endpoint
from garment_ml.registry.gate import ChampionEvidence, Evidence, Verdict, checks_table, judge
from garment_ml.registry.model_card import write_model_card
from garment_ml.registry.moves import crown
from garment_ml.registry.thresholds import Thresholds
from garment_ml.registry.versions import CHALLENGER, CHAMPION, REGISTERED_MODEL, aliased, find_version
from garment_ml.tracking.fetched_models import fetched
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun


def promote(
    run: TrackedRun,
    candidate: str,
    data: SplitDataset,
    thresholds: Thresholds,
    name: str = REGISTERED_MODEL,
    why: str = "",
) -> Verdict:
    """Judge `candidate` (a version number or `models:/m-...`), log the verdict to `run`, move if it passed.

    A version that is champion already is judged again, and stays it whatever comes out. Raises UserError
    for a candidate trained on another split, GarmentError when the champion changed while this went on.
    """
    version = find_version(run.store, candidate, name)
    refit = _refit_of(run, version)
    if refit.split_digest != data.split.digest:
        raise UserError(
            f"version {version.version} was trained on split {refit.split_digest}, not on this one, "
            f"{data.split.digest}: give the data and split it was trained on"
        )
    champion = aliased(run.store, CHAMPION, name)
    is_champion = champion is not None and champion.version == version.version
    if not is_champion:
        run.client.set_registered_model_alias(name, CHALLENGER, version.version)
    evidence = _evidence(run, version, refit, champion, data)
    verdict = Verdict(str(version.version), champion and str(champion.version), judge(evidence, thresholds))
    _log_verdict(run, verdict, name)
    if verdict.passed and not is_champion:
        crown(run.store, verdict.version, verdict.champion, why or f"passed the gate, run {run.run_id}", name)
    write_model_card(run, version, refit, evidence.predictions, verdict, data)
    return verdict


def _evidence(
    run: TrackedRun,
    version: ModelVersion,
    refit: Refit,
    champion: ModelVersion | None,
    data: SplitDataset,
) -> Evidence:
    predictions = predictions_on_test(run, refit, data)
    with fetched(run.store, f"models:/{version.name}/{version.version}") as folder:
        size = megabytes(folder)
        answers = probe_endpoint(folder, reference_pictures(data))
    of_champion = _champion_evidence(run, champion, data)
    return Evidence(data.class_names, predictions, of_champion, size, answers)


def _champion_evidence(
    run: TrackedRun, champion: ModelVersion | None, data: SplitDataset
) -> ChampionEvidence | None:
    if champion is None:
        return None
    title = f"version {champion.version}"
    refit = _refit_of(run, champion)
    if refit.split_digest != data.split.digest:
        # Its training may have seen some of these pictures: that can only make it harder to beat.
        title += " (trained on another split, so it may know some of these pictures)"
    try:
        return ChampionEvidence(title, predictions_on_test(run, refit, data))
    except GarmentError as error:  # other classes, another size of pictures, a damaged file
        return ChampionEvidence(title, None, str(error))


def _refit_of(run: TrackedRun, version: ModelVersion) -> Refit:
    try:
        return Refit.of(run.client.get_run(version.run_id))
    except KeyError as error:
        raise UserError(
            f"version {version.version} comes from run {version.run_id}, which is no refit: "
            f"it doesn't record {error}"
        ) from error


def megabytes(folder: Path) -> float:
    """Size of all files below, in units of a million bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _log_verdict(run: TrackedRun, verdict: Verdict, name: str) -> None:
    measured = {f"gate/{check.name}": check.value for check in verdict.checks if math.isfinite(check.value)}
    run.log_metrics({**measured, "gate/passed": verdict.passed})
    table = checks_table(verdict.checks)
    table.insert(0, "version", f"{name} {verdict.version}")
    run.log_report({"gate.json": table})
    for check in verdict.checks:
        value = "" if math.isnan(check.value) else f": {check.value:.6g}, {check.bound} {check.threshold:g}"
        tag = f"gate.{check.name}"
        run.client.set_model_version_tag(name, verdict.version, tag, check.verdict + value)
