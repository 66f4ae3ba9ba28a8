"""The frame around one approach's entry point: open the run, study, say what to do next."""

from dataclasses import asdict

import numpy as np
import tensorflow

from garment_ml.approaches.catalogue import make_approach
from garment_ml.base.terminal import say
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.endpoint.commands import serving_commands, ui_commands
from garment_ml.studies.recorded_data import record_settings
from garment_ml.studies.settings import StudySettings
from garment_ml.studies.study import Study, run_study
from garment_ml.tracking.facts import log_facts, log_left_out
from garment_ml.tracking.fetched_models import servable_of_run
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.run import TrackedRun


def run_experiment(name: str, settings: StudySettings, data: SplitDataset) -> Study:
    """Everything the entry point of the approach `name` does with loaded data; its run is closed after it."""
    with open_run(settings.experiment, name, "experiment", fresh=settings.fresh) as run:
        if settings.deterministic:
            tensorflow.config.experimental.enable_op_determinism()
        record_settings(run, settings, data)
        log_data(run, data)
        approach = make_approach(name, asdict(settings), data)
        if approach.head_run:
            approach.take_over_head(servable_of_run(run, approach.head_run, data.class_names))
        study = run_study(run, approach, data, settings, settings.rank_by)
        run.log_parameters({f"best.{name}": value for name, value in study.values.items()})
    say_next_steps(run.store.uri, study.median.model_uri, data.validation.pictures.images[0])
    return study


def say_next_steps(store_uri: str, model_uri: str, picture: np.ndarray) -> None:
    """The terminal ends with what can be done now, ready to paste."""
    say(f"\nLook at the runs:\n\n{ui_commands(store_uri)}\n")
    say(f"Serve the model and ask it:\n\n{serving_commands(store_uri, model_uri, picture)}\n")


def log_data(run: TrackedRun, data: SplitDataset) -> None:
    """Digests and provenance, the stored split, and how clean the split is."""
    log_facts(run, data)
    run.log_json(data.split.to_json(), "split.json")
    log_left_out(run, data.left_out)
    run.log_metrics({f"near_duplicates_{part}": count for part, count in data.near_duplicates.items()})
