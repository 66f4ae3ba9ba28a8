"""A folder of row stores, one for each description of what its rows are."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import filelock

from garment_ml.base.row_store import RowStore
from garment_ml.base.terminal import say


class RowCache:
    """Several processes may use it at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)

    def entry(self, description: Mapping[str, Any]) -> RowStore:
        """The rows with this description: anything JSON can hold."""
        key = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:32]
        return RowStore(self.directory / key, description)

    def entries(self) -> list[RowStore]:
        """All whose description can be read."""
        found = []
        for path in sorted(self.directory.glob("*/description.json")):
            with suppress(OSError, ValueError):
                found.append(self.entry(json.loads(path.read_text())["description"]))
        return found

    def clear(self) -> int:
        """Delete all that no process is filling, an earlier version's files too; returns the bytes freed."""
        freed = 0
        for path in sorted({*self.directory.iterdir()} - {*self.directory.glob("*.lock")}):
            try:
                with filelock.FileLock(path.with_suffix(".lock"), timeout=0):
                    freed += _delete(path)
            except filelock.Timeout:
                say(f"kept {path}: another process is working on it")
        return freed


def _delete(path: Path) -> int:
    size = bytes_in(path)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return size


def bytes_in(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
