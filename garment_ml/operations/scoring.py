"""What a model says of many picture files, part by part: memory stays the same, and a kill costs one part."""

import io
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from garment_ml.base.digest import digest_of
from garment_ml.base.terminal import progress_bar, say
from garment_ml.base.write_aside import write_aside
from garment_ml.data.decoding import Form, usable_cores
from garment_ml.data.picture_files import RECIPE
from garment_ml.operations.listing import ListedPicture
from garment_ml.shipped.answers import answer_table
from garment_ml.shipped.columns import ERROR, LABEL
from garment_ml.shipped.compiled import compiled
from garment_ml.shipped.picture_decoding import decode_picture
from garment_ml.tracking.fetched_models import Servable

AT_ONCE = 256  # pictures that are answered together, while the next are decoded
PART = 16 * AT_ONCE
Answer = Callable[[np.ndarray], np.ndarray]  # a compiled model
ID, DIGEST = "id", "digest"  # columns of a part beside the answer's own and `error`


class ReadPicture(NamedTuple):
    """`digest` is of the file's bytes; a picture that can't be read has an `error` and no pixels."""

    id: str
    digest: str = ""
    pixels: np.ndarray | None = None
    error: str | None = None


def score_files(
    servable: Servable, model_id: str, pictures: Sequence[ListedPicture], folder: Path
) -> list[Path]:
    """Parquet files in `folder` that together have a row for each picture, in their order.

    Each is named for all that decides what is in it and is there whole or not at all, so one that is there is
    taken as it is. A picture that can't be read has a row with an `error` and nothing else. `model_id` stands
    for the servable, whatever version or alias it was found by.
    """
    parts = [pictures[start : start + PART] for start in range(0, len(pictures), PART)]
    files = [folder / f"{_digest(part, servable, model_id)}.parquet" for part in parts]
    missing = [(file, part) for file, part in zip(files, parts, strict=True) if not file.exists()]
    left = sum(len(part) for _, part in missing)
    if left < len(pictures):
        say(f"going on: {len(pictures) - left:,} of {len(pictures):,} pictures were answered before")
    answer = compiled(servable.model)
    with progress_bar(left, "scoring", "picture") as advance, ThreadPoolExecutor(usable_cores()) as readers:
        for file, part in missing:
            tables = []
            for read in _read_ahead(part, _form(servable), readers):
                tables.append(_table(read, answer, servable.class_names))
                advance(len(read))
            written = io.BytesIO()
            pq.write_table(pa.concat_tables(tables), written)
            write_aside(file, written.getvalue())
    return files


def _form(servable: Servable) -> Form:
    height, width, channels = servable.model.input_shape[1:]
    return (height, width), channels, servable.fit


def _digest(part: Sequence[ListedPicture], servable: Servable, model_id: str) -> str:
    """Of the model, of how pictures are decoded, and of the files as far as their sizes and times tell."""
    known = [model_id, RECIPE, servable.fit, [(id, str(path), *_state(path)) for id, path in part]]
    return digest_of(json.dumps(known).encode())


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns  # the last changes with permissions, too


def _read_ahead(
    part: Sequence[ListedPicture], form: Form, readers: ThreadPoolExecutor
) -> Iterator[list[ReadPicture]]:
    """Batch by batch, while the one after it is being read."""
    under_way: deque[Iterator[ReadPicture]] = deque()
    for start in range(0, len(part), AT_ONCE):
        under_way.append(readers.map(partial(_read, form=form), part[start : start + AT_ONCE]))
        if len(under_way) == 2:
            yield list(under_way.popleft())
    yield list(under_way.popleft())


def _read(picture: ListedPicture, form: Form) -> ReadPicture:
    try:
        if picture.path.exists() and not picture.path.is_file():
            return ReadPicture(picture.id, error="is no regular file")
        data = picture.path.read_bytes()
    except OSError as error:
        return ReadPicture(picture.id, error=f"cannot be read: {error.strerror}")
    digest = digest_of(data)
    try:
        return ReadPicture(picture.id, digest, decode_picture(data, *form))
    except ValueError as error:
        return ReadPicture(picture.id, digest, error=str(error))


def _table(read: Sequence[ReadPicture], answer: Answer, class_names: Sequence[str]) -> pa.Table:
    readable = np.array([each.pixels is not None for each in read])
    probabilities = np.full((len(read), len(class_names)), np.nan, np.float32)
    if readable.any():
        probabilities[readable] = answer(np.stack([each.pixels for each in read if each.pixels is not None]))
    answers = answer_table(class_names, probabilities)
    columns: dict[str, pa.Array] = {ID: pa.array([each.id for each in read], pa.string())}
    for name in answers.columns:  # of a batch without a readable picture Arrow would guess other types
        kind = pa.string() if name == LABEL else pa.float32()
        columns[name] = pa.array(answers[name].to_numpy(), kind, mask=~readable)
    columns[ERROR] = pa.array([each.error for each in read], pa.string())
    columns[DIGEST] = pa.array([each.digest for each in read], pa.string())
    return pa.table(columns)
