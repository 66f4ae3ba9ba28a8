"""What a candidate must fulfil, as settings of the entry points that promote."""

from dataclasses import dataclass, fields

from garment_ml.base.config import Config, option
from garment_ml.base.errors import UserError

REGISTERED_MODEL = "garment-classifier"
# A reloaded model runs the same float32 operations, at most in another order.
SAME_PROBABILITIES = 1e-5
# Test was scored on features cached as float16: that changes probabilities by less than 0.001, other weights
# change them by more.
SAME_AS_SCORED = 0.01


@dataclass(frozen=True)
class Thresholds(Config):
    """Which registered model is meant, its budgets and floors.

    The defaults suit a classifier of about ten classes behind one small server.
    """

    name: str = option(REGISTERED_MODEL, "registered model that the candidate is to be a version of")
    margin: float = option(
        0.01,
        "accuracy the candidate may lose to the champion: the 95 % interval of the difference must lie above "
        "-margin; a small test set has wide intervals and needs a larger one",
        minimum=0.0,
        maximum=1.0,
    )
    lowest_recall: float = option(
        0.5, "share of each class's test pictures that must be found", minimum=0.0, maximum=1.0
    )
    highest_calibration_error: float = option(
        0.05, "expected calibration error on test (15 bins) at the most", minimum=0.0, maximum=1.0
    )
    largest_size: float = option(250.0, "size of the logged model at the most, in MB", minimum=0.0)
    longest_latency: float = option(
        200.0, "median time for a request with one picture, in milliseconds, at the most", minimum=0.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = [each for each in "/:@" if each in self.name]
        if wrong or ("'" in self.name and '"' in self.name):
            found = f"has {wrong[0]!r} in it" if wrong else "has both kinds of quotes in it"
            raise UserError(f"name {self.name!r} {found}; MLflow can't look up such a registered model")


BOUNDS = [each.name for each in fields(Thresholds) if each.name != "name"]
LOOSER = f"train on more pictures, or give other bounds: --{', --'.join(BOUNDS).replace('_', '-')}"
