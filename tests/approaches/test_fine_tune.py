import numpy as np
import pytest

from garment_ml.approaches.fine_tune import FineTune
from garment_ml.approaches.hyperparameter import default_values
from garment_ml.approaches.training import count_parameters, fit
from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import UserError
from garment_ml.base.row_cache import RowCache
from garment_ml.pretrained.taps import Tap
from tests.approaches.conftest import PRETRAINED, SMALL_HEAD, TASK, TRAIN, VALIDATION, seen_by, with_head


def weights_by_layer(model) -> dict[str, list[np.ndarray]]:
    """Of the innermost layers; each must be there once, whichever model it is nested in."""
    found = {}
    for layer in getattr(model, "layers", [model]):
        if hasattr(layer, "layers"):
            found |= weights_by_layer(layer)
        elif layer.weights:
            found.setdefault(layer.name, layer.get_weights())
    return found


def moved(before: list[np.ndarray], after: list[np.ndarray]) -> list[bool]:
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["fine_tuned", "end_to_end"])
def test_only_the_last_block_and_the_head_move(models, which):
    learned = getattr(models, which)
    before = {
        **weights_by_layer(learned.approach.build_base()),
        **weights_by_layer(models.bottleneck.fitted.model),  # whose head it began with
    }
    after = weights_by_layer(learned.servable)
    assert before.keys() == after.keys()
    changed = {name for name in after if any(moved(before[name], after[name]))}
    block5 = {"block5_conv1", "block5_conv2", "block5_conv3"}
    head = {"head_normalization", "head_dense", "logits"}
    assert changed == block5 | head
    trainable, _ = count_parameters(learned.fitted.model)
    statistics = 2 * before["head_normalization"][0].size
    assert trainable == sum(array.size for name in changed for array in after[name]) - statistics


@pytest.mark.slow
def test_a_given_head_is_taken_over_as_it_is(models):
    approach = models.fine_tuned.approach
    values = {**default_values(approach.hyperparameters()), **SMALL_HEAD}
    model = approach.build(values)
    random = model.get_layer("logits").get_weights()
    assert not list(approach.stages_before(model, values, epochs=2))
    for name in ("head_normalization", "head_dense", "logits"):
        given = models.bottleneck.fitted.model.get_layer(name).get_weights()
        assert not any(moved(given, model.get_layer(name).get_weights()))
    assert any(moved(random, model.get_layer("logits").get_weights()))


