"""One row of a comparison, and what is left out of it."""

from dataclasses import dataclass

from garment_ml.approaches.titles import ENSEMBLE, settings_in_words, title_of
from garment_ml.comparison.numbers import number
from garment_ml.evaluation.intervals import SeedSummary, gain_in_words
from garment_ml.tracking.refit_record import Refit, median_refit


@dataclass(frozen=True)
class LeftOut:
    """A run that is not compared, and why."""

    run_id: str
    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Finalist:
    """One row of a leaderboard: refits that differ in nothing but their seed."""

    refits: tuple[Refit, ...]
    rank_by: str = "accuracy"

    @property
    def label(self) -> str:
        """The approach and its first setting: the architecture or the backbone."""
        return title_of(self.refits[0].approach)

    @property
    def kind(self) -> tuple[str, str]:
        """Rows of one kind differ in lesser settings; ensembles of other members are of other kinds."""
        return self.label, settings_in_words(self.refits[0].approach).get("members", "")

    @property
    def is_ensemble(self) -> bool:
        return self.refits[0].approach["name"] == ENSEMBLE

    @property
    def settings(self) -> str:
        """All that the approach, its hyperparameters and its budget are set to, and what a search gained."""
        first = self.refits[0]
        pictures = {"pictures": first.form, "train_pictures": first.train_pictures}
        values = {**settings_in_words(first.approach), **pictures, **first.recipe}
        values |= values.pop("hyperparameters")
        gained = f"; {gain_in_words(self.search_gain)}" if self.search_gain else ""
        return ", ".join(f"{name} {number(value)}" for name, value in values.items()) + gained

    @property
    def search_gain(self) -> SeedSummary | None:
        """What the search that found the hyperparameters gained over the recipe's own values."""
        return next((each.search_gain for each in self.refits if each.search_gain), None)

    @property
    def lost_final(self) -> str:
        """Id of the search whose final these hyperparameters have lost, with whatever seeds."""
        return next((each.lost_final for each in self.refits if each.lost_final), "")

    def left_out_as_lost(self) -> list[LeftOut]:
        """Its refits, if it lost."""
        reason = f"its hyperparameters lost the final of search {self.lost_final}"
        return [LeftOut(each.run_id, self.title(each), reason) for each in self.refits if self.lost_final]

    def title(self, refit: Refit) -> str:
        return f"{self.label} seed {refit.seed}"

    @property
    def median(self) -> Refit:
        """The one that may be registered."""
        return median_refit(self.refits, self.rank_by)

    def values(self, metric: str) -> list[float]:
        """One value per refit."""
        return [each.metrics[metric] for each in self.refits]

    def mean(self, metric: str) -> float:
        return sum(self.values(metric)) / len(self.refits)

    @property
    def parameters(self) -> int:
        """Trained and frozen."""
        return int(self.mean("trainable_parameters") + self.mean("frozen_parameters"))
