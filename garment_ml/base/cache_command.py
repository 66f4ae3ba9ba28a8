"""`garment-ml cache list` and `garment-ml cache clear`: what the caches hold, and how big they are."""

from collections.abc import Callable, Mapping
from typing import Any

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
    """Features of pretrained networks and decoded pictures, kept so that they are made once."""


@cache.command("list")
def list_entries() -> None:
    """Every entry: what it holds, pictures, megabytes."""
    with_sentences(_list_entries)


@cache.command()
def clear() -> None:
    """Delete all entries that no process is filling; they are made again when needed."""
    with_sentences(_clear)


def _list_entries() -> None:
    total = 0
    for kind, described in KINDS.items():
        for entry in RowCache(cache_directory(kind)).entries():
            size = bytes_in(entry.directory)
            told = f"{kind:8}  {described(entry.description):46}  {len(entry):>7,} pictures"
            say(f"{entry.directory.name[:12]}  {told}  {size / 1e6:8.1f} MB")
            total += size
    say(f"{total / 1e6:.1f} MB in {cache_directory('')}")


def _features(told: Mapping[str, Any]) -> str:
    side = "x".join(map(str, told["size"]))
    return f"{told['backbone']:12} {told['layer']} {told['grid'] or 'whole':<8} {side:>8}"


def _pictures(told: Mapping[str, Any]) -> str:
    (height, width), channels, fit = told["form"]
    return f"{height}x{width}x{channels} {fit}"


KINDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"features": _features, "pictures": _pictures}


def _clear() -> None:
    freed = sum(RowCache(cache_directory(kind)).clear() for kind in KINDS)
    say(f"freed {freed / 1e6:.1f} MB")
