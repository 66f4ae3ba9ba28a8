"""What a study refuses before it makes the approach's inputs, which may take hours."""

from types import SimpleNamespace

import pytest

from garment_ml.approaches.budget import RECIPE_PICTURES, Budget
from garment_ml.base.errors import UserError
from garment_ml.studies.settings import LearningSettings
from garment_ml.studies.study import run_study
from tests.search.tiny import TinyApproach


class Shorter(TinyApproach):
    budget = Budget(1, 1)

    def inputs(self, pictures):
        raise AssertionError("not before the refusal")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"trials": 12}, "hyperband .* at least 2 epochs"),
        ({"space": "momentum=0.9"}, "unknown hyperparameter 'momentum'; known are: learning_rate, dropout"),
        ({"space": "dropout=2"}, "dropout=2 is out of bounds"),
    ],
)
def test_what_the_approach_cannot_do_is_refused_at_once(given, sentence):
    with pytest.raises(UserError, match=sentence):
        run_study(None, Shorter(), SimpleNamespace(train_pictures=RECIPE_PICTURES), LearningSettings(**given))
