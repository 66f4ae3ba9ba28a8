import json
import os
import resource
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from garment_ml.base.errors import GarmentError
from garment_ml.pretrained import feature_writer
from garment_ml.pretrained.feature_cache import FeatureCache

ROWS, STEP = 40, 8
FEATURES = np.random.default_rng(0).normal(size=(ROWS, 2, 3)).astype("float16")
DESCRIPTION = {"layer": "block4_pool", "grid": None, "size": [32, 32], "pictures": ROWS}


@pytest.fixture(autouse=True)
def commit_at_once(monkeypatch):
    monkeypatch.setattr(feature_writer, "COMMIT_SECONDS", 0.0)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


def fill(cache: FeatureCache, up_to: int = ROWS) -> int:
    """Append what is missing below `up_to`; returns the row it began at."""
    with cache.entry(DESCRIPTION).locked() as entry, entry.writer((2, 3)) as writer:
        begin = writer.rows
        for start in range(begin, up_to, STEP):
            writer.append(FEATURES[start : start + STEP])
    return begin


def is_right(cache: FeatureCache) -> bool:
    return np.array_equal(cache.entry(DESCRIPTION).open(), FEATURES)


# for processes of their own: append a step, say so, wait for a line (or the end) of standard input, and so on
FILL = textwrap.dedent(
    f"""
    import sys
    from pathlib import Path
    import numpy as np
    from garment_ml.pretrained import feature_cache
    from garment_ml.pretrained import feature_writer
    feature_writer.COMMIT_SECONDS = 0.0
    features = np.random.default_rng(0).normal(size=({ROWS}, 2, 3)).astype("float16")
    entry = feature_cache.FeatureCache(Path(sys.argv[1])).entry({DESCRIPTION!r})
    with entry.locked():
        if entry.complete:
            print("found", flush=True)
            sys.exit()
        with entry.writer((2, 3)) as writer:
            for start in range(writer.rows, {ROWS}, {STEP}):
                writer.append(features[start:start + {STEP}])
                print("appended", flush=True)
                sys.stdin.readline()
    """
)


def start_filling(cache: FeatureCache, **options) -> subprocess.Popen:
    command = [sys.executable, "-c", FILL, str(cache.directory)]
    root = os.path.dirname(os.path.dirname(os.path.dirname(feature_writer.__file__)))
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, cwd=root, text=True, **pipes, **options)


def test_features_come_back_as_they_were_appended(cache):
    assert fill(cache) == 0
    entry = cache.entry(DESCRIPTION)
    assert entry.complete and entry.rows_done == ROWS
    assert isinstance(entry.open(), np.memmap) and not entry.open().flags.writeable
    assert is_right(cache)
    assert json.loads(entry.record_path.read_text())["description"] == DESCRIPTION


def test_any_difference_in_the_description_is_another_entry(cache):
    keys = {cache.entry({**DESCRIPTION, **change}).key for change in ({}, {"grid": 1}, {"size": [32, 33]})}
    assert len(keys) == 3
    assert cache.entry(dict(reversed(DESCRIPTION.items()))).key in keys


def test_unfinished_features_cannot_be_opened(cache):
    fill(cache, up_to=16)
    with pytest.raises(GarmentError, match="16 of 40 rows"):
        cache.entry(DESCRIPTION).open()


def test_an_interruption_keeps_what_was_appended(cache, monkeypatch):
    monkeypatch.setattr(feature_writer, "COMMIT_SECONDS", 1e9)
    entry = cache.entry(DESCRIPTION)
    with pytest.raises(KeyboardInterrupt), entry.locked(), entry.writer((2, 3)) as writer:
        writer.append(FEATURES[:STEP])
        raise KeyboardInterrupt
    assert fill(cache) == STEP
    assert is_right(cache)


def test_a_killed_process_is_gone_on_from_where_it_was(cache, tmp_path):
    process = start_filling(cache)
    assert process.stdout.readline() == "appended\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    path = cache.entry(DESCRIPTION).path
    with path.open("ab") as file:
        file.write(b"half a row that no record knows")
    assert fill(cache) == STEP
    untouched = FeatureCache(tmp_path / "untouched")
    fill(untouched)
    assert path.read_bytes() == untouched.entry(DESCRIPTION).path.read_bytes()


