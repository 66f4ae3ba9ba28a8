"""Picture files of any size and mode as one array on disk, decoded on all cores, each content only once.

What is kept hangs on the bytes of each file: a changed file is decoded anew, an interrupted pass goes on, and
a picture added to a folder is the only one that is decoded.
"""

import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import GarmentError, UserError
from garment_ml.base.row_cache import RowCache
from garment_ml.base.row_store import DIGEST, RowStore, StoredRows
from garment_ml.base.terminal import progress_bar
from garment_ml.data.pictures import Pictures, picture_digest
from garment_ml.data.source_options import Problems, SourceOptions, shown
from garment_ml.shipped.picture_decoding import fit_picture, open_picture

RECIPE = 1  # part of every key: raise it when the same file would be decoded otherwise
LARGEST_OWN_SIDE = 64  # pictures that all have one size up to this keep it
CHUNK, FEW = 128, 256  # files a task; fewer in all are not worth starting processes for
SAMPLE = 200

Form = tuple[tuple[int, int], int, str]  # (height, width), channels, fit


@dataclass(frozen=True)
class _Decoded:
    """Of a chunk of files: digests of all, digests and rows of the new ones, what was wrong with which."""

    digests: np.ndarray
    new: np.ndarray
    rows: np.ndarray
    errors: dict[int, str]


def read_pictures(
    paths: Sequence[Path], ids: Sequence[str], options: SourceOptions, problems: Problems
) -> tuple[Pictures, np.ndarray]:
    """The readable ones, mapped from the cache, and whether each path is among them, bool `(n,)`.

    Unreadable ones are added to `problems`. UserError for them unless they are to be left out.
    """
    form = _guess_form(paths, options)
    while True:
        store, digests, errors = _decode_missing(paths, form)
        for number, reason in errors.items():
            problems.add(shown(paths[number]), reason, ids[number])
        problems.check()
        readable = np.ones(len(paths), bool)
        readable[list(errors)] = False
        if not readable.any():
            first = next(iter(errors))
            raise UserError(
                f"none of {len(paths):,} pictures can be used: {shown(paths[first])}: {errors[first]}"
            )
        stored = store.open(digests[readable])
        own = _own_shapes(stored)
        needed = _form(set(map(tuple, np.unique(own[:, :2], axis=0).tolist())), own[:, 2].tolist(), options)
        if needed == form:
            break
        form, problems.left_out = needed, problems.left_out[: len(problems.left_out) - len(errors)]
    pixels = StoredRows(stored.stored["pixels"], stored.rows)
    digests = stored.stored["digest"][stored.rows]
    return Pictures(pixels, digests, np.asarray(ids)[readable], options.fit, own), readable


def _row_type(form: Form) -> np.dtype:
    size, channels, _ = form
    own = [("digest", DIGEST), ("height", "<u4"), ("width", "<u4"), ("channels", "u1")]
    return np.dtype([*own, ("pixels", "u1", (*size, channels))])


def _guess_form(paths: Sequence[Path], options: SourceOptions) -> Form:
    """By the headers of some files spread over all; two sizes among them settle it."""
    sizes, channels = set(), []
    for number in np.unique(np.linspace(0, len(paths) - 1, SAMPLE).astype(int)):
        try:
            with Image.open(paths[number]) as picture:
                sizes.add((picture.height, picture.width))
                channels.append(1 if picture.mode in ("1", "L") else 3)
        except Exception:  # whatever is wrong is said when it is decoded
            continue
    return _form(sizes, channels, options)


def _own_shapes(stored: StoredRows) -> np.ndarray:
    """`(n, 3)`: height, width, channels. Field by field: of several at once numpy would copy whole rows."""
    return np.stack([stored.stored[each][stored.rows] for each in ("height", "width", "channels")], axis=1)


def _form(sizes: set[tuple[int, int]], channels: Sequence[int], options: SourceOptions) -> Form:
    """As asked; else their own size if they have one that is small, and the channels that most have."""
    own = next(iter(sizes), None) if len(sizes) == 1 else None
    if options.size:
        size = options.size
    elif options.side:
        size = (options.side, options.side)
    elif own is not None and max(own) <= LARGEST_OWN_SIDE:
        size = own
    else:
        size = (LARGEST_OWN_SIDE, LARGEST_OWN_SIDE)
    most = 1 if 2 * sum(each == 1 for each in channels) > len(channels) else 3
    return size, options.channels or most, options.fit


