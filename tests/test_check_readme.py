import pandas as pd
import pytest

from garment_ml.approaches.titles import ENSEMBLE
from scripts.check_readme import HEADER, README, judgement, stated_ranges

LEADERBOARD = pd.DataFrame(
    [
        {"approach": "bottleneck", "validation_accuracy": 0.92, "test_accuracy": 0.90},
        {"approach": "fine_tune", "validation_accuracy": 0.91, "test_accuracy": 0.91},
    ]
)
TABLE = f"""Before.

{HEADER}
|---|---|---|
| bottleneck | 0.915 to 0.925 | 0.91 to 0.92 |
| scratch_cnn | 0.86 to 0.88 | 0.85 to 0.87 |

| bottleneck | 0.1 to 0.2 | 0.3 to 0.4 |
"""


def test_each_figure_is_held_to_its_own_range():
    judged = judgement(stated_ranges(TABLE), LEADERBOARD)
    assert dict(zip(judged["figure"], judged["verdict"], strict=True)) == {
        "bottleneck validation_accuracy": "in its range",
        "bottleneck test_accuracy": "left its range",
        "scratch_cnn validation_accuracy": "not found",
        "scratch_cnn test_accuracy": "not found",
    }


def test_a_readme_without_ranges_is_an_error_and_not_a_pass():
    with pytest.raises(ValueError, match="no table of ranges"):
        stated_ranges("# A README\n\n| bottleneck | 0.915 to 0.925 | 0.91 to 0.92 |\n")


def test_the_readme_states_a_range_for_every_approach_of_the_suite_and_their_vote():
    from experiments.profiles import PROFILES

    stated = {each.approach for each in stated_ranges(README.read_text())}
    assert stated == {*PROFILES["quick"].efforts, ENSEMBLE}
