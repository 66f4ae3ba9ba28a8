"""The frame around one approach's entry point: load and split, open the run, study, say what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import tensorflow

from garment_ml.approaches.catalogue import make_approach
from garment_ml.base.progress import say
from garment_ml.base.quiet import load_tensorflow
from garment_ml.data.dataset import Dataset
from garment_ml.data.near_duplicates import count_near_duplicates
from garment_ml.data.sources import load_dataset
from garment_ml.data.split import Split, split_dataset
from garment_ml.endpoint.commands import serving_commands, ui_commands
from garment_ml.studies.settings import DataSettings, StudySettings
from garment_ml.studies.study import Study, run_study
from garment_ml.tracking.facts import log_facts
from garment_ml.tracking.models import logged_servable
from garment_ml.tracking.run import TrackedRun, open_run


def run_experiment(name: str, settings: StudySettings, approach_settings: Mapping[str, Any]) -> Study:
    """Everything the entry point of the approach `name` does; the run it returns from is closed.

    A run that holds one training is of the kind `refit`; one that holds several, nested, is an `experiment`.
    """
    kind = "refit" if settings.refits == 1 and not settings.trials else "experiment"
    with open_run(settings.experiment, name, kind) as run:
        if settings.deterministic:
            _make_deterministic()
        dataset, split = load_and_split(settings)
        log_data(run, dataset, split)
        approach = make_approach(
            name, {**approach_settings, **_taken_over(run, approach_settings, dataset)}, dataset
        )
        study = run_study(run, approach, dataset, split, settings)
        run.log_parameters({**asdict(settings), **study.values})
    picture = dataset.images[split.validation[0]]
    say_next_steps(run.store.uri, study.median.model_uri, picture)
    return study


def say_next_steps(store_uri: str, model_uri: str, picture: np.ndarray) -> None:
    """The terminal ends with what can be done now, ready to paste."""
    say(f"\nLook at the runs:\n\n{ui_commands(store_uri)}\n")
    say(f"Serve the model and ask it:\n\n{serving_commands(store_uri, model_uri, picture)}\n")


def _taken_over(run: TrackedRun, approach_settings: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """The servable of the run whose head is to be fine-tuned, if one is named."""
    head_run = approach_settings.get("head_run")
    return {"head_file": logged_servable(run, head_run, dataset.class_names)} if head_run else {}


def load_and_split(settings: DataSettings, enough: int = 0) -> tuple[Dataset, Split]:
    """`enough` cuts train to that many pictures where the settings say nothing and there are clearly more."""
    dataset = load_dataset(settings.data, settings.data_dir or None)
    pictures = settings.train_pictures or (enough if enough < 0.7 * len(dataset.labels) else 0)
    split = split_dataset(dataset, seed=settings.split_seed, train_pictures=pictures or None)
    sizes = f"{len(split.train):,} train, {len(split.validation):,} validation, {len(split.test):,} test"
    say(f"{dataset.name}: {sizes}, {len(dataset.class_names)} classes, from {dataset.origin}")
    load_tensorflow()  # the pictures are in order: now it pays
    return dataset, split


def log_data(run: TrackedRun, dataset: Dataset, split: Split) -> None:
    """Digests and provenance, the stored split, and how clean the split is."""
    log_facts(run, dataset, split)
    run.log_json(split.to_json(), "split.json")
    near = count_near_duplicates(dataset, split)
    run.log_metrics({f"near_duplicates_{part}": count for part, count in near.items()})


def _make_deterministic() -> None:
    tensorflow.config.experimental.enable_op_determinism()
