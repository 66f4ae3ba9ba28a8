"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def write_aside(path: Path, data: bytes) -> None:
    """Write beside `path` under another name, then rename; parallel writers do not disturb each other."""
    with writing_aside(path) as file:
        file.write(data)


@contextmanager
def writing_aside(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` at the end of the block, unless something is raised in it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)  # mkstemp gives 0o600, which would hide a shared cache from the team
        os.replace(aside, path)
        _sync_folder(path.parent)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(aside)
        raise


def _sync_folder(folder: Path) -> None:
    """The new name, too, survives a power cut; where folders can't be opened, as on Windows, it may not."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
