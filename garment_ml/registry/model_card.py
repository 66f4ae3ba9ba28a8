"""The model card: written from what the version's own runs record, and from nothing else.

The headings follow Mitchell et al. 2019, "Model Cards for Model Reporting", https://arxiv.org/abs/1810.03993.
"""

import shlex
from datetime import UTC, datetime
from typing import Any

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from garment_ml.approaches.titles import settings_in_words
from garment_ml.comparison.finalist import Finalist
from garment_ml.comparison.finalists import find_finalists
from garment_ml.comparison.numbers import interval, mean_and_range, number
from garment_ml.comparison.opened_test_set import BATCH_MS, SINGLE_MS, Predictions, openings
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.endpoint.commands import PORT
from garment_ml.evaluation.intervals import SHARE, mean_and_interval
from garment_ml.evaluation.metrics import evaluate, most_confused, per_class
from garment_ml.registry.gate import Verdict
from garment_ml.reports.templates import template_environment
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import TrackedRun

FILE = "model_card.md"
DESCRIPTION_CHARACTERS = 5000  # what MLflow's database holds
WORST, CONFUSED = 3, 3


def log_model_card(run: TrackedRun, version: ModelVersion, refit: Refit, card: str) -> None:
    """As model_card.md of `run` and of the refit's run, and as the version's description."""
    for run_id in (run.run_id, refit.run_id):
        run.client.log_text(run_id, card, FILE)
    run.client.update_model_version(version.name, version.version, _shortened(card, refit.run_id))


def model_card(
    run: TrackedRun,
    version: ModelVersion,
    refit: Refit,
    predictions: Predictions,
    verdict: Verdict,
    data: SplitDataset,
    answers: bool,
) -> str:
    """Markdown; `answers`: whether the version is champion now."""
    trained = run.client.get_run(refit.run_id)
    table = per_class(predictions.labels, predictions.probabilities, data.class_names)
    pairs = most_confused(predictions.labels, predictions.probabilities, data.class_names, CONFUSED)
    finalist = _finalist_of(run, refit, data)
    environment = template_environment(__package__, autoescape=False)
    environment.filters |= {"number": number, "range": mean_and_range}
    return environment.get_template("model_card.md").render(
        version=version,
        refit=refit,
        settings=settings_in_words(refit.approach),
        tags=trained.data.tags,
        metrics=trained.data.metrics,
        ended=trained.info.end_time,
        near_duplicates=_near_duplicates(run, trained),
        test=dict(evaluate(predictions.labels, predictions.probabilities)),
        over_seeds=mean_and_interval(finalist.values("validation_accuracy"), SHARE),
        worst=table.sort_values("recall", na_position="first").head(WORST).to_dict("records"),
        confused=pairs.to_dict("records"),
        verdict=verdict,
        answers=answers,
        openings=openings(run, data),
        begun=datetime.fromtimestamp(trained.info.start_time / 1000, UTC),
        data=data,
        interval=interval,
        port=PORT,
        address=shlex.quote(f"models:/{version.name}/{version.version}"),
        single_ms=SINGLE_MS,
        batch_ms=BATCH_MS,
    )


def _finalist_of(run: TrackedRun, refit: Refit, data: SplitDataset) -> Finalist:
    """With its sisters of other seeds, so far as they are in the run's experiment."""
    rows = find_finalists(run, data).rows
    return next((row for row in rows if row.refits[0].row == refit.row), Finalist((refit,)))


def _near_duplicates(run: TrackedRun, trained: Run) -> dict[str, Any]:
    """Counted by the outermost run, once for all its refits."""
    prefix = "near_duplicates_"
    metrics = run.outermost(trained).data.metrics.items()
    return {name.removeprefix(prefix): int(value) for name, value in metrics if name.startswith(prefix)}


def _shortened(card: str, run_id: str) -> str:
    if len(card) <= DESCRIPTION_CHARACTERS:
        return card
    notice = f"\n\n(cut off here; the whole card is {FILE} of run {run_id})"
    return card[: DESCRIPTION_CHARACTERS - len(notice)] + notice
