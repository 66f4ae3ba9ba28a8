import hashlib
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.pretrained import feature_cache, feature_extraction
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.pretrained.base_network import build_base
from garment_ml.pretrained.feature_cache import FeatureCache
from garment_ml.pretrained.feature_extraction import compiled, extract
from garment_ml.pretrained.taps import Tap, tap_model, tap_output
from garment_ml.pretrained.weights import find_weights, keras_models_directory
from garment_ml.pretrained.weights_mirror import FILE_NAME

QUICK = BACKBONES["vgg16"]  # to build and trace
TAPS = (Tap("block3_pool"), Tap("block4_pool", 1))
BATCH = 8
RANDOM = find_weights(QUICK, "none")


def pictures(count: int, shape=(28, 28, 1), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def digests(images: np.ndarray) -> np.ndarray:
    return np.array([hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images], "S32")


def run(cache, images=None, taps=TAPS, backbone=QUICK, weights=RANDOM, size=(32, 32), of=None):
    images = pictures(5) if images is None else images
    of = digests(images) if of is None else of
    return extract(backbone, weights, size, taps, images, of, cache, progress=False)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(feature_extraction, "PIXELS_PER_BATCH", BATCH * 32 * 32)


@pytest.fixture
def cache(tmp_path) -> FeatureCache:
    return FeatureCache(tmp_path / "features")


def assert_close(features, expected):
    """Within 1e-3 relative, the room that float16 needs, and for values next to zero its smallest step.

    Zeros of one batch size can be rounding errors of another, as small as the largest value's last digits.
    """
    expected = expected.numpy()
    step = float(np.finfo(np.float16).smallest_subnormal)
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=step + 1e-6 * np.abs(expected).max())


heavy = [
    pytest.param(name, marks=pytest.mark.slow) for name in BACKBONES if name not in ("vgg16", "mobilenet_v2")
]


@pytest.mark.parametrize("name", ["vgg16", "mobilenet_v2", *heavy])
def test_cached_features_are_those_of_the_end_to_end_model(cache, name):
    backbone, side = BACKBONES[name], BACKBONES[name].smallest_side
    taps = tuple(Tap(layer, grid) for layer, grid in zip(backbone.taps, (1, 2, 3, None, 1), strict=True))
    images = pictures(3, (28, 20, 3))
    weights = find_weights(backbone, "none")
    features = run(cache, images, taps, backbone, weights, (side, side + 8)).features
    model = tap_model(backbone, build_base(backbone, (side, side + 8), None), taps, (28, 20, 3))
    for tap, expected in zip(taps, model(images, training=False), strict=True):
        assert features[tap].dtype == np.float16
        assert expected.numpy().std() > 0
        assert_close(features[tap], expected)


def test_the_second_call_finds_everything(cache):
    first, second = run(cache), run(cache)
    assert (first.hit, second.hit) == (False, True)
    assert first.keys == second.keys and len(first.keys) == 2
    for tap in TAPS:
        assert np.array_equal(first.features[tap], second.features[tap])


def test_only_missing_taps_are_computed(cache):
    first = run(cache)
    before = {key: (cache.directory / f"{key}.npy").stat().st_mtime_ns for key in first.keys}
    more = run(cache, taps=(*TAPS, Tap("block5_pool", 1)))
    assert not more.hit and more.keys[:2] == first.keys
    assert before == {key: (cache.directory / f"{key}.npy").stat().st_mtime_ns for key in first.keys}


def test_other_pictures_sizes_grids_and_weights_have_other_keys(cache, tmp_path):
    images = pictures(5)
    base = build_base(QUICK, (32, 32), None)
    base.set_weights([array * 1.5 for array in base.get_weights()])
    base.save_weights(tmp_path / "other.weights.h5")
    one = TAPS[:1]
    keys = [
        run(cache, taps=one).keys,
        run(cache, images[::-1], taps=one).keys,
        run(cache, images[:4], taps=one).keys,
        run(cache, taps=one, size=(32, 40)).keys,
        run(cache, taps=(Tap(one[0].layer, 2),)).keys,
        run(cache, taps=one, weights=find_weights(QUICK, str(tmp_path / "other.weights.h5"))).keys,
    ]
    assert len(set(keys)) == len(keys)


def test_rows_follow_the_order_of_the_pictures(cache):
    images = pictures(5)
    straight, reversed_ = run(cache, images), run(cache, images[::-1])
    np.testing.assert_allclose(
        straight.features[TAPS[0]], reversed_.features[TAPS[0]][::-1], rtol=2e-3, atol=1e-5
    )


