"""How much the suite does: sizes of searches and refits, for a first look and for all there is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from garment_ml.approaches.budget import RECIPE_PICTURES, epochs_for
from garment_ml.search.brackets import epochs_in_all, plan_brackets
from garment_ml.studies.settings import LEAST_SEEDS

EXTRACTION_COST = 12.0  # milliseconds per picture on 2 cores with AVX2; for the estimate only
FIXED_MINUTES = 3  # starting, figures, test set, gate


@dataclass(frozen=True)
class Effort:
    """What one approach is given."""

    trials: int
    strategy: str
    epochs: int
    refits: int = 3
    finalists: int = 3

    def epochs_in_all(self) -> int:
        """At the most."""
        searched = self.trials * self.epochs
        if self.strategy == "hyperband":
            searched = epochs_in_all(plan_brackets(self.trials, self.epochs))
        seeds = max(self.refits, LEAST_SEEDS)
        # halved with each seed, beside the recipe's own values
        contenders = min(self.finalists, self.trials - 1)
        in_final = sum(math.ceil(contenders / 2**number) for number in range(seeds)) if contenders else 0
        return searched + (seeds + in_final) * self.epochs


@dataclass(frozen=True)
class Profile:
    """`train_pictures` 0 means all of them."""

    train_pictures: int
    efforts: dict[str, Effort]

    def efforts_for(self, pictures: int) -> dict[str, Effort]:
        """Of each approach, with more epochs where there are fewer pictures than the profile was made for."""
        made_for = self.train_pictures or RECIPE_PICTURES
        return {
            name: replace(effort, epochs=epochs_for(effort.epochs, pictures, made_for))
            for name, effort in self.efforts.items()
        }


# Fine-tuning comes before bottleneck: its one pass over the pictures yields the features of both.
PROFILES = {
    "quick": Profile(
        12_000,
        {
            "scratch_cnn": Effort(trials=2, strategy="random", epochs=3),
            "fine_tune": Effort(trials=2, strategy="random", epochs=1),
            "bottleneck": Effort(trials=4, strategy="bayesian", epochs=8, finalists=1),
        },
    ),
    "full": Profile(
        0,
        {
            "scratch_cnn": Effort(trials=12, strategy="hyperband", epochs=11),
            "fine_tune": Effort(trials=6, strategy="bayesian", epochs=2),
            "bottleneck": Effort(trials=20, strategy="bayesian", epochs=8),
        },
    ),
}


def plan(
    efforts: Mapping[str, Effort], costs: Mapping[str, float], pictures: int, *, votes: bool, resumed: bool
) -> str:
    """What will run and about how long, for `pictures` to learn from at `costs` such as approaches have."""
    lines = ["Going on with the interrupted suite:" if resumed else "Plan:"]
    milliseconds = EXTRACTION_COST
    for approach, effort in efforts.items():
        lines.append(
            f"  {approach:12} up to {effort.trials} trials ({effort.strategy}, {effort.epochs} epochs), "
            f"a final of the best, {effort.refits} refits"
        )
        milliseconds += costs[approach] * effort.epochs_in_all()
    minutes = FIXED_MINUTES + milliseconds * pictures / 60_000
    vote = "their vote, " if votes else ""
    lines.append(
        f"  then {vote}the test set, the leaderboard and the gate; about {minutes:.0f} minutes on 2 cores"
    )
    return "\n".join(lines)
