"""From settings to pictures that are split; light, so that a wrong folder is refused at once."""

from pathlib import Path

from garment_ml.base.terminal import load_tensorflow, say
from garment_ml.data.corrections import correct
from garment_ml.data.dataset import Dataset
from garment_ml.data.decisions import read_corrections
from garment_ml.data.source_options import CHANNELS, SourceOptions, parse_class_names
from garment_ml.data.sources import load_dataset
from garment_ml.data.split_dataset import SplitDataset, split_dataset
from garment_ml.studies.settings import DataSettings

SHOWN = 5  # of what is left out


def load_data(settings: DataSettings, enough: int = 0) -> SplitDataset:
    """`enough` cuts train to that many pictures where the settings say nothing and there are clearly more."""
    dataset = load_pictures(settings)
    pictures = settings.train_pictures or (enough if enough < 0.7 * len(dataset.labels) else 0)
    data = split_dataset(dataset, seed=settings.split_seed, train_pictures=pictures or None)
    sizes = ", ".join(f"{count:,} {part}" for part, count in data.counts.items())
    say(f"{data.name}: {sizes}, {len(data.class_names)} classes, from {data.origin}")
    load_tensorflow()  # the pictures are in order: now it pays
    return data


def load_pictures(settings: DataSettings) -> Dataset:
    """Not split yet; corrected where there are corrections."""
    corrections = read_corrections(Path(settings.corrections)) if settings.corrections else None
    options = SourceOptions(
        side=settings.side,
        channels=CHANNELS.get(settings.channels, 0),
        fit=settings.fit,
        class_names=parse_class_names(settings.class_names),
        id_column=settings.id_column,
        label_column=settings.label_column,
        group_column=settings.group_column,
        group_pattern=settings.group_pattern,
        skip_unreadable=settings.skip_unreadable,
        dropped=corrections.dropped_files if corrections else frozenset(),
    )
    dataset = load_dataset(settings.data, Path(settings.data_dir) if settings.data_dir else None, options)
    for each in dataset.left_out[:SHOWN]:
        say(f"left out: {each.where}: {each.reason}")
    if len(dataset.left_out) > SHOWN:
        say(f"left out: {len(dataset.left_out) - SHOWN:,} more; left_out.csv of the run lists all")
    return correct(dataset, corrections) if corrections else dataset
