import hashlib
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

from garment_ml.base.errors import UserError
from garment_ml.base.row_cache import RowCache
from garment_ml.pretrained import feature_extraction, forward_pass
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.pretrained.base_network import build_base
from garment_ml.pretrained.feature_extraction import extract
from garment_ml.pretrained.forward_pass import compiled
from garment_ml.pretrained.taps import Tap, tap_model, tap_output
from garment_ml.pretrained.weights import find_weights, keras_models_directory

QUICK = BACKBONES["vgg16"]  # to build and trace
TAPS = (Tap("block3_pool"), Tap("block4_pool", 1))
BATCH = 8
RANDOM = find_weights(QUICK, "none")


def pictures(count: int, shape=(28, 28, 1), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def digests(images: np.ndarray) -> np.ndarray:
    return np.array([hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in images], "S32")


def run(cache, images=None, taps=TAPS, backbone=QUICK, weights=RANDOM, size=(32, 32), of=None, fit=None):
    """As arrays, by tap."""
    images = pictures(5) if images is None else images
    of = digests(images) if of is None else of
    features = extract(backbone, weights, size, taps, images, of, cache, fit=fit)
    return {tap: each[:] for tap, each in features.items()}


def stored(cache) -> dict[str, int]:
    """How many pictures each layer has features of."""
    return {entry.description["layer"]: len(entry) for entry in cache.entries()}


def assert_same(features, expected):
    """Bit by bit."""
    assert features.keys() == expected.keys()
    for tap, each in features.items():
        assert np.array_equal(each, expected[tap])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(forward_pass, "PIXELS_PER_BATCH", BATCH * 32 * 32)


@pytest.fixture
def cache(tmp_path) -> RowCache:
    return RowCache(tmp_path / "features")


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
@pytest.mark.slow
def test_cached_features_are_those_of_the_end_to_end_model(cache, name):
    backbone, side = BACKBONES[name], BACKBONES[name].smallest_side
    taps = tuple(Tap(layer, grid) for layer, grid in zip(backbone.taps, (1, 2, 3, None, 1), strict=True))
    images = pictures(3, (28, 20, 3))
    weights = find_weights(backbone, "none")
    features = run(cache, images, taps, backbone, weights, (side, side + 8))
    model = tap_model(backbone, build_base(backbone, (side, side + 8), None), taps, (28, 20, 3))
    for tap, expected in zip(taps, model(images, training=False), strict=True):
        assert features[tap].dtype == np.float16
        assert expected.numpy().std() > 0
        assert_close(features[tap], expected)


class Watched:
    """Pictures that note which of them are fetched, and end the process's patience after so many batches."""

    def __init__(self, images: np.ndarray, fetches: int = 1000) -> None:
        self.images, self.fetches, self.fetched = images, fetches, []
        self.shape, self.ndim, self.dtype = images.shape, images.ndim, images.dtype

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, batch: np.ndarray) -> np.ndarray:
        if self.fetches == 0:
            raise KeyboardInterrupt
        self.fetches -= 1
        self.fetched += dict.fromkeys(batch.tolist())  # a last batch repeats some to be whole
        return self.images[batch]


def fetched(cache, images, **changed) -> list[int]:
    """The numbers of the pictures that an extraction had to run through the network."""
    watched = Watched(images)
    run(cache, watched, of=digests(images), **changed)
    return watched.fetched


def test_the_second_call_finds_everything_and_builds_no_network(cache, monkeypatch):
    first = run(cache)
    monkeypatch.setattr(feature_extraction, "build_base", None)
    assert_same(run(cache), first)


def test_only_what_is_missing_is_computed(cache):
    images = pictures(10)
    assert fetched(cache, images[:3]) == [0, 1, 2]
    assert fetched(cache, images) == [3, 4, 5, 6, 7, 8, 9]
    assert fetched(cache, images[::-1]) == []
    assert fetched(cache, np.delete(images, 4, axis=0)) == []
    assert fetched(cache, np.concatenate([pictures(1, seed=1), images])) == [0]


def test_pictures_that_are_equal_are_computed_once(cache):
    images = pictures(4)[[0, 1, 0, 2, 1, 3, 3]]
    assert fetched(cache, images) == [0, 1, 3, 5]
    assert set(stored(cache).values()) == {4}
    features = run(cache, images)[TAPS[0]]
    assert np.array_equal(features[[0, 1, 5]], features[[2, 4, 6]])


