"""Options that name some of several things."""

from collections.abc import Sequence

import click


def chosen(names: str, among: Sequence[str]) -> list[str]:
    """Those in `names`, joined by commas, in the order of `among`; all where it is empty."""
    given = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in given if name not in among]:
        raise click.BadParameter(f"there is no {', '.join(unknown)}; there are {', '.join(among)}")
    return [name for name in among if name in given or not given]
