import pytest

from experiments import suite
from garment_ml.base.errors import UserError
from garment_ml.registry.gate import Verdict
from garment_ml.registry.thresholds import Thresholds


@pytest.mark.parametrize("name", ["a/b", "a:b", "team@home", "a'b\"c"])
def test_a_name_that_mlflow_can_not_look_up_is_refused_before_any_training(name):
    with pytest.raises(UserError, match="can't look up"):
        Thresholds(name=name)
    assert Thresholds(name="shop's own").name == "shop's own"


def test_the_command_to_promote_has_the_bounds_that_the_suite_was_given():
    settings = suite.Settings(experiment="my own", name="n", lowest_recall=0.1, margin=0.05)
    command = suite._promote_command(settings, Verdict("2", "1", ()))
    assert command == (
        "python -m experiments.promote --experiment 'my own' --name n --candidate 2 "
        "--margin 0.05 --lowest-recall 0.1"
    )
