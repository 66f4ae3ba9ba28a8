"""The leaderboard as files on a run: CSV, figures, and one HTML page that needs nothing but itself."""

import base64
import io
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from garment_ml.comparison.columns import csv_table, page_stacks
from garment_ml.comparison.leaderboard import Leaderboard
from garment_ml.comparison.numbers import interval, mean_and_range
from garment_ml.comparison.pairs import shown_pairs
from garment_ml.comparison.price import best_at_a_price
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.metrics import most_confused, per_class
from garment_ml.reports.experiment_figures import leaderboard as accuracy_figure
from garment_ml.reports.templates import template_environment
from garment_ml.tracking.run import TrackedRun

FOLDER = "leaderboard"
CLASSES_ON_PAGE = 25


def log_leaderboard(run: TrackedRun, leaderboard: Leaderboard, data: SplitDataset) -> None:
    """Under leaderboard/: leaderboard.csv, pairs.csv, validation.png, test.png, leaderboard.html."""
    left_out = pd.DataFrame(
        [vars(each) for each in leaderboard.left_out], columns=["run_id", "name", "reason"]
    )
    figures = leaderboard_figures(leaderboard)
    files = {
        "leaderboard.csv": csv_table(leaderboard.rows),
        "pairs.csv": leaderboard.pairs,
        "not_compared.csv": left_out,
        **{f"{part}.png": figure for part, figure in figures.items()},
    }
    run.log_report({f"{FOLDER}/{name}": item for name, item in files.items()})
    page = leaderboard_page(leaderboard, data, run.run_id, figures)
    run.client.log_text(run.run_id, page, f"{FOLDER}/leaderboard.html")
    best = leaderboard.rows[0]
    run.set_tags({"garment.winner": best.finalist.median.run_id})
    run.log_metrics(
        {
            "best_validation_accuracy": best.validation_accuracy.mean,
            "best_test_accuracy": best.test_accuracy.mean,
        }
    )


def leaderboard_figures(leaderboard: Leaderboard) -> dict[str, Figure]:
    """Every refit's accuracy on validation and on test."""
    validation = {row.label: row.finalist.values("validation_accuracy") for row in leaderboard.rows}
    test = {row.label: row.test_accuracies for row in leaderboard.rows}
    return {
        "validation": accuracy_figure(
            validation, "validation accuracy", "On validation: what the ranking is made of"
        ),
        "test": accuracy_figure(test, "test accuracy", "On test: opened after the ranking was made"),
    }


def leaderboard_page(
    leaderboard: Leaderboard, data: SplitDataset, run_id: str, figures: dict[str, Figure]
) -> str:
    """HTML with its style and figures inside; loads nothing."""
    environment = template_environment(__package__, autoescape=True)
    environment.filters |= {"range": mean_and_range}
    return environment.get_template("leaderboard.html").render(
        leaderboard=leaderboard,
        stacks=page_stacks(),
        price=best_at_a_price(leaderboard),
        pairs=shown_pairs(leaderboard.pairs),
        recalls=_recalls(leaderboard, data.class_names),
        confused=_confused(leaderboard, data.class_names),
        figures={name: _data_uri(figure) for name, figure in figures.items()},
        interval=interval,
        data=data,
        run_id=run_id,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _recalls(leaderboard: Leaderboard, class_names: tuple[str, ...]) -> pd.DataFrame:
    """Per class its pictures and the recall of each row's median refit, as many classes as a page holds.

    The winner's hardest first.
    """
    tables = {
        row.label: per_class(row.median_predictions.labels, row.median_predictions.probabilities, class_names)
        for row in leaderboard.rows
    }
    winner = leaderboard.rows[0].label
    recalls = tables[winner][["class", "support"]].assign(
        **{label: table["recall"] for label, table in tables.items()}
    )
    return recalls.sort_values(winner, kind="stable").head(CLASSES_ON_PAGE)


def _confused(leaderboard: Leaderboard, class_names: tuple[str, ...]) -> list[dict[str, Any]]:
    predictions = leaderboard.rows[0].median_predictions
    return most_confused(predictions.labels, predictions.probabilities, class_names, count=5).to_dict(
        "records"
    )


def _data_uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
