import pytest

from garment_ml.approaches.hyperparameter import Hyperparameter, default_values, fix, narrow
from garment_ml.base.errors import UserError

RATE = Hyperparameter("learning_rate", 1e-2, low=1e-3, high=1e-1, log=True)
WIDTH = Hyperparameter("width", 32)
KIND = Hyperparameter("kind", "plain", choices=("plain", "deep"))
DECAY = Hyperparameter("weight_decay", 1e-3, low=1e-4, high=1e-2, log=True)
ALL = (RATE, WIDTH, KIND, DECAY)


def narrowed(text: str) -> dict[str, Hyperparameter]:
    return {each.name: each for each in narrow(ALL, text)}


def test_a_range_keeps_the_scale_and_pulls_the_default_into_it():
    rate = narrowed("learning_rate=1e-4:1e-3")["learning_rate"]
    assert rate == Hyperparameter("learning_rate", 1e-3, low=1e-4, high=1e-3, log=True)
    assert narrowed("learning_rate=5e-2:1")["learning_rate"].default == 5e-2
    assert narrowed("learning_rate=5e-3:1")["learning_rate"].default == 1e-2


def test_a_range_or_choices_make_a_fixed_one_searched():
    assert not WIDTH.searched
    assert narrowed("width=16:64")["width"] == Hyperparameter("width", 32, low=16, high=64)
    assert narrowed("width=16,64")["width"] == Hyperparameter("width", 16, choices=(16, 64))
    assert all(narrowed(text)["width"].searched for text in ("width=16:64", "width=16,64"))


def test_choices_replace_a_range_and_keep_the_default_where_they_have_it():
    rate = narrowed("learning_rate=1e-3,1e-2")["learning_rate"]
    assert rate == Hyperparameter("learning_rate", 1e-2, choices=(1e-3, 1e-2))


def test_a_single_value_takes_it_out_of_the_search():
    found = narrowed("learning_rate=0.5 kind=deep width=8")
    values = {"learning_rate": 0.5, "width": 8, "kind": "deep", "weight_decay": 1e-3}
    assert default_values(tuple(found.values())) == values
    assert [name for name, each in found.items() if each.searched] == ["weight_decay"]


def test_values_have_the_defaults_type():
    assert type(narrowed("learning_rate=1")["learning_rate"].default) is float
    assert type(narrowed("width=8")["width"].default) is int


def test_nothing_written_changes_nothing():
    assert narrow(ALL, "  ") == ALL


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("learning_rate", r"can't read 'learning_rate'; expected name=low:high, name=a,b,c or name=value"),
        ("width=", r"can't read 'width='"),
        (
            "momentum=0.9",
            r"unknown hyperparameter 'momentum'; known are: learning_rate, width, kind, weight_decay",
        ),
        ("learning_rate=1e-2:1e-3", r"learning_rate=1e-2:1e-3 is an empty range; the lower end comes first"),
        ("learning_rate=1e-2:1e-2", r"empty range"),
        ("learning_rate=nan:1", r"learning_rate=nan is out of bounds"),
        ("learning_rate=0:1", r"learning_rate=0 is out of bounds; it goes from 1e-09 to inf"),
        ("weight_decay=0:1", r"weight_decay is searched on a log scale; its range must begin above 0"),
        ("weight_decay=2", r"weight_decay=2 is out of bounds; it goes from 0 to 1"),
        ("width=0,8", r"width=0 is out of bounds; it goes from 1 to inf"),
        ("kind=a:b", r"kind is no number, so it has no range; give choices: a,b,c"),
        ("learning_rate=fast", r"learning_rate='fast' is no float"),
        ("width=1.5,2", r"width='1.5' is no int"),
        ("width=1:2:3", r"width='2:3' is no int"),
        ("width=16,", r"width='' is no int"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(entry, sentence):
    with pytest.raises(UserError, match=f"^space: .*{sentence}"):
        narrow(ALL, f"learning_rate=1e-3:1e-2 {entry}")


def test_fix_takes_given_values_out_of_the_search_and_leaves_what_is_not_given():
    rate, width, kind, _ = fix(ALL, {"learning_rate": 0.0, "width": None, "momentum": 0.9})
    assert rate == Hyperparameter("learning_rate", 0.0) and not rate.searched
    assert (width, kind) == (WIDTH, KIND)
