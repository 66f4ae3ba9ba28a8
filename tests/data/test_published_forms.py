"""One data set in every published form is the same data set, and is split the same way."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.base.row_store import StoredRows
from garment_ml.data import decoding
from garment_ml.data.source_options import SourceOptions
from garment_ml.data.sources import load_dataset
from garment_ml.data.split import make_split
from tests.data.published_forms import FORMS, write_folders

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def original():
    """Every tenth picture of the sample."""
    sample = load_dataset("sample")
    rows = np.arange(0, len(sample.labels), 10)
    return replace(
        sample,
        pictures=sample.pictures.take(rows),
        labels=sample.labels[rows],
        published_test=sample.published_test[rows],
    )


@pytest.fixture(params=FORMS)
def form(request, original, tmp_path):
    """Name of the source and the folder it is written in."""
    folder = tmp_path / "files"
    folder.mkdir()
    FORMS[request.param](original, folder)
    return request.param, folder


def options(original, **more):
    return SourceOptions(class_names=original.class_names, **more)


def test_every_form_gives_the_same_data_set_and_split(original, form):
    read = load_dataset(*form, options(original))
    assert read.digest == original.digest
    assert (read.class_names, read.pictures.shape) == (original.class_names, original.pictures.shape)
    assert make_split(read).digest == make_split(original).digest


def test_every_form_gives_the_same_pixels_for_each_picture(original, form):
    read = load_dataset(*form, options(original))
    order = np.argsort(original.pictures.digests), np.argsort(read.pictures.digests)
    assert np.array_equal(original.pictures.images[order[0]], read.pictures.images[order[1]])
    assert np.array_equal(original.labels[order[0]], read.labels[order[1]])


@pytest.mark.slow
def test_form_changes_neither_digests_nor_split(original, form):
    usual = load_dataset(*form, options(original))
    for changed in ({"side": 20}, {"channels": 3}, {"side": 40, "fit": "pad"}):
        other = load_dataset(*form, options(original, **changed))
        side, channels = changed.get("side", 28), changed.get("channels", 1)
        assert other.pictures.shape == (side, side, channels)
        assert other.digest == usual.digest
        assert make_split(other).digest == make_split(usual).digest


def test_labels_alone_are_the_classes_without_names(original, form):
    read = load_dataset(*form)
    assert read.class_names == tuple(map(str, range(10)))


def test_files_are_decoded_once(original, tmp_path, monkeypatch):
    write_folders(original, tmp_path)
    calls = []
    fill = decoding._fill
    monkeypatch.setattr(decoding, "FEW", 10**6)  # in this process
    monkeypatch.setattr(decoding, "_fill", lambda *given: calls.append(1) or fill(*given))
    first = load_dataset("folders", tmp_path)
    assert len(calls) == len(original.labels)
    (tmp_path / "train" / "0" / "one more.png").write_bytes(b"no picture")
    again = load_dataset("folders", tmp_path, SourceOptions(skip_unreadable=True))
    assert len(calls) == len(original.labels) + 1
    assert again.digest == first.digest
    assert [each.where for each in again.left_out] == [str(tmp_path / "train/0/one more.png")]


@pytest.mark.slow
def test_many_files_are_decoded_in_processes_to_the_same_array(original, tmp_path, monkeypatch):
    write_folders(original, tmp_path / "files")
    here = load_dataset("folders", tmp_path / "files")
    monkeypatch.setattr(decoding, "FEW", 10)
    monkeypatch.setattr(decoding, "usable_cores", lambda: 2)
    monkeypatch.setenv("GARMENT_ML_CACHE", str(tmp_path / "another cache"))
    there = load_dataset("folders", tmp_path / "files")
    assert isinstance(there.pictures.images, StoredRows)
    assert np.array_equal(here.pictures.images[:], there.pictures.images[:])
    assert there.digest == here.digest


def test_pictures_stay_on_disk_until_they_are_used(original, tmp_path):
    write_folders(original, tmp_path)
    pictures = load_dataset("folders", tmp_path).pictures
    some = pictures.take(np.array([5, 3]))
    assert isinstance(some.images, StoredRows) and isinstance(some.images.stored.base, np.memmap)
    assert np.array_equal(some.images[:], pictures.images[[5, 3]])


@pytest.mark.slow
def test_a_changed_file_is_read_anew(original, tmp_path):
    write_folders(original, tmp_path)
    before = load_dataset("folders", tmp_path)
    files = sorted((tmp_path / "train" / "0").iterdir())
    files[0].write_bytes(files[1].read_bytes())
    after = load_dataset("folders", tmp_path)
    assert after.digest != before.digest
    assert len(set(after.pictures.digests)) == len(set(before.pictures.digests)) - 1


def test_class_names_that_do_not_fit_are_refused(form):
    with pytest.raises(UserError, match="the label '3', expected a number from 0 to 2"):
        load_dataset(*form, SourceOptions(class_names=("a", "b", "c")))


@pytest.mark.slow
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    """They would wait for tasks for ever, with 50 MB each."""
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from garment_ml.data import decoding
        if __name__ == "__main__":
            with decoding.chunk_decoder(10**6, ((8, 8), 1, "stretch"), frozenset()) as decode_all:
                for decoded in decode_all([["nothing"]] * 8):
                    pass
                print("ready", flush=True)
                sys.stdin.readline()
    """)
    file = tmp_path / "decode.py"
    file.write_text(program)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    parent = subprocess.Popen(
        [sys.executable, str(file)], env={**os.environ, "PYTHONPATH": str(ROOT)}, **pipes
    )
    assert parent.stdout.readline() == "ready\n"
    workers = psutil.Process(parent.pid).children(recursive=True)
    assert len(workers) > 1
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=120)
    assert not alive


def test_a_worker_that_is_killed_costs_a_sentence(monkeypatch):
    monkeypatch.setattr(decoding, "usable_cores", lambda: 2)
    with (
        pytest.raises(GarmentError, match="a process that decoded pictures was ended"),
        decoding.chunk_decoder(10**6, ((8, 8), 1, "stretch"), frozenset()) as decode_all,
    ):
        answers = decode_all([["nothing"]] * 1000)
        next(iter(answers))
        for worker in multiprocessing.active_children():
            worker.kill()
        list(answers)