@pytest.mark.slow
def test_the_cached_way_is_the_end_to_end_way(models):
    """Float16 features lose at most 5e-4 of a value, which turns a few of the block's ReLUs on or off.

    Of what three updates do to the block that makes 2 % with two threads and up to 15 % with one; noise of
    1 % on the features makes 31 to 40 %, features of other pictures or another preprocessing over 200 %. Of
    the head it makes less than 0.1 %, and the noise 2 to 3 % of its kernels.
    """
    cached, end_to_end = models.fine_tuned, models.end_to_end
    for expected, found in zip(end_to_end.fitted.history["loss"], cached.fitted.history["loss"], strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
    start = weights_by_layer(cached.approach.build_base()) | weights_by_layer(models.bottleneck.fitted.model)
    one, other = weights_by_layer(cached.servable), weights_by_layer(end_to_end.servable)
    block = dict.fromkeys(("block5_conv1", "block5_conv2", "block5_conv3"), 0.2)
    for name, bound in {**block, "head_dense": 0.005, "logits": 0.005}.items():
        for before, a, b in zip(start[name], one[name], other[name], strict=True):
            step = np.linalg.norm(b - before)
            assert step > 0
            assert np.linalg.norm(a - b) <= bound * step, name
    pictures = VALIDATION.pictures.images
    np.testing.assert_allclose(
        cached.servable.predict(pictures, verbose=0),
        end_to_end.servable.predict(pictures, verbose=0),
        rtol=5e-3,
    )


@pytest.mark.slow
def test_without_a_given_head_one_is_trained_before_the_block(models):
    approach = FineTune(**PRETRAINED)
    values = {**default_values(approach.hyperparameters()), **SMALL_HEAD}
    model = approach.build(values)
    before = weights_by_layer(model)
    for stage in approach.stages_before(model, values, epochs=1):
        fit(stage.approach, stage.model, stage.values, seen_by(approach), stage.budget, seed=1)
    after = weights_by_layer(model)
    changed = {name for name in after if any(moved(before[name], after[name]))}
    assert changed == {"head_normalization", "head_dense", "logits"}


@pytest.mark.slow
def test_batch_norm_of_the_backbone_stays_frozen():
    import keras

    approach = FineTune(**TASK, backbone="mobilenet_v2", weights="none", taps="last", grid=1)
    model = approach.build({**default_values(approach.hyperparameters()), **SMALL_HEAD})
    blocks = model.get_layer("unfrozen_blocks")
    before = weights_by_layer(blocks)
    normalisations = {name for name in before if name.endswith(("BN", "_bn"))}
    convolutions = before.keys() - normalisations
    assert len(normalisations) == len(convolutions) == 4  # expand, depthwise, project, and the last
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    features = np.random.default_rng(0).normal(size=(12, *model.inputs[0].shape[1:]))
    model.fit({"block_15_add_whole": features}, TRAIN.labels, verbose=0)
    after = weights_by_layer(blocks)
    assert not any(any(moved(before[name], after[name])) for name in normalisations)
    assert all(all(moved(before[name], after[name])) for name in convolutions)


def test_taps_before_the_cut_are_inputs_and_later_ones_are_computed():
    two_blocks = FineTune(unfreeze=2, **PRETRAINED)
    assert two_blocks.cut == Tap("block3_pool")
    model = two_blocks.build({**default_values(two_blocks.hyperparameters()), **SMALL_HEAD})
    shapes = {each.name: tuple(each.shape[1:]) for each in model.inputs}
    assert shapes == {"block3_pool_whole": (4, 4, 256), "block3_pool": (2, 2, 256)}
    trained = {name for name in weights_by_layer(model.get_layer("unfrozen_blocks"))}
    assert trained == {f"block{block}_conv{i}" for block in (4, 5) for i in (1, 2, 3)}


def test_augmentation_is_searched_and_applied_end_to_end_only():
    cached, end_to_end = FineTune(**PRETRAINED), FineTune(end_to_end=True, **PRETRAINED)
    assert "augmentation" not in default_values(cached.hyperparameters())
    assert cached.augmentation(default_values(cached.hyperparameters())) is None
    assert end_to_end.augmentation(default_values(end_to_end.hyperparameters())) is not None


def test_end_to_end_extracts_no_more_than_the_heads_features(isolated):
    approach = FineTune(end_to_end=True, **PRETRAINED)
    inputs = approach.inputs(VALIDATION.pictures)
    assert inputs["pictures"] is VALIDATION.pictures.images
    assert set(inputs) == {"pictures", "block3_pool", "block5_pool"}
    extracted = {entry.description["layer"] for entry in RowCache(cache_directory("features")).entries()}
    assert extracted == {tap.layer for tap in approach.taps}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"unfreeze": 0}, "cannot unfreeze 0 blocks of vgg16; expected 1 to 4"),
        ({"unfreeze": 5}, "cannot unfreeze 5 blocks of vgg16; expected 1 to 4"),
        (
            {"taps": "block3_pool+block4_pool"},
            r"nothing to fine-tune: the head's taps \(block3_pool\+block4_pool\) all lie before the unfrozen "
            r"part, which begins after block4_pool; add a later tap \(\+last\) or unfreeze more blocks",
        ),
        ({"picture_size": 31}, "needs pictures of at least 32x32"),
        ({"taps": "mixed7"}, "vgg16 has no tap 'mixed7'"),
        ({"backbone": "resnet18"}, "unknown backbone 'resnet18'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        FineTune(**{**PRETRAINED, **settings})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "width", "layer", "found"),
    [
        ({}, 16, "head_dense", r"\(1536, 8\), this model's of \(1536, 16\)"),
        ({"class_names": ("a", "b")}, 8, "logits", r"\(8, 3\), this model's of \(8, 2\)"),
        ({"taps": "last"}, 8, "head_normalization", r"\(1536,\), this model's of \(512,\)"),
    ],
)
def test_a_head_of_another_shape_is_refused(models, settings, width, layer, found):
    approach = with_head(FineTune(**{**PRETRAINED, **settings}), models.bottleneck)
    values = {**default_values(approach.hyperparameters()), "dropout": 0.2, "head_width": width}
    sentence = f"the given head's layer {layer} is of shape {found}: .* other taps, another head_width or on"
    with pytest.raises(UserError, match=sentence):
        list(approach.stages_before(approach.build(values), values, epochs=2))


@pytest.mark.slow
def test_a_model_without_a_head_is_refused(models):
    approach = with_head(FineTune(**PRETRAINED), models.scratch)
    values = default_values(approach.hyperparameters())
    with pytest.raises(UserError, match="has no head to take; head_run must be a bottleneck run"):
        list(approach.stages_before(approach.build(values), values, epochs=2))
