"""Who votes in an ensemble: approaches err on different pictures, rows of one approach rather on the same."""

from collections.abc import Iterable

from garment_ml.comparison.finalists import Finalist


def best_of_each_approach(ranked: Iterable[Finalist]) -> tuple[Finalist, ...]:
    """Of rows with the best on validation first; an ensemble is none, it is made of them."""
    best: dict[str, Finalist] = {}
    for row in ranked:
        if not row.is_ensemble:
            best.setdefault(row.refits[0].approach["name"], row)
    return tuple(best.values())
