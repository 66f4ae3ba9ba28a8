import pytest

from experiments.profiles import PROFILES
from garment_ml.approaches.budget import RECIPE_PICTURES, Budget


@pytest.mark.parametrize(
    ("pictures", "epochs"), [(RECIPE_PICTURES, 11), (RECIPE_PICTURES // 4, 22), (540, 110)]
)
def test_epochs_grow_with_the_root_of_how_many_fewer_pictures_there_are(pictures, epochs):
    assert Budget(11, 11).for_pictures(pictures) == Budget(epochs, epochs)


def test_more_pictures_than_a_recipe_was_made_for_cut_nothing_short():
    assert Budget(11, 3).for_pictures(10 * RECIPE_PICTURES) == Budget(11, 3)


def test_a_profile_gives_fewer_pictures_more_epochs_and_keeps_all_else():
    quick = PROFILES["quick"]
    assert quick.efforts_for(quick.train_pictures) == quick.efforts_for(54_000) == quick.efforts
    for name, effort in quick.efforts_for(quick.train_pictures // 4).items():
        assert effort.epochs == 2 * quick.efforts[name].epochs
        assert effort.trials == quick.efforts[name].trials
