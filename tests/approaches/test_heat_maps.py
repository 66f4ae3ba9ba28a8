"""Tiny servables of the three structures that the approaches make, with weights chosen by hand."""

import numpy as np
import pytest

from garment_ml.shipped.heat_maps import HeatMaps

SIDE = 12


@pytest.fixture(scope="module")
def keras():
    import keras

    return keras


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(50, 255, (5, SIDE, SIDE, 1), np.uint8)


def head(keras, maps, weights):
    """Flattened maps times given weights, one (rows, columns, channels, classes) per map."""
    flat = [keras.layers.Flatten()(each) for each in maps]
    x = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    kernel = np.concatenate([each.reshape(-1, each.shape[-1]) for each in weights])
    constant = keras.initializers.Zeros()
    logits = keras.layers.Dense(kernel.shape[1], kernel_initializer=constant, name="logits")
    x = logits(x)
    logits.set_weights([kernel, np.zeros(kernel.shape[1])])
    return x


def corner(shape: tuple[int, ...], classes: int = 3) -> np.ndarray:
    """Only class 1 gets anything, and only from the cells at the top left."""
    weights = np.zeros((*shape[1:], classes), np.float32)
    weights[0, 0, :, 1] = 1
    return weights


def copying(keras, name: str, **options):
    """A convolution that hands its (positive) input on, as two channels."""
    return keras.layers.Conv2D(2, 1, kernel_initializer="ones", activation="relu", name=name, **options)


def frozen_base(keras, taps: tuple[str, ...]):
    """12 -> 6 -> 3 -> 1 cells a side; from uint8 pictures to the tapped maps, as the approaches nest it."""
    inputs = x = keras.Input((SIDE, SIDE, 3))
    for block, pool in enumerate((2, 2, 3), 1):
        x = keras.layers.AveragePooling2D(pool, name=f"pool{block}")(copying(keras, f"conv{block}")(x))
    base = keras.Model(inputs, x, name="base")
    pictures = keras.Input((SIDE, SIDE, 1), dtype="uint8")
    grey = keras.ops.cast(pictures, "float32")
    colour = keras.layers.Rescaling(1 / 255)(keras.layers.Concatenate()([grey, grey, grey]))
    blue_first = keras.ops.flip(colour, axis=-1)  # which is no mirror image
    outputs = keras.Model(base.input, [base.get_layer(tap).output for tap in taps])(blue_first)
    model = keras.Model(pictures, outputs)
    model.trainable = False
    return model


def scratch(keras):
    pictures = keras.Input((SIDE, SIDE, 1), name="pictures")
    x = keras.layers.MaxPooling2D()(copying(keras, "conv")(keras.layers.Rescaling(1 / 255)(pictures)))
    return keras.Model(pictures, head(keras, [x], [corner(x.shape)]), name="trained")


def bottleneck(keras, taps=("pool1", "pool2"), weights=corner):
    def trained(pictures):
        features = dict(zip(taps, frozen_base(keras, taps)(pictures), strict=True))
        inputs = {name: keras.Input(each.shape[1:], name=name) for name, each in features.items()}
        logits = head(keras, list(inputs.values()), [weights(each.shape) for each in inputs.values()])
        return keras.Model(inputs, logits, name="trained")(features)

    return trained


def after_frozen_part(keras, name: str):
    """A shallow tap and the cut come in; the unfrozen block leads from the cut to one single cell."""
    inputs = {"pool1": keras.Input((6, 6, 2), name="pool1"), "pool2": keras.Input((3, 3, 2), name="pool2")}
    cut = keras.Input((3, 3, 2))
    block = keras.Model(
        cut, keras.layers.AveragePooling2D(3)(copying(keras, "conv3")(cut)), name="unfrozen_blocks"
    )
    maps = [inputs["pool1"], block(inputs["pool2"])]
    logits = head(keras, maps, [corner(maps[0].shape), 0 * corner(maps[1].shape)])
    return keras.Model(inputs, logits, name=name)


def fine_tune(keras):
    def trained(pictures):
        features = dict(
            zip(("pool1", "pool2"), frozen_base(keras, ("pool1", "pool2"))(pictures), strict=True)
        )
        return after_frozen_part(keras, "trained")(features)

    return trained


def end_to_end(keras):
    pictures = keras.Input((SIDE, SIDE, 1), name="pictures")
    features = dict(zip(("pool1", "pool2"), frozen_base(keras, ("pool1", "pool2"))(pictures), strict=True))
    return keras.Model(pictures, after_frozen_part(keras, "after_frozen_part")(features), name="trained")


def servable(keras, logits_of, temperature: bool = True):
    pictures = keras.Input((SIDE, SIDE, 1), dtype="uint8", name="pictures")
    logits = logits_of(pictures)
    if temperature:
        logits = keras.layers.Rescaling(0.5, name="temperature")(logits)
    return keras.Model(pictures, keras.layers.Softmax(name="probabilities")(logits), name="servable")