class Interrupted:
    """Pictures that can be fetched so many times."""

    def __init__(self, images: np.ndarray, fetches: int) -> None:
        self.images, self.fetches = images, fetches
        self.shape, self.ndim, self.dtype = images.shape, images.ndim, images.dtype

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, batch: slice) -> np.ndarray:
        if self.fetches == 0:
            raise KeyboardInterrupt
        self.fetches -= 1
        return self.images[batch]


def test_an_interrupted_extraction_goes_on_and_gives_identical_bytes(cache, tmp_path):
    images = pictures(2 * BATCH + 3)
    with pytest.raises(KeyboardInterrupt):
        run(cache, Interrupted(images, fetches=2), of=digests(images))
    assert {entry.rows_done for entry in cache.list_entries()} == {2 * BATCH}
    resumed = run(cache, Interrupted(images, fetches=1), of=digests(images))
    whole = run(FeatureCache(tmp_path / "whole"), images)
    assert not resumed.hit
    for tap in TAPS:
        assert np.array_equal(resumed.features[tap], whole.features[tap])


def test_taps_that_stopped_at_different_rows_end_up_whole(cache, tmp_path):
    images = pictures(2 * BATCH + 3)
    with pytest.raises(KeyboardInterrupt):
        run(cache, Interrupted(images, fetches=1), taps=TAPS[:1], of=digests(images))
    both = run(cache, images)
    whole = run(FeatureCache(tmp_path / "whole"), images)
    for tap in TAPS:
        assert np.array_equal(both.features[tap], whole.features[tap])


