"""The names under which data sets can be asked for; a new source is one new entry."""

from collections.abc import Callable
from pathlib import Path

from garment_ml.base.choose import choose
from garment_ml.data.dataset import Dataset
from garment_ml.data.fashion_mnist import load_fashion_mnist
from garment_ml.data.sample import load_sample

SOURCES: dict[str, Callable[[Path | None], Dataset]] = {
    "fashion-mnist": load_fashion_mnist,
    "sample": load_sample,
}


def load_dataset(source: str, data_dir: Path | None = None) -> Dataset:
    """Raises UserError for an unknown source, and what the source's loader raises."""
    load = choose(SOURCES, "data source", source)
    return load(None if data_dir is None else Path(data_dir))