def test_of_two_processes_one_fills_and_the_other_waits_and_finds(cache):
    first = start_filling(cache)
    assert first.stdout.readline() == "appended\n"
    second = start_filling(cache)
    assert "waiting for another process" in second.stderr.readline()
    rest, _ = first.communicate(timeout=300)
    assert rest.count("appended") == ROWS // STEP - 1
    assert second.communicate(timeout=300)[0] == "found\n"
    assert (first.returncode, second.returncode) == (0, 0)
    assert is_right(cache)


def truncate(entry):
    os.truncate(entry.path, entry.path.stat().st_size - 20)


def flip_a_byte(entry):
    content = bytearray(entry.path.read_bytes())
    content[-20] ^= 1
    entry.path.write_bytes(content)


def put_another_array(entry):
    np.save(entry.path, np.zeros((ROWS, 5), "float32"))


def put_another_file(entry):
    entry.path.write_text("not an array")


def remove_the_array(entry):
    entry.path.unlink()


def garble_the_record(entry):
    entry.record_path.write_text(entry.record_path.read_text()[:50])


def swap_the_record(entry):
    record = json.loads(entry.record_path.read_text())
    entry.record_path.write_text(json.dumps(record | {"description": {"pictures": ROWS}}))


@pytest.mark.parametrize(
    ("damage", "resumes_at", "said"),
    [
        (truncate, ROWS - STEP, "rows 32 to 40 are damaged"),
        (flip_a_byte, ROWS - STEP, "rows 32 to 40 are damaged"),
        (put_another_array, 0, "it holds float32 (40, 5), expected float16 (40, 2, 3)"),
        (put_another_file, 0, "its header cannot be read"),
        (remove_the_array, 0, "its header cannot be read"),
        (garble_the_record, 0, "it has no readable record"),
        (swap_the_record, 0, "it has no readable record"),
    ],
)
def test_damage_is_noticed_and_mended(cache, capsys, damage, resumes_at, said):
    fill(cache)
    damage(cache.entry(DESCRIPTION))
    assert fill(cache) == resumes_at
    assert said in capsys.readouterr().err
    assert is_right(cache)


def test_rebuilding_leaves_a_file_alone_that_is_in_use(cache):
    fill(cache)
    in_use = cache.entry(DESCRIPTION).open()
    garble_the_record(cache.entry(DESCRIPTION))
    fill(cache, up_to=STEP)
    assert np.array_equal(in_use, FEATURES)


def test_features_that_cannot_fit_are_refused_before_any_work(cache):
    entry = cache.entry({"pictures": 10**9})
    refused = pytest.raises(GarmentError, match=r"needs .* GB more, but its disk has .*GARMENT_ML_CACHE")
    with refused, entry.locked(), entry.writer((100, 100, 100)):
        pytest.fail("the writer must not start")


def test_a_full_disk_keeps_what_is_good(cache):
    header, row = 128, FEATURES[0].nbytes
    room = header + 20 * row + 5  # 2 steps, half of the third, and the small record

    def limit_file_size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    process = start_filling(cache, preexec_fn=limit_file_size)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "cannot write features" in error and "16 of 40 rows were finished and are kept" in error
    assert fill(cache) == 16
    assert is_right(cache)


def test_clipped_values_are_counted_over_all_sittings(cache):
    for start in (0, STEP):
        with cache.entry(DESCRIPTION).locked() as entry, entry.writer((2, 3)) as writer:
            writer.append(FEATURES[start : start + STEP], clipped=3)
    assert cache.entry(DESCRIPTION).clipped == 6


def test_listing_and_clearing(cache, capsys):
    fill(cache)
    with cache.entry({"pictures": 1}).locked() as entry, entry.writer((1,)) as writer:
        writer.append(np.ones((1, 1)))
    assert sorted(entry.description["pictures"] for entry in cache.list_entries()) == [1, ROWS]
    assert all(entry.complete for entry in cache.list_entries())
    size = sum(entry.path.stat().st_size + entry.record_path.stat().st_size for entry in cache.list_entries())
    assert cache.clear() == size
    assert cache.list_entries() == [] and not cache.entry(DESCRIPTION).path.exists()


def test_clearing_keeps_what_another_process_is_filling(cache, capsys):
    process = start_filling(cache)
    process.stdout.readline()
    assert cache.clear() == 0
    assert "another process is working on it" in capsys.readouterr().err
    assert cache.entry(DESCRIPTION).rows_done == STEP
    process.kill()
    process.communicate()
