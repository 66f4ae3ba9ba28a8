from dataclasses import dataclass

import pytest

from garment_ml.base.config import Config, option
from garment_ml.base.errors import UserError


@dataclass(frozen=True)
class Settings(Config):
    colour: str = option("grey", "of the pictures", choices=("grey", "rgb"))
    rate: float = option(0.5, "a share", minimum=0.0, maximum=1.0)
    epochs: int | None = option(None, "at the most", minimum=1)
    quick: bool = option(False, "less of everything")


def test_text_becomes_the_settings_types():
    settings = Settings.from_mapping({"rate": "1e-3", "epochs": "7", "quick": "True"})
    assert settings == Settings(rate=0.001, epochs=7, quick=True)


def test_empty_text_leaves_an_optional_setting_unset():
    assert Settings.from_mapping({"epochs": ""}).epochs is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"colour": "blue"}, "colour: 'blue' is not one of 'grey', 'rgb'"),
        ({"rate": "1.5"}, "rate: 1.5 is not in the range 0.0<=x<=1.0"),
        ({"rate": "nan"}, "rate: nan is not in the range 0.0<=x<=1.0"),
        ({"rate": "abc"}, "rate: 'abc' is not a valid float range"),
        ({"rate": ""}, "rate: '' is not a valid float range"),
        ({"epochs": "0"}, "epochs: 0 is not in the range x>=1"),
        ({"quick": "maybe"}, "quick: 'maybe' is not a valid boolean"),
        ({"quick": ""}, "quick: nothing given, expected a boolean"),
        ({"rate": None}, "rate: nothing given, expected a float range"),
        ({"epoch": "3"}, "unknown setting 'epoch'; did you mean 'epochs'?"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(values, said):
    with pytest.raises(UserError) as caught:
        Settings.from_mapping(values)
    assert said in str(caught.value)


def test_a_setting_made_in_python_is_checked_and_typed_like_one_from_the_command_line():
    assert Settings(rate="0.25", epochs=3) == Settings(rate=0.25, epochs="3")
    with pytest.raises(UserError, match=r"rate: 2\.0 is not in the range 0\.0<=x<=1\.0"):
        Settings(rate=2)
