"""What a search found, and its record on the search's run."""

from dataclasses import dataclass

import keras_tuner

from garment_ml.approaches.hyperparameter import Hyperparameter, Values, default_values
from garment_ml.base.errors import GarmentError
from garment_ml.reports.experiment_figures import score_by_hyperparameter
from garment_ml.search.space import model_values
from garment_ml.tracking.run import TrackedRun


@dataclass(frozen=True)
class SearchResult:
    """The best trial's hyperparameters and score on validation, and the recipe's own for comparison.

    `better` are the values of all trials that scored above the recipe's own, each once, the best first.
    """

    run_id: str
    best: Values
    best_score: float
    default_score: float | None
    better: tuple[Values, ...]
    completed: int
    failed: int


def search_result(
    run_id: str, oracle: keras_tuner.Oracle, hyperparameters: tuple[Hyperparameter, ...]
) -> SearchResult:
    """Of the ended search of the run `run_id`; GarmentError with the trials' reasons where none succeeded."""
    completed = [trial for trial in oracle.trials.values() if trial.status == "COMPLETED"]
    if not completed:
        raise GarmentError(f"no trial succeeded: {failure_reasons(oracle)}")
    # Hyperband trains its trials for different lengths; on equal scores the earliest wins.
    best = max(completed, key=lambda trial: trial.score)
    defaults = default_values(hyperparameters)
    of_defaults = [t.score for t in completed if model_values(t.hyperparameters.values) == defaults]
    default_score = max(of_defaults, default=None)
    better: list[Values] = []
    for trial in sorted(completed, key=lambda each: -each.score):
        values = model_values(trial.hyperparameters.values)
        if values not in [defaults, *better] and (default_score is None or trial.score > default_score):
            better.append(values)
    return SearchResult(
        run_id=run_id,
        best=model_values(best.hyperparameters.values),
        best_score=best.score,
        default_score=default_score,
        better=tuple(better),
        completed=len(completed),
        failed=len(oracle.trials) - len(completed),
    )


def log_result(
    run: TrackedRun,
    oracle: keras_tuner.Oracle,
    hyperparameters: tuple[Hyperparameter, ...],
    result: SearchResult,
    rank_by: str,
) -> None:
    """The winner as parameters, its score and the counts as metrics, and the score's figure."""
    run.log_parameters({f"best.{name}": value for name, value in result.best.items()})
    metrics = {
        f"validation_{rank_by}": result.best_score,
        "completed": result.completed,
        "failed": result.failed,
    }
    if result.default_score is not None:
        metrics[f"default_validation_{rank_by}"] = result.default_score
    run.log_metrics(metrics)
    searched = [each for each in hyperparameters if each.searched]
    trials = [model_values(trial.hyperparameters.values) for trial in oracle.trials.values()]
    figure = score_by_hyperparameter(
        [{each.name: values[each.name] for each in searched} for values in trials],
        [float("nan") if trial.score is None else trial.score for trial in oracle.trials.values()],
        log=[each.name for each in searched if each.log],
    )
    run.log_report({"figures/score_by_hyperparameter.png": figure})


def failure_reasons(oracle: keras_tuner.Oracle) -> str:
    """Why the latest five failed trials failed."""
    failed = [trial for trial in oracle.trials.values() if trial.status in ("FAILED", "INVALID")]
    return "; ".join(f"trial {trial.trial_id}: {last_line(trial.message)}" for trial in failed[-5:])


def last_line(message: str | None) -> str:
    """The exception itself, at the end of the stack trace that keras-tuner keeps."""
    return (message or "no reason given").strip().splitlines()[-1]