def _decode_missing(paths: Sequence[Path], form: Form) -> tuple[RowStore, np.ndarray, dict[int, str]]:
    """The store with all that could be decoded, the digest of each file, and what was wrong by number."""
    store = RowCache(cache_directory("pictures")).entry({"recipe": RECIPE, "form": form})
    digests = np.zeros(len(paths), DIGEST)
    errors: dict[int, str] = {}
    with store.lock():
        store.prepare(_row_type(form), more=max(0, len(paths) - len(store)))
        with progress_bar(len(paths), "pictures", "picture") as advance:
            for start, decoded in _decode_in_order(paths, form, frozenset(store.digests())):
                digests[start : start + len(decoded.digests)] = decoded.digests
                errors |= {start + number: reason for number, reason in decoded.errors.items()}
                store.append(decoded.rows, decoded.new)
                advance(len(decoded.digests))
    return store, digests, errors


def _decode_in_order(
    paths: Sequence[Path], form: Form, known: frozenset[bytes]
) -> Iterator[tuple[int, _Decoded]]:
    """Number of each chunk's first file and what became of the chunk; each content comes once."""
    starts = range(0, len(paths), CHUNK)
    chunks = [list(map(str, paths[start : start + CHUNK])) for start in starts]
    seen = set(known)
    with _each(len(paths), form, known) as decode_all:
        for start, decoded in zip(starts, decode_all(chunks), strict=True):
            new = {digest: number for number, digest in enumerate(decoded.new.tolist()) if digest not in seen}
            seen |= new.keys()
            first = [*new.values()]
            yield start, replace(decoded, new=decoded.new[first], rows=decoded.rows[first])


@contextmanager
def _each(
    count: int, form: Form, known: frozenset[bytes]
) -> Iterator[Callable[[Iterable[list[str]]], Iterable[_Decoded]]]:
    """A map over chunks: in processes on all cores, or here where there is little to do."""
    workers = usable_cores()
    if count <= FEW or workers == 1:
        yield partial(map, partial(decode_chunk, form=form, known=known))
        return
    # Spawned, not forked: whoever calls may have threads, and a fork copies their locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _know, (form, known)) as pool:
        try:
            yield partial(pool.map, _decode_as_told)
        except BrokenProcessPool as error:
            raise GarmentError(
                "a process that decoded pictures was ended, perhaps as memory ran out; start again, what was "
                "finished is kept"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def usable_cores() -> int:
    """By this process, which may be held to some of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_told: dict[str, Any] = {}  # of a worker process: sent once, not with every chunk


def _know(form: Form, known: frozenset[bytes]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: the parent says what happens
    _told.update(form=form, known=known)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """One that is killed can't end its workers: they would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _decode_as_told(paths: list[str]) -> _Decoded:
    return decode_chunk(paths, **_told)


def decode_chunk(paths: Sequence[str], form: Form, known: frozenset[bytes]) -> _Decoded:
    """Read, and decode what is not known yet, as the endpoint does."""
    digests, rows, new, errors = np.zeros(len(paths), DIGEST), np.zeros(len(paths), _row_type(form)), [], {}
    for number, path in enumerate(paths):
        try:
            data = Path(path).read_bytes()
            digest = hashlib.blake2b(data, digest_size=16).hexdigest().encode()
            if digest not in known:
                _fill(rows[number], data, form)
                new.append(number)
            digests[number] = digest
        except OSError as error:
            errors[number] = f"cannot be read: {error.strerror}"
        except ValueError as error:
            errors[number] = str(error)
    return _Decoded(digests, digests[new], rows[new], errors)


def _fill(row: np.void, data: bytes, form: Form) -> None:
    picture = open_picture(data)
    own = np.asarray(picture).reshape(picture.height, picture.width, -1)
    row["digest"], row["channels"] = picture_digest(own).encode(), own.shape[2]
    row["height"], row["width"] = own.shape[:2]
    row["pixels"] = fit_picture(picture, *form)
