"""A cache for a contender of ours that holds the pictures only: features are part of its work."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from garment_ml.base.cache_directory import cache_directory


@contextmanager
def own_cache(folder: str) -> Iterator[None]:
    """GARMENT_ML_CACHE is a new folder in `folder`, with the downloaded data set's files as they are.

    The other contenders get the pictures as arrays, so none pays for finding or downloading them.
    """
    downloaded, cache = cache_directory("fashion-mnist"), Path(folder) / "cache"
    cache.mkdir()
    (cache / "fashion-mnist").symlink_to(downloaded)
    before = os.environ.get("GARMENT_ML_CACHE")
    os.environ["GARMENT_ML_CACHE"] = str(cache)
    try:
        yield
    finally:
        os.environ.pop("GARMENT_ML_CACHE")
        if before is not None:
            os.environ["GARMENT_ML_CACHE"] = before
