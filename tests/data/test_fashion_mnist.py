import gzip
import hashlib
import shutil
import struct
import subprocess
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.data.fashion_mnist import CHECKSUMS, CLASS_NAMES, Places, load_fashion_mnist

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = CHECKSUMS
CLOSED_PORT = "http://127.0.0.1:9"


@pytest.fixture
def published(tmp_path) -> Path:
    """A directory with 30 + 10 random pictures in the form of the published files."""
    directory = tmp_path / "published"
    directory.mkdir()
    generator = np.random.default_rng(0)
    for images, labels, count in ((TRAIN_IMAGES, TRAIN_LABELS, 30), (TEST_IMAGES, TEST_LABELS, 10)):
        write_idx(directory / images, generator.integers(0, 256, (count, 28, 28), np.uint8))
        write_idx(directory / labels, np.arange(count, dtype=np.uint8) % 10)
    return directory


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def nowhere(tmp_path, published) -> Places:
    """Places of which none works, but whose checksums are those of `published`."""
    contents = {name: gzip.decompress((published / name).read_bytes()) for name in CHECKSUMS}
    return Places(
        package=tmp_path / "package",
        keras=tmp_path / "keras",
        cache=tmp_path / "cache",
        address=CLOSED_PORT,
        apt=("sh", "-c", "echo Unable to locate package >&2; exit 100"),
        checksums={name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    )


@pytest.fixture
def served(published):
    """The address of a web server over `published`."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(published))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_data_directory_is_read(published, nowhere):
    dataset = load_fashion_mnist(published, places=nowhere)
    assert dataset.pictures.images.shape == (40, 28, 28, 1) and dataset.class_names == CLASS_NAMES
    assert dataset.labels.tolist() == [*range(10)] * 4
    assert dataset.published_test.tolist() == [False] * 30 + [True] * 10
    assert dataset.origin == f"directory {published}"
    written = gzip.decompress((published / TEST_IMAGES).read_bytes())[16:]
    assert dataset.pictures.images[30:].tobytes() == written


def test_missing_file_in_a_data_directory_is_an_error(published, nowhere):
    shutil.copytree(published, nowhere.package)  # never looked at: the user said where
    (published / TEST_LABELS).unlink()
    with pytest.raises(
        UserError, match=f"No such file .*{TEST_LABELS}'; the data directory must hold {TRAIN_IMAGES}"
    ):
        load_fashion_mnist(published, places=nowhere)


def test_cut_off_file_in_a_data_directory_is_an_error(published, nowhere):
    path = published / TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match=rf"{TRAIN_IMAGES} \(5,000 bytes\) is no whole gzip file"):
        load_fashion_mnist(published, places=nowhere)


def test_other_content_in_a_data_directory_is_an_error(published, nowhere):
    write_idx(published / TRAIN_LABELS, np.zeros(30, np.uint8))
    expected = nowhere.checksums[TRAIN_LABELS]
    with pytest.raises(UserError, match=rf"{TRAIN_LABELS} is not Fashion-MNIST's .* expected {expected}"):
        load_fashion_mnist(published, places=nowhere)


@pytest.mark.parametrize("place", ["package", "keras", "cache"])
def test_each_local_place_is_found_and_named(published, nowhere, place):
    shutil.copytree(published, getattr(nowhere, place))
    assert load_fashion_mnist(places=nowhere).origin.endswith(
        f"{place} {getattr(nowhere, place)}".split()[-1]
    )


def test_recompressed_files_are_genuine(published, nowhere):
    path = published / TRAIN_IMAGES
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1))
    assert len(load_fashion_mnist(published, places=nowhere).labels) == 40


def test_keras_home_is_honoured(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert Places().keras == tmp_path / "datasets" / "fashion-mnist"


def test_download_fills_the_cache(nowhere, served):
    places = replace(nowhere, address=served)
    assert load_fashion_mnist(places=places).origin == f"download from {served}"
    assert {path.name for path in places.cache.iterdir()} == set(CHECKSUMS)
    assert load_fashion_mnist(places=nowhere).origin == f"cache {places.cache}"


def test_corrupt_file_in_the_cache_is_reported_and_fetched_again(published, nowhere, served, capsys):
    shutil.copytree(published, nowhere.cache)
    (nowhere.cache / TEST_IMAGES).write_bytes(b"half a download")
    untouched = (nowhere.cache / TRAIN_IMAGES).stat().st_mtime_ns
    dataset = load_fashion_mnist(places=replace(nowhere, address=served))
    assert f"{TEST_IMAGES} (15 bytes) is no whole gzip file" in capsys.readouterr().err
    assert dataset.origin.startswith("download")
    assert (nowhere.cache / TEST_IMAGES).read_bytes() == (published / TEST_IMAGES).read_bytes()
    assert (nowhere.cache / TRAIN_IMAGES).stat().st_mtime_ns == untouched


def test_wrong_content_from_the_network_is_never_stored(published, nowhere, served):
    (published / TRAIN_LABELS).write_bytes(b"<html>please log in</html>")
    with pytest.raises(GarmentError, match=f"{TRAIN_LABELS} .* is no whole gzip file"):
        load_fashion_mnist(places=replace(nowhere, address=served))
    assert [path.name for path in nowhere.cache.iterdir()] == [TRAIN_IMAGES]


def test_every_place_tried_is_listed_with_its_reason(nowhere):
    with pytest.raises(GarmentError) as raised:
        load_fashion_mnist(places=nowhere)
    lines = str(raised.value).splitlines()
    assert len(lines) == 7 and raised.value.exit_code == 1
    for line, directory in zip(lines[1:4], (nowhere.package, nowhere.keras, nowhere.cache), strict=True):
        assert f"{directory}: " in line and line.endswith(
            f"No such file or directory: '{directory / TRAIN_IMAGES}'"
        )
    assert "Connection refused" in lines[4]
    assert "ended with 100 and said: Unable to locate package" in lines[5]
    assert TEST_LABELS in lines[6]


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_debian_package_is_the_last_way_out(published, nowhere, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(published, tree / "usr/share/datasets/fashion-mnist")
    (tree / "DEBIAN").mkdir()
    control = "Package: fm\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: d\n"
    (tree / "DEBIAN" / "control").write_text(control)
    package = tmp_path / "fm.deb"
    subprocess.run(["dpkg-deb", "-b", str(tree), str(package)], check=True, capture_output=True)
    places = replace(nowhere, apt=("cp", str(package), "."))
    assert load_fashion_mnist(places=places).origin == f"`cp {package} .`"
    assert {path.name for path in places.cache.iterdir()} == set(CHECKSUMS)
