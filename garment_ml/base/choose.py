"""An entry of a table by a name that somebody typed."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from garment_ml.base.errors import UserError

Entry = TypeVar("Entry")


def choose(table: Mapping[str, Entry], what: str, name: str) -> Entry:
    """The entry of that name; UserError says what was asked for, the nearest name, and all there are."""
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name, table, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UserError(f"unknown {what} {name!r}; {hint}choose one of: {', '.join(table)}")
