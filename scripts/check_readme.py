"""Runs the quick suite and says which of the README's figures for it have left their range.

    make check-readme

In a store of its own, `.check-readme/` at the root, which is removed in the end; interrupted, the same
command goes on. Exits 1 for a figure that has left its range, or that the suite no longer has.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandas import DataFrame

from garment_ml.base.terminal import quieten, say
from garment_ml.tracking.run import KIND_TAG, TrackedRun
from garment_ml.tracking.store import open_store

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
EXPERIMENT = "readme"
FOLDER = ROOT / ".check-readme"
HEADER = "| expected of `make suite` | validation accuracy | test accuracy |"
METRICS = ("validation_accuracy", "test_accuracy")
ROW = re.compile(r"\| (\w+) \| ([\d.]+) to ([\d.]+) \| ([\d.]+) to ([\d.]+) \|")


@dataclass(frozen=True)
class Stated:
    """Where the README says that the mean of an approach's refits lies."""

    approach: str
    metric: str
    low: float
    high: float


def stated_ranges(readme: str) -> list[Stated]:
    """The rows of the README's table under HEADER; ValueError when it has none."""
    table = readme.partition(HEADER)[2].partition("\n\n")[0]
    ranges = []
    for row in ROW.findall(table):
        for place, metric in enumerate(METRICS):
            low, high = row[1 + 2 * place : 3 + 2 * place]
            ranges.append(Stated(row[0], metric, float(low), float(high)))
    if not ranges:
        raise ValueError(f"the README has no table of ranges under {HEADER!r}")
    return ranges


def judgement(ranges: list[Stated], leaderboard: DataFrame) -> DataFrame:
    """A line for each range: what the README says, what was found, and the verdict."""
    lines = []
    for each in ranges:
        found = leaderboard.loc[leaderboard["approach"] == each.approach, each.metric].tolist()
        verdict = (
            "in its range" if all(each.low <= value <= each.high for value in found) else "left its range"
        )
        lines.append(
            {
                "figure": f"{each.approach} {each.metric}",
                "README": f"{each.low:g} to {each.high:g}",
                "found": ", ".join(f"{value:.4f}" for value in found),
                "verdict": verdict if found else "not found",
            }
        )
    return DataFrame(lines)


def run_suite(arguments: list[str]) -> DataFrame:
    """Its leaderboard."""
    FOLDER.mkdir(exist_ok=True)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{FOLDER / 'mlflow.db'}"
    command = [sys.executable, "-m", "experiments.suite", "--experiment", EXPERIMENT, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False)  # 1 where the gate refused: all is measured by then
    store = open_store(EXPERIMENT)
    (latest, *_) = store.find(f"tags.`{KIND_TAG}` = 'suite'")
    with TrackedRun(store, latest.info.run_id).artifact("leaderboard/leaderboard.csv") as file:
        if file is None:
            sys.exit(done.returncode)
        return pd.read_csv(file)


def main(arguments: list[str]) -> int:
    ranges = stated_ranges(README.read_text())
    quieten()
    judged = judgement(ranges, run_suite(arguments))
    shutil.rmtree(FOLDER)
    say(f"\nThat was the suite; what the README says of it:\n\n{judged.to_string(index=False)}\n")
    wrong = judged[judged["verdict"] != "in its range"]
    for each in wrong["figure"]:
        say(f"README.md: {each} is not what it says of `make suite`")
    say(f"{len(judged) - len(wrong)} of {len(judged)} figures are in their ranges.")
    return 1 if len(wrong) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
