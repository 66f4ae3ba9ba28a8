"""Numbers as text, and aligned columns for the terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Two spaces between columns; those whose index is in `right` are aligned at their right edge."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        cells = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def number(value: Any) -> str:
    """Three significant digits of a float; everything else as it is."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
