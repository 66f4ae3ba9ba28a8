"""A search over one approach's hyperparameters: begun, gone on with after a crash, or found done."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import keras_tuner
from keras_tuner.engine.trial import Trial

from garment_ml.approaches.hyperparameter import Hyperparameter
from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import say
from garment_ml.search.brackets import describe, plan_brackets
from garment_ml.search.oracles import make_oracle
from garment_ml.search.result import SearchResult, failure_reasons, log_result, search_result
from garment_ml.search.space import to_keras_tuner
from garment_ml.search.state import restore_state
from garment_ml.search.task import Task
from garment_ml.search.trial_training import TrialTraining
from garment_ml.search.tuner import TrackedTuner
from garment_ml.tracking.claims import claim
from garment_ml.tracking.facts import DATASET_TAG, log_facts
from garment_ml.tracking.run import TrackedRun

RETRIES = 1  # of a trial that failed for another reason than its hyperparameters


@dataclass(frozen=True)
class SearchPlan:
    """What to try and how; together with the task this decides the outcome."""

    strategy: str
    trials: int
    seed: int
    hyperparameters: tuple[Hyperparameter, ...]
    rank_by: str = "accuracy"
    max_attempts: int = 5  # a trial cut off this often is given up: it may be what brings the machine down


def search(parent: TrackedRun, task: Task, plan: SearchPlan) -> SearchResult:
    """Try what `plan` says in a nested run of `parent`; the same call after a crash tries only what is left.

    One process does that: another that asks for the very same waits for it, and is given what it found.
    Raises GarmentError with the trials' reasons when too many fail in a row, or none succeeds.
    """
    key = task.key("search", plan=asdict(plan))
    title = f"{task.approach.name} search"
    claimed = claim(parent, title, "search", key, goes_on=True)
    directory = cache_directory("searches") / f"{task.approach.name}-{claimed.info.run_id}"
    if claimed.info.status == "FINISHED":
        return _found(TrackedRun(parent.store, claimed.info.run_id), task, plan, directory)
    with parent.child(title, "search", again=claimed.info.run_id) as run:
        if DATASET_TAG not in claimed.data.tags:  # else it goes on; its commit stays that of the beginning
            run.log_parameters(_parameters(task, plan))
            log_facts(run, task.data)
        tuner = _open_tuner(run, task, plan, directory)
        try:
            tuner.search()
        except RuntimeError as error:  # keras-tuner: too many failures in a row
            reasons = failure_reasons(tuner.oracle)
            raise GarmentError(f"the {task.approach.name} search ended: {reasons}") from error
        TrialTraining(task, plan.seed, directory).remove_checkpoints(tuner.oracle, finished=True)
        result = search_result(run.run_id, tuner.oracle, plan.hyperparameters)
        log_result(run, tuner.oracle, plan.hyperparameters, result, plan.rank_by)
    return result


def _found(run: TrackedRun, task: Task, plan: SearchPlan, directory: Path) -> SearchResult:
    """What a finished search found; its run stays as it is."""
    tuner = _open_tuner(run, task, plan, directory)
    return search_result(run.run_id, tuner.oracle, plan.hyperparameters)


def _open_tuner(run: TrackedRun, task: Task, plan: SearchPlan, directory: Path) -> TrackedTuner:
    """With the state that is furthest, the run's or this machine's; says how far that is."""
    restore_state(run, directory)
    tuner = _make_tuner(run, task, plan, directory)
    _announce(tuner, task, plan)
    return tuner


def _make_tuner(run: TrackedRun, task: Task, plan: SearchPlan, directory: Path) -> TrackedTuner:
    oracle = make_oracle(
        plan.strategy,
        to_keras_tuner(plan.hyperparameters),
        trials=plan.trials,
        epochs=task.budget.epochs,
        seed=plan.seed,
        retries=RETRIES,
    )
    training = TrialTraining(task, plan.seed, directory)
    started = time.monotonic()

    def after_trial(trial: Trial) -> None:
        training.remove_checkpoints(oracle)
        say(_progress(oracle, trial, plan.trials, started, done_before))

    score = f"validation_{plan.rank_by}"
    tuner = TrackedTuner(oracle, directory, run, training, plan.max_attempts, after_trial, score)
    done_before = len(oracle.end_order)
    return tuner


def _progress(
    oracle: keras_tuner.Oracle, trial: Trial, planned: int, started: float, done_before: int
) -> str:
    """What became of the trial, and how long the rest may take if it goes on like this."""
    done = len(oracle.end_order)
    minutes = (time.monotonic() - started) / 60 / max(1, done - done_before) * (planned - done)
    if trial.status == "COMPLETED":
        best = max(each.score for each in oracle.trials.values() if each.status == "COMPLETED")
        became = f"validation {trial.score:.4f} (best {best:.4f})"
    else:
        became = "failed" if trial.status == "FAILED" else "failed, to be tried again"
    return f"  trial {trial.trial_id}, {done} of {planned}: {became}; about {minutes:.1f} minutes left"


def _announce(tuner: TrackedTuner, task: Task, plan: SearchPlan) -> None:
    ended = len(tuner.oracle.end_order)
    searched = [each.name for each in plan.hyperparameters if each.searched]
    begun = f"resumed {ended} of {plan.trials}" if ended else f"up to {plan.trials} trials"
    say(f"{task.approach.name}: {plan.strategy} search over {', '.join(searched)}; {begun}")
    if plan.strategy == "hyperband":
        say(f"  brackets: {_brackets(task, plan)}")


def _parameters(task: Task, plan: SearchPlan) -> dict[str, object]:
    settings = {
        "class_weights": task.class_weights,
        "rank_by": plan.rank_by,
        "strategy": plan.strategy,
        "trials": plan.trials,
        "seed": plan.seed,
        **asdict(task.budget),
    }
    if plan.strategy == "hyperband":
        settings["brackets"] = _brackets(task, plan)
    space = {f"space.{each.name}": each.space for each in plan.hyperparameters}
    return {"approach": task.approach.name, **task.approach.describe(), **settings, **space}


def _brackets(task: Task, plan: SearchPlan) -> str:
    return describe(plan_brackets(plan.trials, task.budget.epochs))
