"""Decoding of picture files, as the endpoint does it, in processes on all cores."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from garment_ml.base.digest import digest_of
from garment_ml.base.errors import GarmentError
from garment_ml.base.row_store import DIGEST
from garment_ml.data.pictures import picture_digest
from garment_ml.shipped.picture_decoding import fit_picture, open_picture

FEW = 256  # files that are not worth starting processes for

Form = tuple[tuple[int, int], int, str]  # (height, width), channels, fit


@dataclass(frozen=True)
class Decoded:
    """Of a chunk of files: digests of all, digests and rows of the new ones, what was wrong with which."""

    digests: np.ndarray
    new: np.ndarray
    rows: np.ndarray
    errors: dict[int, str]


def row_type(form: Form) -> np.dtype:
    size, channels, _ = form
    own = [("digest", DIGEST), ("height", "<u4"), ("width", "<u4"), ("channels", "u1")]
    return np.dtype([*own, ("pixels", "u1", (*size, channels))])


@contextmanager
def chunk_decoder(
    count: int, form: Form, known: frozenset[bytes]
) -> Iterator[Callable[[Iterable[list[str]]], Iterable[Decoded]]]:
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


def _decode_as_told(paths: list[str]) -> Decoded:
    return decode_chunk(paths, **_told)


def decode_chunk(paths: Sequence[str], form: Form, known: frozenset[bytes]) -> Decoded:
    """Read, and decode what is not known yet, as the endpoint does."""
    digests, rows, new, errors = np.zeros(len(paths), DIGEST), np.zeros(len(paths), row_type(form)), [], {}
    for number, path in enumerate(paths):
        try:
            data = Path(path).read_bytes()
            digest = digest_of(data).encode()
            if digest not in known:
                _fill(rows[number], data, form)
                new.append(number)
            digests[number] = digest
        except OSError as error:
            errors[number] = f"cannot be read: {error.strerror}"
        except ValueError as error:
            errors[number] = str(error)
    return Decoded(digests, digests[new], rows[new], errors)


def _fill(row: np.void, data: bytes, form: Form) -> None:
    picture = open_picture(data)
    own = np.asarray(picture).reshape(picture.height, picture.width, -1)
    row["digest"], row["channels"] = picture_digest(own).encode(), own.shape[2]
    row["height"], row["width"] = own.shape[:2]
    row["pixels"] = fit_picture(picture, *form)
