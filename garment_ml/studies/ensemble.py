"""The refits of one seed of several approaches vote: one ensemble per seed, each on a run like a refit's."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from garment_ml.approaches.approach import LearningInputs
from garment_ml.approaches.catalogue import make_approach
from garment_ml.approaches.ensemble import Ensemble
from garment_ml.approaches.graph_memory import release_graphs
from garment_ml.approaches.titles import Described, title_of
from garment_ml.approaches.training import learning_inputs, predict
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.vote import fit_weights
from garment_ml.search.code_digest import code_digest
from garment_ml.studies.refit_run import log_model, log_origin, refit_once
from garment_ml.tracking.fetched_models import servable_of_run
from garment_ml.tracking.refit_record import MEMBERS_TAG, Refit
from garment_ml.tracking.run import TrackedRun

SUMMED = ("training_seconds", "trainable_parameters")
MADE_BEFORE = "made before, in run {}"


def make_ensembles(
    parent: TrackedRun, data: SplitDataset, rows: Sequence[Sequence[Refit]]
) -> tuple[Refit, ...]:
    """One for each seed that all `rows` have, on nested runs of `parent`; those made before are found again.

    A row holds the refits of one approach, which differ in their seed; `data` is what they were trained on.
    How much each counts is fitted on validation, and trained is nothing. Raises UserError for fewer than two
    rows, and where they have no seed in common.
    """
    rows = sorted(rows, key=lambda row: row[0].approach["name"])
    seeds = _common_seeds(rows)
    described = tuple(row[0].approach for row in rows)
    vote = _Vote(data.of_size(max(row[0].train_pictures for row in rows)), described)
    made = [_make(parent, vote, seed, [_of_seed(row, seed) for row in rows]) for seed in seeds]
    accuracies = [each.metrics["validation_accuracy"] for each in made]
    titles = ", ".join(map(title_of, described))
    say(f"ensemble of {titles}: validation accuracy {np.mean(accuracies):.4f} (n={len(accuracies)})")
    return tuple(made)


def _common_seeds(rows: Sequence[Sequence[Refit]]) -> list[int]:
    if len(rows) < 2:
        found = ", ".join(row[0].approach["name"] for row in rows) or "none"
        raise UserError(
            f"an ensemble takes finished refits of two approaches or more, here there are those of: {found}; "
            "train another: python -m experiments.scratch_cnn, bottleneck or fine_tune"
        )
    by_row = [{refit.seed for refit in row} for row in rows]
    if common := set.intersection(*by_row):
        return sorted(common)
    found = "; ".join(
        f"{title_of(row[0].approach)} has {', '.join(map(str, sorted(seeds)))}"
        for row, seeds in zip(rows, by_row, strict=True)
    )
    raise UserError(
        f"no ensemble: its members have no seed in common, {found}; train with the same --seed and --refits"
    )


def _of_seed(row: Sequence[Refit], seed: int) -> Refit:
    return next(refit for refit in row if refit.seed == seed)


@dataclass(frozen=True, eq=False)
class _Vote:
    """What the ensembles of all seeds share, made when the first of them needs it."""

    data: SplitDataset
    described: tuple[Described, ...]  # of each member

    @cached_property
    def ensemble(self) -> Ensemble:
        return Ensemble([make_approach(each["name"], each, self.data) for each in self.described])

    @cached_property
    def inputs(self) -> LearningInputs:
        return learning_inputs(self.ensemble, self.data)


def _make(parent: TrackedRun, vote: _Vote, seed: int, members: Sequence[Refit]) -> Refit:
    ids = [each.run_id for each in members]
    key = _digest(["ensemble", ids, code_digest()])
    title = f"ensemble of {len(members)} seed {seed}"
    return refit_once(
        parent, title, key, MADE_BEFORE, lambda run: _vote_and_log(run, title, vote, seed, members)
    )


def _vote_and_log(run: TrackedRun, title: str, vote: _Vote, seed: int, members: Sequence[Refit]) -> None:
    """Origin, members and weights, and all that a refit has: metrics, figures and the servable."""
    ensemble, data, inputs = vote.ensemble, vote.data, vote.inputs
    # What the members were trained with is theirs; two ensembles of other members must not share a row.
    recipe = {"hyperparameters": {}, "member_recipes": _digest([each.row for each in members])}
    titles = " + ".join(title_of(each.approach) for each in members)
    log_origin(run, ensemble, data, recipe, seed, {"members": titles})
    run.set_tags({MEMBERS_TAG: json.dumps([each.run_id for each in members])})
    release_graphs()  # of the seed before
    servables = [servable_of_run(run, each.run_id, data.class_names) for each in members]
    models = ensemble.logit_models(servables)
    weights = _fitted(vote, models)
    metrics = {name: sum(each.metrics[name] for each in members) for name in SUMMED}
    metrics |= {f"weight.{each.approach['name']}": w for each, w in zip(members, weights, strict=True)}
    log_model(run, title, ensemble, data, inputs, ensemble.calibrated(models, weights), metrics)


def _fitted(vote: _Vote, logit_models: Sequence[keras.Model]) -> np.ndarray:
    """How much each member counts, by what they say of validation."""
    validation, members = vote.data.validation, vote.ensemble.members
    logits = [
        predict(model, member.inputs(validation.pictures))
        for model, member in zip(logit_models, members, strict=True)
    ]
    return fit_weights(validation.labels, logits)


def _digest(of: list) -> str:
    """16 hex characters."""
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()[:16]
