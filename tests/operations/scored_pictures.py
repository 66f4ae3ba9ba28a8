"""What both engines are asked about, and how."""

import csv
from pathlib import Path

from click.testing import CliRunner, Result

from experiments import score
from tests.toys import CLASSES

IDS = ("12", "3", "7", "blouse, red", "100")
TRUTH = (2, 0, 1, 0, 1)
LABELS = [CLASSES[label] for label in TRUTH]


def write_csv(path: Path, *rows: list[str]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def invoke(pictures: Path, output: Path, *options: str) -> Result:
    return CliRunner().invoke(score.main, ["--pictures", str(pictures), "--output", str(output), *options])
