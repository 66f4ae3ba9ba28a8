"""Three approaches vote, two of them on one backbone with the same names inside."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from garment_ml.approaches.catalogue import recorded_classifier
from garment_ml.approaches.ensemble import Ensemble
from garment_ml.approaches.fine_tune import FineTune
from garment_ml.approaches.training import predict, predict_pictures
from garment_ml.base.errors import UserError
from garment_ml.shipped.heat_maps import HeatMaps
from tests.approaches.conftest import CLASSES, PRETRAINED, SHAPE, VALIDATION, WEIGHTS, voting

pytestmark = pytest.mark.slow


@pytest.fixture(params=["fine_tuned", "end_to_end"])
def members(models, request):
    return [models.scratch, models.bottleneck, getattr(models, request.param)]


def test_it_answers_with_the_softmax_of_the_weighted_logits(members):
    images = VALIDATION.pictures.images
    logits = [np.log(np.asarray(each.servable(images))) for each in members]
    expected = softmax(np.tensordot(WEIGHTS, logits, 1), axis=1)
    assert expected.std(axis=0).max() > 1e-3, "other pictures must get other answers"
    _, servable = voting(members)
    np.testing.assert_allclose(np.asarray(servable(images)), expected, atol=1e-5)


def test_members_on_one_frozen_network_run_it_once(models):
    _, servable = voting([models.bottleneck, models.fine_tuned], WEIGHTS[:2])
    kernels = [weight for weight in servable.weights if weight.path.endswith("block1_conv1/kernel")]
    assert len(kernels) == 1


def test_cached_inputs_give_what_raw_pictures_give(members):
    ensemble, servable = voting(members)
    from_cache = predict_pictures(ensemble, servable, VALIDATION.pictures)
    as_served = np.asarray(servable(VALIDATION.pictures.images))
    np.testing.assert_allclose(from_cache, as_served, atol=1e-3)  # features are kept as float16


def test_the_logits_of_a_member_are_those_that_its_probabilities_are_made_of(members):
    ensemble = Ensemble([each.approach for each in members])
    for each, model in zip(members, ensemble.logit_models([m.servable for m in members]), strict=True):
        logits = predict(model, each.approach.inputs(VALIDATION.pictures))
        expected = predict_pictures(each.approach, each.servable, VALIDATION.pictures)
        np.testing.assert_allclose(softmax(logits, axis=1), expected, atol=1e-6)


def test_its_head_is_not_taken_over_for_another(members):
    _, servable = voting(members)
    with pytest.raises(UserError, match="has logged an ensemble; give the bottleneck run"):
        FineTune(**PRETRAINED).take_over_head(servable)


def test_one_member_alone_with_weight_one_is_the_member(models):
    _, servable = voting([models.bottleneck, models.scratch], np.array([1.0, 0.0]))
    images = VALIDATION.pictures.images
    np.testing.assert_allclose(
        np.asarray(servable(images)), np.asarray(models.bottleneck.servable(images)), atol=1e-6
    )


def test_it_shows_where_all_members_look_each_by_its_weight(members):
    images, classes = VALIDATION.pictures.images, VALIDATION.labels
    _, servable = voting(members)
    heat = HeatMaps(servable)(images, classes)
    assert heat.shape == (len(images), *SHAPE[:2]) and heat.any()
    for place, each in enumerate(members):
        _, alone = voting(members, np.eye(3)[place])
        maps = HeatMaps(alone)(images, classes)
        np.testing.assert_allclose(maps, HeatMaps(each.servable)(images, classes), atol=1e-4)


def test_it_is_made_again_from_what_it_says_of_itself(models):
    ensemble, servable = voting([models.scratch, models.bottleneck], WEIGHTS[:2])
    data = SimpleNamespace(class_names=CLASSES, picture_shape=SHAPE)
    again = recorded_classifier({"name": "ensemble", **ensemble.describe()}, data)
    assert again.describe() == ensemble.describe()
    assert again.title == "ensemble of 2"
    assert np.array_equal(
        predict_pictures(again, servable, VALIDATION.pictures),
        predict_pictures(ensemble, servable, VALIDATION.pictures),
    )
