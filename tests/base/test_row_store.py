import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from garment_ml.base import row_store
from garment_ml.base.errors import GarmentError
from garment_ml.base.row_cache import RowCache

ROWS, STEP = 40, 8
SHAPE = (2, 3)
ROW = np.dtype(("<f2", SHAPE))
FEATURES = np.random.default_rng(0).normal(size=(ROWS, *SHAPE)).astype("float16")
DIGESTS = np.array([f"{row:032x}" for row in range(ROWS)], "S32")
DESCRIPTION = {"layer": "block4_pool", "grid": None, "size": [32, 32]}


@pytest.fixture
def cache(tmp_path):
    return RowCache(tmp_path / "features")


def fill(cache: RowCache, up_to: int = ROWS) -> int:
    """Append what is missing below `up_to`; returns how many rows there were."""
    entry = cache.entry(DESCRIPTION)
    with entry.lock():
        entry.prepare(ROW, more=up_to)
        begin = len(entry)
        for start in range(begin, up_to, STEP):
            entry.append(FEATURES[start : start + STEP], DIGESTS[start : start + STEP])
    return begin


def is_right(cache: RowCache) -> bool:
    return np.array_equal(cache.entry(DESCRIPTION).open(DIGESTS)[:], FEATURES)


# for processes of their own: append a step, say so, wait for a line (or the end) of standard input, and so on
PREPARE = textwrap.dedent(
    f"""
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    from garment_ml.base import row_store
    from garment_ml.base.row_cache import RowCache
    features = np.random.default_rng(0).normal(size=({ROWS}, *{SHAPE})).astype("float16")
    digests = np.array([f"{{row:032x}}" for row in range({ROWS})], "S32")
    entry = RowCache(Path(sys.argv[1])).entry({DESCRIPTION!r})

    def fill(after_a_step):
        with entry.lock():
            entry.prepare(np.dtype(("<f2", {SHAPE})), more={ROWS})
            print("found", len(entry), flush=True)
            for start in range(len(entry), {ROWS}, {STEP}):
                entry.append(features[start:start + {STEP}], digests[start:start + {STEP}])
                after_a_step()
    """
)
FILL = f"""{PREPARE}
def tell_and_wait():
    print("appended", flush=True)
    sys.stdin.readline()

fill(tell_and_wait)
"""
# the child dies in line 1, in line 2, ... of row_store.py; the parent looks at what is left, and goes on
DIE_IN_EVERY_LINE = f"""{PREPARE}
def die_after(lines):
    def trace(frame, event, argument):
        nonlocal lines
        if frame.f_code.co_filename != row_store.__file__:
            return None
        lines -= event == "line"
        if lines < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

killed = died = 0
while died == killed:
    committed, told = os.pipe()
    child = os.fork()
    if child == 0:
        die_after(killed)
        fill(lambda: os.write(told, b"."))
        os._exit(0)
    died += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    killed += 1
    os.close(told)
    steps = len(os.read(committed, 1000))
    os.close(committed)
    rows = entry.find(digests)
    whole = rows[rows >= 0]
    assert len(whole) == len(entry) >= {STEP} * steps, (killed, len(entry), steps)
    if len(whole):
        assert np.array_equal(entry.open(digests[:len(whole)])[:], features[:len(whole)]), killed
    fill(lambda: None)
    assert np.array_equal(entry.open(digests)[:], features), killed
    RowCache(Path(sys.argv[1])).clear()
print("died", died)
"""


def start(cache: RowCache, script: str = FILL, **options) -> subprocess.Popen:
    root = Path(row_store.__file__).parents[2]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-c", script, str(cache.directory)]
    return subprocess.Popen(command, cwd=root, text=True, **pipes, **options)


def test_features_come_back_as_they_were_appended(cache):
    assert fill(cache) == 0
    features = cache.entry(DESCRIPTION).open(DIGESTS)
    assert isinstance(features.stored, np.memmap) and not features.stored.flags.writeable
    assert (features.shape, features.ndim, features.dtype) == ((ROWS, *SHAPE), 3, np.float16)
    assert is_right(cache)


def test_pictures_come_in_any_order_and_number(cache):
    fill(cache)
    asked = np.array([7, 39, 7, 0, 21])
    features = cache.entry(DESCRIPTION).open(DIGESTS[asked])
    assert len(features) == 5
    assert np.array_equal(features[np.array([3, 1], np.int64)], FEATURES[[0, 39]])
    assert np.array_equal(features[1:3], FEATURES[[39, 7]])
    assert np.array_equal(features[-1], FEATURES[21])


def test_any_difference_in_the_description_is_another_entry(cache):
    changes = ({}, {"grid": 1}, {"size": [32, 33]})
    directories = {cache.entry({**DESCRIPTION, **change}).directory for change in changes}
    assert len(directories) == 3
    assert cache.entry(dict(reversed(DESCRIPTION.items()))).directory in directories


def test_pictures_without_features_cannot_be_opened(cache):
    fill(cache, up_to=16)
    assert cache.entry(DESCRIPTION).find(DIGESTS[14:18]).tolist() == [14, 15, -1, -1]
    with pytest.raises(GarmentError, match="was cleared a moment ago"):
        cache.entry(DESCRIPTION).open(DIGESTS)


