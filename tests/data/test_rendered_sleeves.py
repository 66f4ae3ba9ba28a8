"""Drawn garments: the same each time, whole or not there, and told apart by nothing but the sleeve."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import UserError
from garment_ml.data import rendered_sleeves
from garment_ml.data.rendered_picture import draw
from garment_ml.data.rendered_shapes import SLEEVES
from garment_ml.data.rendered_sleeves import SEED, load_rendered_sleeves
from garment_ml.data.source_options import SourceOptions


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(rendered_sleeves, "COUNTS", {"train": (4, 4, 4), "test": (2, 2, 3)})


@pytest.fixture
def drawn(few, monkeypatch):
    """Which pictures were drawn."""
    calls = []

    def record(*which):
        calls.append(which)
        return draw(*which)

    monkeypatch.setattr(rendered_sleeves, "draw", record)
    return calls


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))


def test_an_index_is_always_the_same_picture():
    assert draw(1, 2, 3).tobytes() == draw(1, 2, 3).tobytes()
    others = {draw(*which).tobytes() for which in [(1, 2, 3), (0, 2, 3), (1, 1, 3), (1, 2, 4)]}
    assert len(others) == 4


def test_pictures_differ_in_size():
    sizes = {draw(SEED, 0, index).size for index in range(12)}
    assert len(sizes) > 8 and all(90 <= side <= 180 for size in sizes for side in size)
    assert any(width != height for width, height in sizes)


def test_counts_and_classes_are_those_of_the_published_set():
    assert sum(rendered_sleeves.COUNTS["train"]) == 1482
    assert sum(rendered_sleeves.COUNTS["test"]) == 520


def test_loads_class_folders_of_jpeg_files(few):
    dataset = load_rendered_sleeves(None, SourceOptions())
    assert dataset.name == "rendered-sleeves" and "drawn by garment-ml" in dataset.origin
    assert dataset.class_names == tuple(sorted(SLEEVES))
    assert dataset.pictures.shape == (64, 64, 3) and len(set(dataset.pictures.digests)) == 19
    per_class = {
        name: (dataset.labels[~dataset.published_test] == label).sum()
        for label, name in enumerate(dataset.class_names)
    }
    assert per_class == dict.fromkeys(SLEEVES, 4) and dataset.published_test.sum() == 7
    names = written(cache_directory("rendered-sleeves") / "v1")
    assert names[0] == "test/long/0004.jpg" and names[-1] == "train/sleeveless/0003.jpg"
    with Image.open(cache_directory("rendered-sleeves") / "v1" / names[0]) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")


def test_complete_folders_are_read_again(drawn, tmp_path):
    for data_dir in (None, tmp_path / "new" / "sleeves"):
        first = load_rendered_sleeves(data_dir, SourceOptions())
        assert len(drawn) == 19
        again = load_rendered_sleeves(data_dir, SourceOptions(side=32))
        assert len(drawn) == 19 and again.digest == first.digest
        drawn.clear()


def test_what_a_killed_process_leaves_is_not_taken_for_complete(drawn, monkeypatch):
    def interrupt(*which):
        if len(drawn) == 9:
            raise KeyboardInterrupt
        return record(*which)

    record = rendered_sleeves.draw
    with monkeypatch.context() as patch:
        patch.setattr(rendered_sleeves, "draw", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_rendered_sleeves(None, SourceOptions())
    folder = cache_directory("rendered-sleeves")
    assert not (folder / "v1").exists() and len(written(folder)) == 9
    assert len(load_rendered_sleeves(None, SourceOptions()).labels) == 19
    assert len(written(folder)) == 19


def test_two_at_once_draw_once(drawn, tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(load_rendered_sleeves(tmp_path / "s", SourceOptions())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0].digest == found[1].digest and len(drawn) == 19


def test_a_folder_with_something_else_is_refused(drawn, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(UserError, match=r"mine holds 'notes.txt', but the source"):
        load_rendered_sleeves(tmp_path / "mine", SourceOptions())
    with pytest.raises(UserError, match=r"notes.txt is no folder that"):
        load_rendered_sleeves(tmp_path / "mine" / "notes.txt", SourceOptions())
    assert not drawn


def test_brightness_does_not_tell_the_class():
    means = [[np.asarray(draw(SEED, label, index)).mean() for index in range(30)] for label in range(3)]
    between, within = np.std(np.mean(means, axis=1)), np.mean(np.std(means, axis=1))
    assert between < 0.35 * within


@pytest.mark.slow
def test_sleeves_take_more_than_a_linear_model_of_pixels():
    from sklearn.linear_model import LogisticRegression

    dataset = load_rendered_sleeves(None, SourceOptions())
    pixels = dataset.pictures.images[:].reshape(len(dataset.labels), -1) / np.float32(255)
    test = dataset.published_test
    model = LogisticRegression(C=1e-3, max_iter=300).fit(pixels[~test], dataset.labels[~test])
    assert 0.4 < model.score(pixels[test], dataset.labels[test]) < 0.8
