import numpy as np
import pytest

from garment_ml.approaches.bottleneck import Bottleneck
from garment_ml.approaches.hyperparameter import default_values
from garment_ml.approaches.training import count_parameters
from garment_ml.base.errors import UserError
from garment_ml.pretrained import feature_extraction
from garment_ml.pretrained.taps import Tap
from tests.approaches.conftest import PRETRAINED, TASK, TRAIN


@pytest.mark.slow
def test_only_the_head_is_trained(models):
    learned = models.bottleneck
    features = 2 * 2 * 256 + 512  # block3_pool averaged down to 2x2, block5_pool is 1x1
    head = 2 * features + features * 8 + 8 + 8 * 3 + 3
    assert count_parameters(learned.fitted.model) == (head, 2 * features)  # batch norm's statistics
    base = learned.approach.build_base()
    assert learned.servable.count_params() == base.count_params() + head + 2 * features


@pytest.mark.slow
def test_the_second_use_of_the_same_features_never_runs_the_base(models, monkeypatch):
    first = models.bottleneck.approach.inputs(TRAIN.pictures)  # another learning rate changes nothing in this
    again = Bottleneck(**PRETRAINED)
    again.found_weights  # noqa: B018
    monkeypatch.setattr(feature_extraction, "build_base", None)
    features = again.inputs(TRAIN.pictures)
    assert features.keys() == {"block3_pool", "block5_pool"}
    for name, values in features.items():
        assert len(values) == len(TRAIN) and np.array_equal(values, first[name])
    with pytest.raises(TypeError):  # the proof that None would have been noticed
        Bottleneck(**{**PRETRAINED, "grid": 1}).inputs(TRAIN.pictures)


def test_the_recipe_taps_the_middle_and_last_is_the_published_form():
    recipe = Bottleneck(**{**PRETRAINED, "taps": "", "grid": 4})
    assert recipe.taps == (Tap("block3_pool", 4),)
    published = Bottleneck(**{**PRETRAINED, "taps": "last"})
    assert published.describe()["taps"] == "block5_pool"
    model = published.build(default_values(published.hyperparameters()))
    assert [tuple(each.shape) for each in model.inputs] == [(None, 1, 1, 512)]


def test_small_pictures_are_enlarged():
    own = {**PRETRAINED, "picture_size": 0}
    assert Bottleneck(**{**own, "picture_shape": (28, 20, 1)}).size == (48, 48)
    assert Bottleneck(**{**own, "picture_shape": (56, 50, 3)}).size == (56, 56)
    assert Bottleneck(**{**own, "backbone": "xception", "taps": "last"}).size == (71, 71)
    assert Bottleneck(**{**own, "picture_size": 40}).size == (40, 40)


def test_a_servable_that_enlarges_pictures_drops_nothing_out_though_nobody_speaks_of_training():
    """Keras's layer Resizing tells all that follow it that this is training."""
    approach = Bottleneck(**{**PRETRAINED, "picture_size": 40})
    model = approach.build({**default_values(approach.hyperparameters()), "head_width": 8})
    servable = approach.servable(approach.calibrated(model))
    images = TRAIN.pictures.images[:2]
    np.testing.assert_array_equal(servable(images), servable(images, training=False))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"backbone": "vgg13"},
            r"unknown backbone 'vgg13'; did you mean 'vgg19'\? .*: vgg16, vgg19",
        ),
        ({"taps": "block3_conv1"}, "vgg16 has no tap 'block3_conv1'; choose from: block1_pool, .*, last"),
        ({"taps": "block3_pool+"}, "vgg16 has no tap ''"),
        ({"picture_size": 16}, "needs pictures of at least 32x32 pixels, but the picture size is 16x16"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        Bottleneck(**{**TASK, "weights": "none", **settings})


def test_other_weights_under_the_same_path_are_refused(tmp_path):
    path = tmp_path / "mine.weights.h5"
    base = Bottleneck(**PRETRAINED).build_base()
    base.save_weights(path)
    trained_on = Bottleneck(**{**PRETRAINED, "weights": str(path)}).describe()
    base.set_weights([values + 1 for values in base.get_weights()])
    base.save_weights(path)
    settings = {name: value for name, value in trained_on.items() if name in Bottleneck.setting_names}
    replaced = Bottleneck(**{**PRETRAINED, **settings})
    with pytest.raises(UserError, match=f"not {trained_on['weights_digest']} as those that this model was"):
        replaced.inputs(TRAIN.pictures)
    assert Bottleneck(**{**PRETRAINED, "weights": str(path)}).describe() != trained_on