IN_A_PROCESS = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import numpy as np
    from garment_ml.pretrained import feature_cache
    from garment_ml.pretrained import feature_extraction
    from garment_ml.pretrained import feature_writer
    from garment_ml.pretrained.backbones import BACKBONES
    from garment_ml.pretrained.feature_extraction import extract
    from garment_ml.pretrained.weights import find_weights
    from garment_ml.pretrained.taps import Tap
    feature_writer.COMMIT_SECONDS = 0.0
    feature_extraction.PIXELS_PER_BATCH = 8 * 32 * 32
    backbone = BACKBONES["vgg16"]
    images, digests = np.load(sys.argv[2]), np.load(sys.argv[3])
    taps = (Tap("block3_pool"), Tap("block4_pool", 1))
    cache = feature_cache.FeatureCache(Path(sys.argv[1]))
    weights = find_weights(backbone, "none")
    print(extract(backbone, weights, (32, 32), taps, images, digests, cache, progress=False).hit)
    """
)


def start_extraction(cache: FeatureCache, images: np.ndarray) -> subprocess.Popen:
    files = cache.directory.parent / "images.npy", cache.directory.parent / "digests.npy"
    np.save(files[0], images)
    np.save(files[1], digests(images))
    command = [sys.executable, "-c", IN_A_PROCESS, str(cache.directory), *map(str, files)]
    root = Path(feature_cache.__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_extraction_goes_on_and_gives_identical_bytes(cache, tmp_path):
    images = pictures(300)
    process = start_extraction(cache, images)
    while process.poll() is None and not any(entry.rows_done for entry in cache.list_entries()):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    rows = [entry.rows_done for entry in cache.list_entries()]
    assert rows and 0 < max(rows) < 300, "it was killed too early or too late"
    resumed, whole = run(cache, images), run(FeatureCache(tmp_path / "whole"), images)
    for tap in TAPS:
        assert np.array_equal(resumed.features[tap], whole.features[tap])


@pytest.mark.slow
def test_two_extractions_at_once_compute_once(cache, tmp_path):
    images = pictures(100)
    processes = [start_extraction(cache, images) for _ in range(2)]
    answers = [process.communicate(timeout=300)[0].strip() for process in processes]
    assert sorted(answers) == ["False", "True"]
    whole = run(FeatureCache(tmp_path / "whole"), images)
    found = run(cache, images)
    assert found.hit
    for tap in TAPS:
        assert np.array_equal(found.features[tap], whole.features[tap])


def test_damaged_features_are_computed_again(cache, capsys):
    first = run(cache)
    expected = {tap: np.array(features) for tap, features in first.features.items()}
    (cache.directory / f"{first.keys[0]}.npy").write_bytes(b"foreign")
    again = run(cache)
    assert not again.hit and "its header cannot be read" in capsys.readouterr().err
    for tap in TAPS:
        assert np.array_equal(again.features[tap], expected[tap])


def test_a_grid_averages_uneven_maps_without_leaving_pixels_out():
    import keras

    inputs = keras.Input((5, 7, 2))
    base = keras.Model(inputs, keras.layers.Identity(name="map")(inputs))
    maps = np.random.default_rng(0).normal(size=(2, 5, 7, 2)).astype("float32")
    pooled = {grid: keras.Model(inputs, tap_output(base, Tap("map", grid)))(maps) for grid in (None, 1, 2, 9)}
    assert {grid: tuple(output.shape) for grid, output in pooled.items()} == {
        None: (2, 5, 7, 2), 1: (2, 1, 1, 2), 2: (2, 2, 2, 2), 9: (2, 5, 7, 2)
    }  # fmt: skip
    np.testing.assert_allclose(pooled[1][:, 0, 0], maps.mean(axis=(1, 2)), atol=1e-6)
    everything = sum(
        np.asarray(pooled[2])[:, i, j] * area
        for (i, j), area in {(0, 0): 12, (0, 1): 9, (1, 0): 8, (1, 1): 6}.items()
    )
    np.testing.assert_allclose(everything, maps.sum(axis=(1, 2)), atol=1e-5)


def test_values_beyond_float16_are_stored_as_its_largest_and_counted():
    import keras

    inputs = keras.Input((1, 2, 1))
    rows, beyond = compiled(keras.Model(inputs, [keras.layers.Identity()(inputs)]))(
        np.array([[[[1e6], [-1e6]]], [[[65504.0], [1.5]]]], "float32")
    )[0]
    assert rows.numpy().ravel().tolist() == [65504.0, -65504.0, 65504.0, 1.5]
    assert beyond.numpy().tolist() == [2, 0]


def test_clipping_is_reported(cache, tmp_path, capsys):
    base = build_base(QUICK, (32, 32), None)
    kernel, bias = base.get_layer("block5_conv3").get_weights()
    base.get_layer("block5_conv3").set_weights([kernel, bias + 1e6])
    base.save_weights(tmp_path / "large.weights.h5")
    weights = find_weights(QUICK, str(tmp_path / "large.weights.h5"))
    tap = Tap("block5_pool")
    features = run(cache, taps=(tap,), weights=weights).features[tap]
    assert np.all(features == 65504)
    assert f"{features.size} features beyond 65504 were stored as that" in capsys.readouterr().err


def test_weights_that_give_no_numbers_are_refused(cache, tmp_path):
    backbone, tap = BACKBONES["mobilenet_v2"], Tap("expanded_conv_project_BN")
    base = build_base(backbone, (32, 32), None)
    *rest, variance = base.get_layer(tap.layer).get_weights()
    base.get_layer(tap.layer).set_weights([*rest, -1 - variance])
    base.save_weights(tmp_path / "garbled.weights.h5")
    weights = find_weights(backbone, str(tmp_path / "garbled.weights.h5"))
    with pytest.raises(UserError, match="expanded_conv_project_BN gives values that are not numbers"):
        run(cache, taps=(tap,), backbone=backbone, weights=weights)
    assert not any(entry.complete for entry in cache.list_entries())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"size": (28, 28)}, "needs pictures of at least 32x32"),
        ({"images": pictures(5).astype("float32")}, r"images are float32 \(5, 28, 28, 1\), expected uint8"),
        ({"images": pictures(5)[..., 0]}, r"images are uint8 \(5, 28, 28\), expected"),
        ({"images": pictures(0)}, r"images are uint8 \(0, 28, 28, 1\)"),
        ({"of": digests(pictures(4))}, "5 images but 4 picture digests"),
        ({"taps": ()}, "at least one tap"),
        ({"taps": (Tap("block4_pool", 0),)}, "a grid of at least 1"),
        ({"taps": (Tap("mixed7"),)}, "has no layer 'mixed7'"),
        ({"images": pictures(5, (28, 28, 2))}, "2 channels; expected 1"),
    ],
)
def test_what_does_not_fit_is_refused(cache, changed, sentence):
    with pytest.raises(UserError, match=sentence):
        run(cache, **changed)


@pytest.mark.skipif(
    not (keras_models_directory() / FILE_NAME).exists(), reason="the VGG16 weights are not in the Keras cache"
)
def test_imagenet_vgg16_features_fit_float16_and_are_those_of_the_end_to_end_model(cache, capsys):
    vgg16 = BACKBONES["vgg16"]
    weights = find_weights(vgg16, "imagenet")
    taps = tuple(Tap(layer, 2) for layer in vgg16.taps)
    extremes = np.stack([np.zeros((28, 28, 1)), np.full((28, 28, 1), 255)]).astype("uint8")
    images = np.concatenate([extremes, pictures(4)])
    features = run(cache, images, taps, vgg16, weights).features
    model = tap_model(vgg16, build_base(vgg16, (32, 32), weights.path), taps, (28, 28, 1))
    for tap, expected in zip(taps, model(images, training=False), strict=True):
        assert_close(features[tap], expected)
    assert "beyond" not in capsys.readouterr().err
