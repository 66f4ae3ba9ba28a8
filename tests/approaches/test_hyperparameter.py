import pytest

from garment_ml.approaches.hyperparameter import Hyperparameter, default_values, narrow, parse_space
from garment_ml.base.errors import UserError

RATE = Hyperparameter("learning_rate", 1e-2, low=1e-3, high=1e-1, log=True)
WIDTH = Hyperparameter("width", 32)
KIND = Hyperparameter("kind", "plain", choices=("plain", "deep"))
DECAY = Hyperparameter("weight_decay", 1e-3, low=1e-4, high=1e-2, log=True)
ALL = (RATE, WIDTH, KIND, DECAY)


def narrowed(text: str) -> dict[str, Hyperparameter]:
    return {each.name: each for each in narrow(ALL, parse_space(text))}


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
    assert rate == Hyperparameter("learning_rate", 1e-2, log=True, choices=(1e-3, 1e-2))


def test_a_single_value_takes_it_out_of_the_search():
    found = narrowed("learning_rate=0.5 kind=deep width=8")
    values = {"learning_rate": 0.5, "width": 8, "kind": "deep", "weight_decay": 1e-3}
    assert default_values(tuple(found.values())) == values
    assert [name for name, each in found.items() if each.searched] == ["weight_decay"]


def test_values_have_the_defaults_type():
    assert type(narrowed("learning_rate=1")["learning_rate"].default) is float
    assert type(narrowed("width=8")["width"].default) is int


def test_nothing_written_changes_nothing():
    assert narrow(ALL, parse_space("  ")) == ALL


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
    with pytest.raises(UserError, match=sentence):
        narrowed(f"width=1:2 {entry}" if not entry.startswith("width") else entry)


@pytest.mark.parametrize("narrower", ["learning_rate=0.01", "learning_rate=1e-3,1e-2"])
def test_what_was_fixed_or_a_choice_is_searched_on_its_own_scale_again(narrower):
    before = narrow((RATE,), parse_space(narrower))
    (again,) = narrow(before, parse_space("learning_rate=1e-4:1e-1"))
    assert again == Hyperparameter("learning_rate", 1e-2, low=1e-4, high=1e-1, log=True)


def test_a_fixed_value_keeps_the_range_it_was_taken_from():
    rate = narrowed("learning_rate=0.5")["learning_rate"]
    assert (rate.default, rate.low, rate.high, rate.log, rate.searched) == (0.5, 1e-3, 1e-1, True, False)


def test_an_option_is_short_for_an_entry():
    options = {"learning_rate": 0.01, "batch_size": None, "dropout": 0.0}
    assert parse_space("width=16,32", options) == parse_space("width=16,32 learning_rate=0.01 dropout=0.0")


@pytest.mark.parametrize(
    ("text", "options", "both"),
    [
        ("batch_size=8,16", {"batch_size": 8}, "--batch-size 8 and --space batch_size=8,16"),
        ("width=8 width=16", {}, "--space width=8 and --space width=16"),
    ],
)
def test_a_name_given_twice_is_refused_with_both(text, options, both):
    with pytest.raises(UserError, match=f"is given twice: {both}"):
        parse_space(text, options)


def test_what_is_tried_is_said_in_the_words_that_narrow_reads():
    for text in ("learning_rate=0.0001:0.01", "width=16,32", "kind=deep"):
        name, space = text.split("=")
        assert narrowed(text)[name].space == space
    assert WIDTH.space == "32"
