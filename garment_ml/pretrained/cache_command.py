"""`garment-ml cache list` and `garment-ml cache clear`: what the feature cache holds, and how big it is."""

import click

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.command_line import with_sentences
from garment_ml.base.row_cache import RowCache, bytes_in
from garment_ml.base.terminal import say


@click.group()
def main() -> None:
    """Housekeeping; experiments are started with `mlflow run` or `python -m experiments...`."""


@main.group()
def cache() -> None:
    """Features of pretrained networks, kept so that they are computed once."""


@cache.command("list")
def list_entries() -> None:
    """Every entry: backbone, layer, pictures, megabytes."""
    with_sentences(_list_entries)


@cache.command()
def clear() -> None:
    """Delete all entries that no process is filling; they are computed again when needed."""
    with_sentences(_clear)


def _list_entries() -> None:
    directory = cache_directory("features")
    total = 0
    for entry in RowCache(directory).entries():
        told, size = entry.description, bytes_in(entry.directory)
        layer = f"{told['layer']} {told['grid'] or 'whole'}"
        side = "x".join(map(str, told["size"]))
        described = f"{told['backbone']:12} {layer:24} {side:>8}  {len(entry):>7,} pictures"
        say(f"{entry.directory.name[:12]}  {described}  {size / 1e6:8.1f} MB")
        total += size
    say(f"{total / 1e6:.1f} MB in {directory}")


def _clear() -> None:
    freed = RowCache(cache_directory("features")).clear()
    say(f"freed {freed / 1e6:.1f} MB")
