import io
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from garment_ml.base.errors import UserError
from garment_ml.comparison.compare import compare
from garment_ml.comparison.finalists import find_finalists
from garment_ml.comparison.leaderboard_text import WIDTH, leaderboard_text
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.intervals import mcnemar
from tests.toys import Toy, damage, toy_dataset

pytestmark = pytest.mark.slow  # five models are logged and scored before the first table

# By validation, as it is recorded, the noisy one is better; on test it is far worse.
NOISY = Toy("noisy", noise=0.1, temperature=3.5, metrics={"validation_accuracy": 0.99})
GOOD = [Toy("good", seed=seed, bias=(bias, 0, 0)) for seed, bias in ((1, 0.0), (2, 0.4), (3, 0.8))]
AGAIN = Toy("good", seed=1, metrics={"made_earlier": 1})


@pytest.fixture
def compared(toys, run):
    among = {toys.refit(toy).run_id for toy in (AGAIN, NOISY, *GOOD)}
    return run, compare(run, toys.data, find_finalists(run, toys.data, among))


def logged_text(run, path):
    import mlflow

    return mlflow.artifacts.load_text(f"runs:/{run.run_id}/leaderboard/{path}")


def test_validation_alone_ranks(compared):
    _, leaderboard = compared
    first, second = leaderboard.rows
    assert first.finalist.refits[0].recipe["hyperparameters"] == {"toy": "noisy"}
    assert first.test_accuracy.mean < second.test_accuracy.mean - 0.05


def test_the_table_holds_means_ranges_and_intervals(compared):
    run, leaderboard = compared
    table = pd.read_csv(io.StringIO(logged_text(run, "leaderboard.csv")))
    validation = leaderboard.rows[1].finalist.values("validation_accuracy")
    row = table.iloc[1]
    assert len(validation) == row["refits"] == 3
    half = t.ppf(0.975, 2) * np.std(validation, ddof=1) / np.sqrt(3)
    assert row["validation_accuracy"] == pytest.approx(np.mean(validation))
    assert row["validation_accuracy_high"] == pytest.approx(np.mean(validation) + half)
    assert row["validation_accuracy_minimum"] == min(validation)
    assert (
        row["median_refit_test_accuracy_low"] < row["test_accuracy"] < row["median_refit_test_accuracy_high"]
    )
    assert row["total_parameters"] == 195
    assert row["milliseconds_per_picture"] > row["milliseconds_per_picture_in_256"] > 0
    assert np.isnan(table.iloc[0]["validation_accuracy_low"])  # one seed has no spread


def test_pairs_compare_the_median_refits_on_test(compared):
    _, leaderboard = compared
    (pair,) = leaderboard.pairs.to_dict("records")
    noisy, good = (row.median_predictions.correct for row in leaderboard.rows)
    assert pair["difference"] == pytest.approx(noisy.mean() - good.mean())
    assert pair["low"] < pair["difference"] < pair["high"] < 0
    assert pair["p"] == mcnemar(noisy, good)


def test_the_terminal_text_fits_and_names_what_is_left_out(compared):
    _, leaderboard = compared
    text = leaderboard_text(leaderboard)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "\\" not in text  # where pandas would go on in another block
    assert "Not compared:" in text
    assert "made again, with the same seed" in text


def test_a_refit_that_can_not_be_scored_is_left_out_with_the_reason(toys, run):
    first, second = (toys.world.refit(Toy("one is damaged", seed=seed)) for seed in (1, 2))
    damage(run.store, second.model_uri)
    among = {first.run_id, second.run_id}
    leaderboard = compare(run, toys.data, find_finalists(run, toys.data, among))
    (row,) = leaderboard.rows
    assert [each.run_id for each in row.finalist.refits] == [first.run_id]
    (left_out,) = leaderboard.left_out
    assert left_out.run_id == second.run_id
    assert f"can't be scored here: the model {second.model_uri} can't be loaded" in left_out.reason
    with pytest.raises(UserError, match=r"no finished refits.*can't be scored here"):
        compare(run, toys.data, find_finalists(run, toys.data, {second.run_id}))


class Loaded(HTMLParser):
    """All addresses a browser would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses, self.tags = [], set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "data")]


def test_the_page_needs_nothing_but_itself(compared):
    run, leaderboard = compared
    page = logged_text(run, "leaderboard.html")
    loaded = Loaded(page)
    assert len(loaded.addresses) == 2
    assert all(address.startswith("data:image/svg+xml;base64,") for address in loaded.addresses)
    assert not loaded.tags & {"script", "link", "iframe"}
    assert "@import" not in page and "url(" not in page
    for row in leaderboard.rows:
        assert f"{row.test_accuracy.mean:.4f}" in page
        assert row.finalist.median.run_id in page


def test_text_from_the_data_can_not_become_markup(toys, run):
    from dataclasses import replace

    toys.refit(GOOD[0])
    named = SplitDataset(replace(toy_dataset(), origin="<script>alert(1)</script>"), toys.data.split)
    compare(run, named, find_finalists(run, named, {toys.refit(GOOD[0]).run_id}))
    assert "script" not in Loaded(logged_text(run, "leaderboard.html")).tags
