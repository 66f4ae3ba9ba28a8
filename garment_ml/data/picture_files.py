"""Picture files of any size and mode as one array on disk, decoded on all cores, each content only once.

What is kept hangs on the bytes of each file: a changed file is decoded anew, an interrupted pass goes on, and
a picture added to a folder is the only one that is decoded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import UserError
from garment_ml.base.row_cache import RowCache
from garment_ml.base.row_store import DIGEST, RowStore, StoredRows
from garment_ml.base.terminal import progress_bar
from garment_ml.data.decoding import Decoded, Form, chunk_decoder, row_type
from garment_ml.data.pictures import Pictures
from garment_ml.data.source_options import Problems, SourceOptions, shown

RECIPE = 2  # part of every key: raise it when the same file would be decoded otherwise
LARGEST_OWN_SIDE = 64  # pictures that all have one size up to this keep it
CHUNK = 128  # files a task
SAMPLE = 200


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
        store.prepare(row_type(form), more=max(0, len(paths) - len(store)))
        with progress_bar(len(paths), "pictures", "picture") as advance:
            for start, decoded in _decode_in_order(paths, form, frozenset(store.digests())):
                digests[start : start + len(decoded.digests)] = decoded.digests
                errors |= {start + number: reason for number, reason in decoded.errors.items()}
                store.append(decoded.rows, decoded.new)
                advance(len(decoded.digests))
    return store, digests, errors


def _decode_in_order(
    paths: Sequence[Path], form: Form, known: frozenset[bytes]
) -> Iterator[tuple[int, Decoded]]:
    """Number of each chunk's first file and what became of the chunk; each content comes once."""
    starts = range(0, len(paths), CHUNK)
    chunks = [list(map(str, paths[start : start + CHUNK])) for start in starts]
    seen = set(known)
    with chunk_decoder(len(paths), form, known) as decode_all:
        for start, decoded in zip(starts, decode_all(chunks), strict=True):
            new = {digest: number for number, digest in enumerate(decoded.new.tolist()) if digest not in seen}
            seen.update(new)
            first = [*new.values()]
            yield start, replace(decoded, new=decoded.new[first], rows=decoded.rows[first])
