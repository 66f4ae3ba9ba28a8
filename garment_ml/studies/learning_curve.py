"""How the score grows with the training pictures: each approach studied on nested subsets, ever larger."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from garment_ml.approaches.approach import Approach
from garment_ml.approaches.budget import epochs_for
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import say
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.evaluation.power_law import SizeScores
from garment_ml.studies.settings import LearningSettings
from garment_ml.studies.study import run_study
from garment_ml.tracking.run import TrackedRun

Curve = tuple[SizeScores, ...]
MakeApproach = Callable[[SplitDataset], Approach]


def sizes_of(fractions: Sequence[float], data: SplitDataset) -> list[int]:
    """Pictures of each fraction of train; UserError for one that leaves a class without a picture."""
    sizes = sorted({round(fraction * data.train_pictures) for fraction in fractions})
    try:
        data.of_size(max(sizes[0], 1))
    except UserError as error:
        share = f"{min(fractions):g} of {data.train_pictures:,} training pictures is {sizes[0]:,}"
        raise UserError(f"the fraction {share}, which is too few: {error}") from error
    return sizes


@dataclass(frozen=True)
class _Point:
    approach: Approach
    data: SplitDataset
    settings: LearningSettings

    @property
    def work(self) -> float:
        return self.approach.cost * self.data.train_pictures * (self.settings.epochs or 1)

    @property
    def title(self) -> str:
        return f"{self.approach.title}, {self.data.train_pictures:,} pictures"


def learning_curve(
    run: TrackedRun,
    data: SplitDataset,
    makers: Sequence[MakeApproach],
    sizes: Sequence[int],
    settings: LearningSettings,
    rank_by: str,
) -> dict[str, Curve]:
    """By approach its scores on validation after learning from `sizes` pictures, which are nested.

    The epochs of `settings` are those of all pictures, each approach's own those of its recipe: smaller parts
    get more.
    Each point is a nested run with its refits in it. Small sizes come first, and refits that were made before
    are found again, so an interrupted curve goes on where it was.
    """
    curves: dict[str, list[SizeScores]] = defaultdict(list)
    metric = f"validation_{rank_by}"
    points = [_point(maker, data, size, settings) for size in sizes for maker in makers]
    started, left = time.monotonic(), sum(point.work for point in points)
    all_work = left
    for number, point in enumerate(points, start=1):
        with run.child(point.title, "learning_curve_point") as nested:
            study = run_study(nested, point.approach, point.data, point.settings, rank_by)
        name, size = point.approach.name, point.data.train_pictures
        curves[name].append(SizeScores(size, tuple(each.metrics[metric] for each in study.refits)))
        run.log_metrics({f"{name}/{metric}": curves[name][-1].mean}, step=size)
        left -= point.work
        minutes = max(0, (time.monotonic() - started) * left / (all_work - left) / 60)  # sums of floats
        say(f"  point {number} of {len(points)} ({point.title}) done; about {minutes:.0f} minutes left")
    return {name: tuple(scores) for name, scores in curves.items()}


def _point(make: MakeApproach, data: SplitDataset, size: int, settings: LearningSettings) -> _Point:
    """None is spared by patience."""
    part = data.of_size(size)
    approach = make(part)
    if settings.epochs:
        epochs = epochs_for(settings.epochs, size, data.train_pictures)
    else:
        epochs = epochs_for(approach.budget.epochs, size)
    return _Point(approach, part, replace(settings, epochs=epochs, patience=epochs))