def test_rows_follow_the_order_of_the_pictures(cache):
    images = pictures(5)
    run(cache, images[2:4])
    straight, backwards = run(cache, images), run(cache, images[::-1])
    assert_same(backwards, {tap: each[::-1] for tap, each in straight.items()})
    model = tap_model(QUICK, build_base(QUICK, (32, 32), None), TAPS, (28, 28, 1))
    for tap, expected in zip(TAPS, model(images, training=False), strict=True):
        assert_close(straight[tap], expected)


def test_each_tap_gets_what_it_lacks_in_one_pass(cache, tmp_path):
    images = pictures(7)
    run(cache, images[:4], taps=TAPS[:1])
    run(cache, images[2:6], taps=TAPS[1:])
    assert fetched(cache, images) == [0, 1, 4, 5, 6]
    assert stored(cache) == {"block3_pool": 7, "block4_pool": 7}
    assert fetched(cache, images, taps=(*TAPS, Tap("block5_pool", 1))) == list(range(7))
    assert stored(cache) == {"block3_pool": 7, "block4_pool": 7, "block5_pool": 7}


@pytest.mark.slow
def test_other_sizes_shapes_grids_and_weights_have_features_of_their_own(cache, tmp_path):
    images, one = pictures(5), TAPS[:1]
    base = build_base(QUICK, (32, 32), None)
    base.set_weights([array * 1.5 for array in base.get_weights()])
    base.save_weights(tmp_path / "other.weights.h5")
    other_weights = find_weights(QUICK, str(tmp_path / "other.weights.h5"))
    run(cache, images, taps=one)
    run(cache, images, taps=one, size=(32, 40))
    run(cache, images, taps=one, fit="crop")
    run(cache, images, taps=(Tap(one[0].layer, 2),))
    run(cache, images, taps=one, weights=other_weights)
    run(cache, images[:, 1:], taps=one, of=digests(images))
    assert [len(entry) for entry in cache.entries()] == [5] * 6


def test_an_interrupted_extraction_goes_on_and_gives_identical_bytes(cache, tmp_path):
    images = pictures(2 * BATCH + 3)
    with pytest.raises(KeyboardInterrupt):
        run(cache, Watched(images, fetches=2), of=digests(images))
    assert set(stored(cache).values()) == {2 * BATCH}
    watched = Watched(images)
    resumed = run(cache, watched, of=digests(images))
    assert watched.fetched == [16, 17, 18]
    assert_same(resumed, run(RowCache(tmp_path / "whole"), images))


