"""What the settings for learning refuse before anything heavy is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from garment_ml.base.errors import UserError
from garment_ml.studies.settings import DataSettings, LearningSettings, RecordedDataSettings

ROOT = Path(__file__).resolve().parents[2]


def test_settings_for_learning_say_nothing_about_data():
    assert not issubclass(LearningSettings, DataSettings)
    assert not hasattr(LearningSettings(), "data")


def test_the_short_forms_are_entries_of_the_space():
    settings = LearningSettings(learning_rate=0.1, dropout=0.0, space="width=16,32 batch_size=64")
    long = LearningSettings(space="learning_rate=0.1 dropout=0.0 width=16,32 batch_size=64")
    assert settings.entries() == long.entries()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"learning_rate": 0.0}, "learning_rate=0 is out of bounds; it goes from 1e-09 to inf"),
        ({"learning_rate": float("nan")}, "learning_rate=nan is out of bounds"),
        ({"dropout": 0.99}, "dropout=0.99 is out of bounds; it goes from 0 to 0.95"),
        ({"batch_size": 0}, "batch_size=0 is out of bounds; it goes from 1 to inf"),
        ({"dropout": 0.2, "space": "dropout=0.1:0.3"}, "--dropout 0.2 and --space dropout=0.1:0.3"),
        ({"space": "dropout"}, "can't read 'dropout'"),
        ({"trials": 3}, "hyperband needs at least 4 trials"),
        ({"trials": 12, "epochs": 1}, "hyperband .* at least 2 epochs"),
    ],
)
def test_a_wrong_value_is_refused(given, sentence):
    with pytest.raises(UserError, match=sentence):
        LearningSettings(**given)


def test_the_refusal_comes_before_the_heavy_imports_and_with_code_2():
    program = (
        "import sys, runpy\n"
        "sys.argv = ['x', '--trials', '2', '--epochs', '3']\n"
        "try: runpy.run_module('experiments.scratch_cnn', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 2, end.code\n"
        "assert not {'tensorflow', 'keras', 'mlflow'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "hyperband needs at least 4 trials" in done.stderr


@pytest.mark.parametrize("given", [{"corrections": "audit.csv"}, {"side": 64}, {"data_dir": "photographs"}])
def test_settings_of_data_without_data_are_refused_not_ignored(given):
    (name,) = given
    with pytest.raises(UserError, match=f"{name} is .* without data"):
        RecordedDataSettings(**given)
    assert RecordedDataSettings(rank_by="macro_f1", experiment="shirts").data is None
    assert getattr(RecordedDataSettings(data="folders", **given), name) == given[name]
