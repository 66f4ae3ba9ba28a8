"""One approach from its settings to its refits: search if asked, then train the winner over fresh seeds."""

import math
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean

from garment_ml.approaches.approach import Approach
from garment_ml.approaches.hyperparameter import Values, default_values, narrow
from garment_ml.base.terminal import say
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.intervals import mean_and_interval
from garment_ml.search.brackets import plan_brackets
from garment_ml.search.search import SearchPlan, search
from garment_ml.search.task import Task
from garment_ml.studies.final import Final, Train, log_final, play_final, tag_refits
from garment_ml.studies.refit import refit
from garment_ml.studies.settings import LearningSettings
from garment_ml.tracking.refit_record import Refit, median_refit
from garment_ml.tracking.run import TrackedRun

SUMMARIZED = (
    *("train_accuracy", "train_loss", "training_seconds"),
    *("validation_accuracy", "validation_macro_f1", "validation_loss"),
)


@dataclass(frozen=True)
class Study:
    """The hyperparameters that were refitted, and the refits, one per seed."""

    approach: Approach
    values: Values
    refits: tuple[Refit, ...]
    rank_by: str

    @property
    def median(self) -> Refit:
        return median_refit(self.refits, self.rank_by)


def run_study(
    run: TrackedRun,
    approach: Approach,
    data: SplitDataset,
    settings: LearningSettings,
    rank_by: str = "accuracy",
) -> Study:
    """Search and refit as `settings` say, each refit on a nested run of its own.

    What a search found goes on only if it wins the final against the recipe's own values (play_final), which
    makes as many refits as that needs, though fewer may be asked for.

    Work that an earlier, interrupted call has finished is found again and not repeated. Raises UserError for
    a hyperparameter that this approach doesn't have, and for fewer trials than the strategy needs.
    """
    hyperparameters = narrow(approach.hyperparameters(), settings.entries())
    if settings.trials and settings.strategy == "hyperband":
        budget = approach.budget.with_given(settings.epochs, settings.patience, data.train_pictures)
        plan_brackets(settings.trials, budget.epochs)  # refuses before features are made
    task = Task.prepare(approach, data, settings.epochs, settings.patience, settings.class_weights)
    train = partial(refit, run, task, calibrate=settings.calibrate)
    final = Final(default_values(hyperparameters))
    if settings.trials:
        plan = SearchPlan(settings.strategy, settings.trials, settings.seed, hyperparameters, rank_by)
        final = _search(run, task, plan, settings, train)
    seeds = range(settings.seed + len(final.chosen), settings.seed + settings.refits)
    gallery = settings.refits == 1 and not final.chosen
    refits = (*final.chosen, *(train(final.values, seed, gallery=gallery) for seed in seeds))
    tag_refits(run, refits, final)
    study = Study(approach, final.values, refits, rank_by)
    _log_summary(run, study)
    _say_summary(study)
    return study


def _search(run: TrackedRun, task: Task, plan: SearchPlan, settings: LearningSettings, train: Train) -> Final:
    """The best trial's values, or those that win the final, if one is asked for."""
    found = search(run, task, plan)
    if not settings.finalists:
        return Final(found.best)
    recipe, better = default_values(plan.hyperparameters), found.better[: settings.finalists]
    final = play_final(train, recipe, better, settings.final_seeds(), f"validation_{plan.rank_by}")
    log_final(TrackedRun(run.store, found.run_id), run, task.approach.name, final)
    return final


def _log_summary(run: TrackedRun, study: Study) -> None:
    """Mean, range and 95 % interval over the seeds, on the run that holds the refits."""
    metrics: dict[str, float] = {}
    for name in SUMMARIZED:
        summary = asdict(mean_and_interval([each.metrics[name] for each in study.refits]))
        metrics |= {f"{study.approach.name}/{name}_{key}": value for key, value in summary.items()}
    run.log_metrics({name: value for name, value in metrics.items() if math.isfinite(value)})


def _say_summary(study: Study) -> None:
    accuracies = [each.metrics["validation_accuracy"] for each in study.refits]
    seconds = sum(each.metrics["training_seconds"] for each in study.refits)
    spread = f"{min(accuracies):.4f} to {max(accuracies):.4f}, " if len(accuracies) > 1 else ""
    say(
        f"{study.approach.name}: validation accuracy {fmean(accuracies):.4f} "
        f"({spread}n={len(accuracies)}), {seconds:.0f} s of training"
    )