# says so for each batch it fetches, and dies instead of fetching more than the number it was given
IN_A_PROCESS = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    from garment_ml.pretrained import forward_pass
    from garment_ml.pretrained.backbones import BACKBONES
    from garment_ml.base.row_cache import RowCache
    from garment_ml.pretrained.feature_extraction import extract
    from garment_ml.pretrained.weights import find_weights
    from garment_ml.pretrained.taps import Tap
    forward_pass.PIXELS_PER_BATCH = 8 * 32 * 32

    class Pictures(np.ndarray):
        def __getitem__(self, batch):
            global left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            print("fetched", flush=True)
            return np.asarray(self)[batch]

    images, digests, left = np.load(sys.argv[2]), np.load(sys.argv[3]), int(sys.argv[4])
    backbone, taps = BACKBONES["vgg16"], (Tap("block3_pool"), Tap("block4_pool", 1))
    weights, cache = find_weights(backbone, "none"), RowCache(Path(sys.argv[1]))
    extract(backbone, weights, (32, 32), taps, images.view(Pictures), digests, cache)
    """
)


def start_extraction(cache: RowCache, images: np.ndarray, batches: int) -> subprocess.Popen:
    files = cache.directory.parent / "images.npy", cache.directory.parent / "digests.npy"
    np.save(files[0], images)
    np.save(files[1], digests(images))
    command = [sys.executable, "-c", IN_A_PROCESS, str(cache.directory), *map(str, files), str(batches)]
    root = Path(feature_extraction.__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_killed_extraction_goes_on_and_gives_identical_bytes(cache, tmp_path):
    images = pictures(5 * BATCH)
    process = start_extraction(cache, images, batches=3)
    assert process.communicate(timeout=600)[0].count("fetched") == 3 and process.returncode == -9
    assert set(stored(cache).values()) == {3 * BATCH}
    assert_same(run(cache, images), run(RowCache(tmp_path / "whole"), images))


@pytest.mark.slow
def test_two_extractions_at_once_compute_once(cache, tmp_path):
    images = pictures(5 * BATCH)
    processes = [start_extraction(cache, images, batches=1000) for _ in range(2)]
    answers = [process.communicate(timeout=600)[0].count("fetched") for process in processes]
    assert sorted(answers) == [0, 5]
    assert_same(run(cache, images), run(RowCache(tmp_path / "whole"), images))


def test_features_that_were_torn_off_are_computed_again(cache):
    images = pictures(5)
    expected = run(cache, images)
    file = next(cache.directory.glob("*/rows"))
    file.write_bytes(file.read_bytes()[:-1])
    assert fetched(cache, images) == [4]
    for tap, each in run(cache, images).items():
        np.testing.assert_allclose(each, expected[tap], rtol=2e-3, atol=1e-5)


def test_a_grid_averages_uneven_maps_without_leaving_pixels_out():
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
    features = run(cache, taps=(tap,), weights=weights)[tap]
    assert np.all(features == 65504)
    assert f"{features.size} features beyond 65504 were stored as that" in capsys.readouterr().out


@pytest.mark.slow
def test_weights_that_give_no_numbers_are_refused(cache, tmp_path):
    backbone, tap = BACKBONES["mobilenet_v2"], Tap("expanded_conv_project_BN")
    base = build_base(backbone, (32, 32), None)
    *rest, variance = base.get_layer(tap.layer).get_weights()
    base.get_layer(tap.layer).set_weights([*rest, -1 - variance])
    base.save_weights(tmp_path / "garbled.weights.h5")
    weights = find_weights(backbone, str(tmp_path / "garbled.weights.h5"))
    with pytest.raises(UserError, match="expanded_conv_project_BN gives values that are not numbers"):
        run(cache, taps=(tap,), backbone=backbone, weights=weights)
    assert set(stored(cache).values()) == {0}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"size": (28, 28)}, "needs pictures of at least 32x32"),
        ({"images": pictures(5).astype("float32")}, r"images are float32 \(5, 28, 28, 1\), expected uint8"),
        ({"images": pictures(5)[..., 0]}, r"images are uint8 \(5, 28, 28\), expected"),
        ({"images": pictures(0)}, r"images are uint8 \(0, 28, 28, 1\)"),
        ({"of": digests(pictures(4))}, r"picture digests are \|S32 \(4,\), expected \|S32 \(5,\)"),
        ({"of": np.arange(5)}, r"picture digests are int64 \(5,\)"),
        ({"taps": (Tap("mixed7"),)}, "has no layer 'mixed7'"),
        ({"images": pictures(5, (28, 28, 2))}, "2 channels; expected 1"),
    ],
)
def test_what_does_not_fit_is_refused(cache, changed, sentence):
    with pytest.raises(UserError, match=sentence):
        run(cache, **changed)


@pytest.mark.skipif(
    not (keras_models_directory() / BACKBONES["vgg16"].mirror.file).exists(),
    reason="the VGG16 weights are not in the Keras cache",
)
def test_imagenet_vgg16_features_fit_float16_and_are_those_of_the_end_to_end_model(cache, capsys):
    vgg16 = BACKBONES["vgg16"]
    weights = find_weights(vgg16, "imagenet")
    taps = tuple(Tap(layer, 2) for layer in vgg16.taps)
    extremes = np.stack([np.zeros((28, 28, 1)), np.full((28, 28, 1), 255)]).astype("uint8")
    images = np.concatenate([extremes, pictures(4)])
    features = run(cache, images, taps, vgg16, weights)
    model = tap_model(vgg16, build_base(vgg16, (32, 32), weights.path), taps, (28, 28, 1))
    for tap, expected in zip(taps, model(images, training=False), strict=True):
        assert_close(features[tap], expected)
    assert "beyond" not in capsys.readouterr().out
