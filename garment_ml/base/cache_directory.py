"""Where reusable work is kept between runs: features and unfinished searches."""

import os
from pathlib import Path


def cache_directory(*parts: str) -> Path:
    """`$GARMENT_ML_CACHE`, or `~/.cache/garment-ml`, joined with `parts` and created."""
    root = os.environ.get("GARMENT_ML_CACHE") or Path.home() / ".cache" / "garment-ml"
    directory = Path(root).absolute().joinpath(*parts)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