@pytest.mark.parametrize("temperature", [False, True])
@pytest.mark.parametrize("kind", [scratch, bottleneck, fine_tune, end_to_end])
def test_class_that_depends_on_one_corner_lights_up_that_corner(keras, pictures, kind, temperature, tmp_path):
    model = servable(keras, kind(keras), temperature)
    maps = HeatMaps(model)(pictures, np.ones(5, int))
    assert maps.shape == (5, SIDE, SIDE) and maps.dtype == np.float32
    assert (maps.max(axis=(1, 2)) == 1).all() and maps.min() == 0
    assert (maps[:, :2, :2].min(axis=(1, 2)) > 0.5).all()
    assert (maps[:, 6:] == 0).all() and (maps[:, :, 6:] == 0).all()

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(HeatMaps(loaded)(pictures, np.ones(5, int)), maps)


def test_what_is_seen_in_the_mirror_image_lights_up_where_it_is(keras, pictures):
    def looks_twice(given):
        model = scratch(keras)
        return keras.layers.Average()([model(given), model(keras.ops.flip(given, axis=2))])

    maps = HeatMaps(servable(keras, looks_twice))(pictures, np.ones(5, int))
    assert (maps[:, :2, :2].min(axis=(1, 2)) > 0.1).all() and (maps[:, :2, -2:].min(axis=(1, 2)) > 0.1).all()
    assert (maps[:, 6:] == 0).all() and (maps[:, :, 5:-5] == 0).all()


def test_class_that_nothing_speaks_for_has_an_empty_map(keras, pictures):
    pictures[3] = 0
    maps = HeatMaps(servable(keras, scratch(keras)))(pictures, np.array([1, 0, 2, 1, 1]))
    assert [each.any() for each in maps] == [True, False, False, False, True]
    assert np.isfinite(maps).all()


def test_what_speaks_against_a_class_stays_dark(keras, pictures):
    against = bottleneck(keras, ("pool1",), weights=lambda shape: -corner(shape))
    assert not HeatMaps(servable(keras, against))(pictures, np.ones(5, int)).any()


def test_averaging_head_gives_the_published_formula(keras, pictures):
    """Selvaraju et al. 2017, equations 1 and 2, by hand: with averaged maps the weights are the kernel's."""
    inputs = keras.Input((SIDE, SIDE, 1))
    keras.utils.set_random_seed(0)  # with some, every filter or every class is silent
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(
        keras.layers.Rescaling(1 / 255)(inputs)
    )
    logits = keras.layers.Dense(3, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    trained = keras.Model(inputs, logits, name="trained")
    maps = keras.ops.convert_to_numpy(keras.Model(inputs, x)(pictures.astype("float32")))
    classes = np.array([0, 1, 2, 0, 1])
    weights = trained.get_layer("logits").get_weights()[0].T[classes]
    expected = np.maximum(np.einsum("nhwc,nc->nhw", maps, weights), 0)
    expected /= np.maximum(expected.max(axis=(1, 2), keepdims=True), 1e-12)
    assert expected.any()
    np.testing.assert_allclose(HeatMaps(servable(keras, trained))(pictures, classes), expected, atol=1e-5)


def test_taps_are_added_up_by_their_contribution(keras, pictures):
    """Half of the logit from one cell of the fine map, half from one of the coarse, four times as large."""
    pictures[:] = 255

    def opposite_corners(shape):
        weights = np.zeros((*shape[1:], 2), np.float32)
        fine = shape[1] == 6
        # uniform white is 3 in the first map and, after another convolution over 2 channels, 6 in the second
        weights[(0, 0) if fine else (-1, -1)] = [0, 1 / 3 if fine else 1 / 6]
        return weights

    maps = HeatMaps(servable(keras, bottleneck(keras, weights=opposite_corners)))(pictures, np.ones(5, int))
    assert maps[0, 0, 0] == 1
    assert maps[0, -1, -1] == pytest.approx(1 / 4, abs=1e-5)


def test_map_of_a_single_cell_is_passed_by_for_the_last_that_shows_a_place(keras, pictures):
    pictures[:, 4:] = 0
    only_deepest = bottleneck(keras, ("pool3",), weights=corner)
    maps = HeatMaps(servable(keras, only_deepest))(pictures, np.ones(5, int))
    assert (maps[:, 0] > 0.5).any() and (maps[:, -1] == 0).all()


def test_model_and_weights_stay_as_they_were(keras, pictures):
    model = servable(keras, fine_tune(keras))
    before, config, answer = model.get_weights(), model.to_json(), model.predict(pictures, verbose=0)
    HeatMaps(model)(pictures, np.ones(5, int))
    assert model.to_json() == config
    assert all((old == new).all() for old, new in zip(before, model.get_weights(), strict=True))
    np.testing.assert_array_equal(model.predict(pictures, verbose=0), answer)


def test_model_without_feature_maps_or_softmax_is_refused(keras, pictures):
    inputs = keras.Input((SIDE, SIDE, 1), dtype="uint8")
    logits = keras.layers.Dense(3)(keras.layers.Rescaling(1 / 255)(keras.layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match="no feature maps"):
        HeatMaps(keras.Model(inputs, keras.layers.Softmax()(logits)))(pictures, np.ones(5, int))
    with pytest.raises(ValueError, match="expected a Softmax"):
        HeatMaps(keras.Model(inputs, logits))(pictures, np.ones(5, int))
