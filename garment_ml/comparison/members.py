"""Who votes in an ensemble: approaches err on different pictures, rows of one approach rather on the same."""

import itertools
from collections import defaultdict
from collections.abc import Iterable

from garment_ml.approaches.catalogue import make_approach
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.comparison.finalist import Finalist
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.studies.settings import LEAST_SEEDS

MOST_ROWS = 20  # of an approach, the best ones, that are looked at


def best_members(ranked: Iterable[Finalist], data: SplitDataset) -> tuple[Finalist, ...]:
    """Of rows with the best on validation first, one of each approach; ensembles are made of them.

    Refits of one seed vote, so that rows with three seeds in common, or as many as there are, come before
    better ones with fewer. A row whose approach can't be made here is passed by, with the reason.
    """
    rows: dict[str, list[Finalist]] = defaultdict(list)
    for row in ranked:
        if not row.is_ensemble and _can_be_made(row, data):
            rows[row.refits[0].approach["name"]].append(row)
    choices = itertools.product(*(enumerate(each[:MOST_ROWS]) for each in rows.values()))

    def worth(choice: tuple[tuple[int, Finalist], ...]) -> tuple[int, int]:
        seeds = (({refit.seed for refit in row.refits}) for _, row in choice)
        common = len(set.intersection(*seeds)) if choice else 0
        return min(common, LEAST_SEEDS), -sum(place for place, _ in choice)

    return tuple(row for _, row in max(choices, key=worth))


def _can_be_made(row: Finalist, data: SplitDataset) -> bool:
    described = row.refits[0].approach
    try:
        make_approach(described["name"], described, data).describe()
    except UserError as error:
        say(f"  not in the vote: {row.label}: {error}")
        return False
    return True
