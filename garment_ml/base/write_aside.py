"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_aside(path: Path, data: bytes) -> None:
    """Write beside `path` under another name, then rename; parallel writers do not disturb each other."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(aside, 0o644)  # mkstemp gives 0o600, which would hide a shared cache from the team
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
