"""All that is measured of a candidate before the gate judges it."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities.model_registry import ModelVersion

from garment_ml.base.errors import GarmentError
from garment_ml.comparison.opened_test_set import (
    Predictions,
    as_served_metric,
    predictions_on_test,
    reference_pictures,
    test_folder,
)
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.endpoint.server import running_endpoint
from garment_ml.registry.moves import DONE, history
from garment_ml.registry.versions import find_version, refit_of
from garment_ml.tracking.fetched_files import fetched
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun

SINGLE_REQUESTS = 20
Answer = dict[str, Any]


@dataclass(frozen=True)
class EndpointAnswers:
    """Answers to all pictures in one request, and to the first ones in requests of their own.

    `failure` says why there are none, or not all.
    """

    together: tuple[Answer, ...] = ()
    one_by_one: tuple[Answer, ...] = ()
    milliseconds: tuple[float, ...] = ()  # of each single request, from encoding to decoding
    started: bool = False
    failure: str = ""


@dataclass(frozen=True, eq=False)
class ChampionEvidence:
    """The champion on the candidate's test part, or why it can't be judged on it."""

    title: str
    predictions: Predictions | None
    failure: str = ""


@dataclass(frozen=True)
class Evidence:
    """`champion` is None where there is none, `best_champion` where no other was champion before."""

    class_names: tuple[str, ...]
    predictions: Predictions
    champion: ChampionEvidence | None
    megabytes: float
    answers: EndpointAnswers
    largest_difference_as_served: float
    replace_champion: bool = False  # even one that the candidate can't be compared with
    best_champion: ChampionEvidence | None = None


def gather_evidence(
    run: TrackedRun,
    version: ModelVersion,
    refit: Refit,
    champion: ModelVersion | None,
    data: SplitDataset,
    replace_champion: bool = False,
) -> Evidence:
    predictions = predictions_on_test(run, refit, data)
    metrics = TrackedRun(run.store, refit.run_id).metrics()
    difference = metrics[as_served_metric(test_folder(refit, data))]
    with fetched(run.store, f"models:/{version.name}/{version.version}") as folder:
        size = megabytes(folder)
        answers = probe_endpoint(folder, reference_pictures(data))
    of_champion = None if champion is None else _champion_evidence(run, champion, data)
    best = _best_champion(run, version, champion, data)
    names = data.class_names
    return Evidence(names, predictions, of_champion, size, answers, difference, replace_champion, best)


def _best_champion(
    run: TrackedRun, version: ModelVersion, champion: ModelVersion | None, data: SplitDataset
) -> ChampionEvidence | None:
    """The most accurate on this test part of all that were champion before, if trained on this split."""
    judged = {str(each.version) for each in (version, champion) if each}
    before = {move.after for move in history(run.store, version.name) if move.state == DONE} - judged
    found = []
    for number in sorted(before, key=int):
        with suppress(GarmentError):  # deleted by now: the others still count
            earlier = find_version(run.store, number, version.name)
            if refit_of(run.store, earlier).split_digest == data.split.digest:
                found.append(_champion_evidence(run, earlier, data))
    accuracies = {each: each.predictions.correct.mean() for each in found if each.predictions}
    return max(accuracies, key=accuracies.__getitem__, default=None)


def _champion_evidence(run: TrackedRun, champion: ModelVersion, data: SplitDataset) -> ChampionEvidence:
    title = f"version {champion.version}"
    try:
        refit = refit_of(run.store, champion)
        if refit.split_digest != data.split.digest:
            # Its training may have seen some of these pictures: that can only make it harder to beat.
            title += " (trained on another split, so it may know some of these pictures)"
        return ChampionEvidence(title, predictions_on_test(run, refit, data))
    except GarmentError as error:  # a deleted run, other classes, another size of pictures, a damaged file
        return ChampionEvidence(title, None, str(error))


def megabytes(folder: Path) -> float:
    """Size of all files below, in units of a million bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def probe_endpoint(model: Path, pictures: np.ndarray) -> EndpointAnswers:
    """Serves a model in a clean process and keeps what it answered, and how fast.

    `model` is the folder of a logged model, `pictures` uint8 (n, height, width, channels).
    """
    started = False
    try:
        with running_endpoint(model) as endpoint:
            started = True
            together = endpoint.ask(pictures)
            one_by_one, milliseconds = [], []
            for index in range(min(SINGLE_REQUESTS, len(pictures))):
                begun = time.perf_counter()
                one_by_one += endpoint.ask(pictures[index : index + 1])
                milliseconds.append(1000 * (time.perf_counter() - begun))
    except GarmentError as error:
        return EndpointAnswers(started=started, failure=str(error))
    return EndpointAnswers(tuple(together), tuple(one_by_one), tuple(milliseconds), started=True)
