import random
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.pretrained.backbones import BACKBONES, Backbone, check_picture_size, cut_before, find_backbone
from garment_ml.pretrained.base_network import build_base, prefix
from garment_ml.pretrained.preprocessing import preprocessing_layers

NAMES = tuple(BACKBONES)


@pytest.fixture(scope="module")
def base_of():
    """Builds each base once, at its smallest size, with random weights."""
    built = {}

    def build(name: str):
        if name not in built:
            side = BACKBONES[name].smallest_side
            built[name] = build_base(BACKBONES[name], (side, side), weights=None)
        return built[name]

    return build


def preprocessor(backbone: Backbone, picture_shape, size):
    import keras

    pictures = keras.Input(picture_shape, dtype="uint8")
    return keras.Model(pictures, preprocessing_layers(backbone, picture_shape, size)(pictures))


def random_pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_unknown_backbone_is_named_with_the_nearest():
    with pytest.raises(UserError, match=r"'vgg17'; did you mean 'vgg19'"):
        find_backbone("vgg17")


@pytest.mark.parametrize("name", NAMES)
def test_too_small_pictures_are_refused_with_the_smallest_size(name):
    side = BACKBONES[name].smallest_side
    check_picture_size(BACKBONES[name], (side, side))
    with pytest.raises(UserError, match=f"at least {side}x{side}.*{side}x{side - 1}; set it to {side}"):
        build_base(BACKBONES[name], (side, side - 1), weights=None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_taps_go_from_shallow_to_deep_and_end_at_the_output(base_of, name):
    base, backbone = base_of(name), BACKBONES[name]
    sides = [base.get_layer(tap).output.shape[1] for tap in backbone.taps]
    assert len(sides) == 5 and sides == sorted(sides, reverse=True)
    assert base.get_layer(backbone.taps[-1]).output is base.output


def suffix(base, layer):
    """What would be unfrozen; Keras refuses to build it where more than that layer's output enters."""
    import keras

    return keras.Model(base.get_layer(layer).output, base.output)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_prefix_and_endingtogether_are_the_base(base_of, name):
    base, backbone = base_of(name), BACKBONES[name]
    pictures = np.random.default_rng(0).normal(size=(2, *base.input_shape[1:])).astype("float32")
    whole = base(pictures, training=False).numpy()
    starts = [block.after for block in backbone.blocks]
    assert len(starts) == len(set(starts))
    for layer in (starts[0], starts[-1]):
        halves = suffix(base, layer)(prefix(base, layer)(pictures, training=False), training=False)
        np.testing.assert_allclose(halves, whole, rtol=1e-4, atol=1e-5 * np.abs(whole).max())
    for layer in starts[1:-1]:
        assert suffix(base, layer).output is not None


def test_the_last_blocks_grow_towards_the_input(base_of):
    backbone, base = BACKBONES["vgg16"], base_of("vgg16")
    assert [cut_before(backbone, n) for n in (1, 2)] == ["block4_pool", "block3_pool"]
    names = {layer.name for layer in suffix(base, "block4_pool").layers}
    assert {"block5_conv1", "block5_pool"} <= names and "block4_conv3" not in names
    with pytest.raises(UserError, match="cannot unfreeze 9 blocks of vgg16; expected 1 to 4"):
        cut_before(backbone, 9)


def test_layers_have_the_same_names_however_many_models_were_built_before(base_of):
    first, second = base_of("xception"), build_base(BACKBONES["xception"], (71, 80), weights=None)
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


def test_random_weights_are_the_same_in_every_build_and_leave_the_callers_generator_alone(base_of):
    first = base_of("mobilenet_v2").get_weights()
    random.seed(5)
    second = build_base(BACKBONES["mobilenet_v2"], (40, 40), weights=None).get_weights()
    drawn = random.random()
    random.seed(5)
    assert drawn == random.random()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert first[0].std() > 0


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_weights_of_another_architecture_are_refused(base_of, tmp_path, ending):
    path = tmp_path / f"other{ending}"
    other = base_of("mobilenet_v2")
    other.save_weights(path) if ending == ".weights.h5" else other.save(path)
    with pytest.raises(UserError, match=r"does not hold weights of vgg16.*choose the backbone"):
        build_base(BACKBONES["vgg16"], (32, 32), path)


@pytest.mark.slow
def test_weights_are_loaded(base_of, tmp_path):
    source = base_of("mobilenet_v2")
    values = [array + 1 for array in source.get_weights()]
    again = build_base(BACKBONES["mobilenet_v2"], (32, 32), weights=None)
    again.set_weights(values)
    again.save_weights(tmp_path / "other.weights.h5")
    loaded = build_base(BACKBONES["mobilenet_v2"], (64, 48), tmp_path / "other.weights.h5")
    assert loaded.input_shape == (None, 64, 48, 3)
    assert all(np.array_equal(a, b) for a, b in zip(loaded.get_weights(), values, strict=True))


# Networks that stand for the two modes that few backbones use
TORCH = replace(BACKBONES["vgg16"], builder="densenet.DenseNet121", preprocessing="torch")
NONE = replace(BACKBONES["vgg16"], builder="efficientnet.EfficientNetB0", preprocessing="none")


@pytest.mark.parametrize(
    "backbone", [*BACKBONES.values(), TORCH, NONE], ids=lambda backbone: backbone.builder
)
def test_preprocessing_agrees_with_keras_applications(backbone):
    pictures = random_pictures(3, 12, 16, 3)
    module = import_module(f"keras.applications.{backbone.builder.split('.')[0]}")
    expected = module.preprocess_input(pictures.astype("float32"))
    ours = preprocessor(backbone, (12, 16, 3), (12, 16))(pictures)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_grey_pictures_are_enlarged_without_rounding_and_become_three_channels():
    import tensorflow as tf

    pictures = random_pictures(2, 28, 28, 1)
    enlarged = tf.image.resize(pictures.astype("float32"), (32, 40), method="bilinear").numpy()
    ours = preprocessor(BACKBONES["xception"], (28, 28, 1), (32, 40))(pictures).numpy()
    assert ours.shape == (2, 32, 40, 3) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, np.repeat(enlarged, 3, axis=-1) / 127.5 - 1, atol=1e-5)


def test_pictures_with_an_alpha_channel_are_refused():
    with pytest.raises(UserError, match="4 channels; expected 1"):
        preprocessing_layers(BACKBONES["vgg16"], (32, 32, 4), (32, 32))


@pytest.mark.parametrize(
    "backbone", [BACKBONES["vgg16"], BACKBONES["xception"], TORCH], ids=lambda b: b.preprocessing
)
def test_a_saved_preprocessing_loads_in_safe_mode_without_custom_objects(backbone, tmp_path):
    import keras

    model = preprocessor(backbone, (28, 28, 1), (40, 32))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    pictures = random_pictures(2, 28, 28, 1)
    assert np.array_equal(loaded(pictures), model(pictures))


@pytest.mark.parametrize("name", NAMES)
def test_published_file_is_the_one_keras_names(name):
    """The file names and digests are private to keras.applications; an upgrade may change them."""
    import inspect

    backbone = BACKBONES[name]
    module, builder = backbone.builder.split(".")
    build = getattr(import_module(f"keras.applications.{module}"), builder)
    source = inspect.getsource(import_module(build.__module__))
    assert backbone.weights_md5 is None or f'"{backbone.weights_md5}"' in source
    assert f"{backbone.weights_file.split('/')[0]}/" in source
