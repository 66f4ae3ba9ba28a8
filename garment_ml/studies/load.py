"""From settings to pictures that are split; light, so that a wrong folder is refused at once."""

from pathlib import Path

from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.data.sources import load_dataset
from garment_ml.data.split_dataset import SplitDataset, split_dataset
from garment_ml.studies.settings import DataSettings


def load_data(settings: DataSettings, enough: int = 0) -> SplitDataset:
    """`enough` cuts train to that many pictures where the settings say nothing and there are clearly more."""
    dataset = load_dataset(settings.data, Path(settings.data_dir) if settings.data_dir else None)
    pictures = settings.train_pictures or (enough if enough < 0.7 * len(dataset.labels) else 0)
    data = split_dataset(dataset, seed=settings.split_seed, train_pictures=pictures or None)
    sizes = ", ".join(f"{count:,} {part}" for part, count in data.counts.items())
    say(f"{data.name}: {sizes}, {len(data.class_names)} classes, from {data.origin}")
    load_tensorflow()  # the pictures are in order: now it pays
    return data
