"""A candidate's way to the front: registered, made challenger, judged, and champion if it passes."""

import math

import pandas as pd

from garment_ml.base.errors import UserError
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.registry.evidence import gather_evidence
from garment_ml.registry.gate import Verdict, judge
from garment_ml.registry.model_card import log_model_card, model_card
from garment_ml.registry.moves import crown, settle
from garment_ml.registry.thresholds import Thresholds
from garment_ml.registry.versions import (
    CHALLENGER,
    CHAMPION,
    REGISTERED_MODEL,
    aliased,
    find_version,
    refit_of,
)
from garment_ml.tracking.run import TrackedRun


def promote(
    run: TrackedRun,
    candidate: str,
    data: SplitDataset,
    thresholds: Thresholds,
    name: str = REGISTERED_MODEL,
    why: str = "",
    replace_champion: bool = False,
    only_challenge: bool = False,
) -> Verdict:
    """Judge `candidate` (a version number or `models:/m-...`), log the verdict to `run`, move if it passed.

    A version that is champion already is judged again, and stays it whatever comes out. With
    `only_challenge` so does another champion: the candidate waits as challenger. Raises UserError
    for a candidate trained on another split, GarmentError when the champion changed while this went on.
    """
    version = find_version(run.store, candidate, name)
    settle(run.store, name)
    refit = refit_of(run.store, version)
    if refit.split_digest != data.split.digest:
        raise UserError(
            f"version {version.version} was trained on split {refit.split_digest}, not on this one, "
            f"{data.split.digest}: give the data and split it was trained on"
        )
    champion = aliased(run.store, CHAMPION, name)
    is_champion = champion is not None and champion.version == version.version
    if not is_champion:
        run.client.set_registered_model_alias(name, CHALLENGER, version.version)
    evidence = gather_evidence(run, version, refit, champion, data, replace_champion)
    verdict = Verdict(str(version.version), champion and str(champion.version), judge(evidence, thresholds))
    _log_verdict(run, verdict, name)
    if verdict.passed and not is_champion and not (champion and only_challenge):
        why = why or f"passed the gate, run {run.run_id}"
        if evidence.champion and evidence.champion.failure:
            why += f"; replaces a champion that can't be compared: {evidence.champion.failure}"
        crown(run.store, verdict.version, verdict.champion, why, name)
        is_champion = True
    card = model_card(run, version, refit, evidence.predictions, verdict, data, is_champion)
    log_model_card(run, version, refit, card)
    return verdict


def _log_verdict(run: TrackedRun, verdict: Verdict, name: str) -> None:
    measured = {f"gate/{check.name}": check.value for check in verdict.checks if math.isfinite(check.value)}
    run.log_metrics({**measured, "gate/passed": verdict.passed})
    table = pd.DataFrame([vars(check) for check in verdict.checks]).rename(columns={"name": "check"})
    table.insert(0, "version", f"{name} {verdict.version}")
    run.log_report({"gate.json": table})
    for check in verdict.checks:
        value = "" if math.isnan(check.value) else f": {check.shown}, {check.needed}"
        tag = f"gate.{check.name}"
        run.client.set_model_version_tag(name, verdict.version, tag, check.verdict + value)
