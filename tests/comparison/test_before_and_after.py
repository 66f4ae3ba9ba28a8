import csv
import io
from pathlib import Path

import mlflow
import numpy as np
import pytest

from garment_ml.comparison.before_and_after import FILE, before_and_after
from garment_ml.comparison.compare import compare
from garment_ml.comparison.finalists import find_finalists
from garment_ml.data.corrections import correct
from garment_ml.data.decisions import Corrections, Decision
from garment_ml.data.split_dataset import split_dataset
from tests.toys import CLASSES, Toy, World, toy_dataset

pytestmark = pytest.mark.slow


def test_the_best_model_before_is_held_against_the_best_after_on_the_pictures_of_both(toys, run):
    dataset = toy_dataset()
    before = toys.data
    test = before.split.test
    dropped, relabelled = test[:40], test[40:60]
    others = {row: CLASSES[(dataset.labels[row] + 1) % 3] for row in relabelled.tolist()}
    decisions = {**dict.fromkeys(dropped.tolist(), "drop"), **others}
    made = tuple(Decision("", dataset.pictures.ids[row], "", "", what) for row, what in decisions.items())
    after = split_dataset(correct(dataset, Corrections("decided.csv", "", "", made)))
    biased = toys.refit(Toy("biased", bias=(4.0, 0.0, 0.0)))
    World(after).refit(Toy("after"))
    leaderboard = compare(run, after, find_finalists(run, after))
    assert len(leaderboard.rows) == 1

    said = before_and_after(run, before, after, leaderboard)
    stored = Path(mlflow.artifacts.download_artifacts(run_id=run.run_id, artifact_path=FILE)).read_text()
    then, now = csv.DictReader(io.StringIO(stored))
    assert (then["corrections"], now["corrections"]) == ("before", "after")
    assert then["pictures"] == now["pictures"] == str(len(test) - len(dropped))
    assert (then["run_id"], now["run_id"]) == (biased.run_id, leaderboard.winner.median.run_id)

    part, seen = after.open_test_set(), leaderboard.rows[0].median_predictions
    kept = ~np.isin(part.pictures.digests, dataset.pictures.digests[dropped])
    assert float(now["accuracy"]) == pytest.approx(seen.correct[kept].mean())
    assert float(then["accuracy"]) < float(now["accuracy"])
    assert f"after {float(now['accuracy']):.4f} (+" in said


def test_nothing_is_said_where_nothing_was_trained_before(toys, run):
    lonely = split_dataset(toy_dataset(2000, seed=5))
    World(lonely).refit(Toy("lonely"))
    leaderboard = compare(run, lonely, find_finalists(run, lonely))
    assert before_and_after(run, split_dataset(toy_dataset(2000, seed=6)), lonely, leaderboard) == ""