def test_opening_reads_no_features(cache):
    fill(cache)
    rows = cache.entry(DESCRIPTION).directory / "rows"
    length = rows.stat().st_size
    rows.unlink()
    with rows.open("wb") as file:
        file.truncate(length + 2**40)  # a hole: to read it would take minutes
    assert len(cache.entry(DESCRIPTION).open(DIGESTS)) == ROWS


@pytest.mark.slow
def test_what_a_process_leaves_that_is_killed_in_any_line_is_right(cache):
    output, error = start(cache, DIE_IN_EVERY_LINE).communicate(timeout=600)
    assert error == "" and int(output.split()[-1]) > 50


def test_a_killed_process_is_gone_on_from_where_it_was(cache, tmp_path):
    process = start(cache)
    assert process.stdout.readline() == "found 0\n" and process.stdout.readline() == "appended\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert fill(cache) == STEP
    untouched = RowCache(tmp_path / "untouched")
    fill(untouched)
    for name in ("rows", "digests", "description.json"):
        file, same = (each.entry(DESCRIPTION).directory / name for each in (cache, untouched))
        assert file.read_bytes() == same.read_bytes()


def test_of_two_processes_one_fills_and_the_other_waits_and_finds(cache):
    first = start(cache)
    assert first.stdout.readline() == "found 0\n"
    second = start(cache)
    assert "waiting for another process" in second.stdout.readline()
    rest, _ = first.communicate(timeout=300)
    assert rest.count("appended") == ROWS // STEP
    assert second.communicate(timeout=300)[0] == f"found {ROWS}\n"
    assert (first.returncode, second.returncode) == (0, 0)
    assert is_right(cache)


def shorten(name, by):
    return lambda entry: os.truncate(entry.directory / name, (entry.directory / name).stat().st_size - by)


def lengthen(name):
    return lambda entry: (entry.directory / name).open("ab").write(b"half a row")


def remove(name):
    return lambda entry: (entry.directory / name).unlink()


@pytest.mark.parametrize(
    ("damage", "goes_on_at"),
    [
        (lengthen("rows"), ROWS),
        (lengthen("digests"), ROWS),
        (shorten("rows", 20), ROWS - 2),  # a row has 12 bytes
        (shorten("digests", 33), ROWS - 2),
        (remove("rows"), 0),
        (remove("digests"), 0),
        (remove("description.json"), 0),
        (shorten("description.json", 5), 0),
    ],
)
def test_what_is_torn_is_cut_off_and_appended_again(cache, damage, goes_on_at):
    fill(cache)
    damage(cache.entry(DESCRIPTION))
    assert len(cache.entry(DESCRIPTION)) == goes_on_at
    assert fill(cache) == goes_on_at
    assert is_right(cache)


def test_beginning_again_is_said_and_leaves_a_file_alone_that_is_in_use(cache, capsys):
    fill(cache)
    in_use = cache.entry(DESCRIPTION).open(DIGESTS)
    shorten("description.json", 5)(cache.entry(DESCRIPTION))
    fill(cache, up_to=STEP)
    assert "description.json is damaged; beginning again" in capsys.readouterr().out
    assert np.array_equal(in_use[:], FEATURES)


def test_features_that_cannot_fit_are_refused_before_any_work(cache):
    with pytest.raises(GarmentError, match=r"needs .* GB more, but its disk has .*GARMENT_ML_CACHE"):
        cache.entry(DESCRIPTION).prepare(np.dtype(("<f2", (100, 100, 100))), more=10**9)


def test_a_full_disk_keeps_what_is_good(cache):
    room = 20 * FEATURES[0].nbytes + 5 + 500  # the digests, of 32 bytes each, are what does not fit

    def limit_file_size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    _, error = start(cache, preexec_fn=limit_file_size).communicate(timeout=300)
    said = error.strip().splitlines()[-1]
    kept = room // 32
    assert "cannot write to" in said and f"the {kept} rows that were finished are kept" in said
    assert "GARMENT_ML_CACHE" in said
    assert fill(cache) == kept
    assert is_right(cache)


def test_listing_and_clearing(cache):
    fill(cache)
    other = cache.entry({"other": 1})
    other.prepare(np.dtype(("<f2", (1,))), more=1)
    other.append(np.ones((1, 1), "<f2"), DIGESTS[:1])
    assert sorted(len(entry) for entry in cache.entries()) == [1, ROWS]
    size = sum(file.stat().st_size for file in cache.directory.glob("*/*"))
    (cache.directory / "of_an_earlier_version.npy").write_bytes(b"12345")
    assert cache.clear() == size + 5
    assert cache.entries() == [] and not any(cache.directory.glob("*.npy"))
    assert fill(cache) == 0


def test_clearing_keeps_what_another_process_is_filling(cache, capsys):
    process = start(cache)
    assert process.stdout.readline() == "found 0\n" and process.stdout.readline() == "appended\n"
    assert cache.clear() == 0
    assert "another process is working on it" in capsys.readouterr().out
    assert len(cache.entry(DESCRIPTION)) == STEP
    process.kill()
    process.communicate()
