"""The selectable scratch CNNs: two published recipes as they were published, and one of our own."""

from dataclasses import dataclass
from typing import Literal

from garment_ml.approaches.budget import Budget
from garment_ml.approaches.hyperparameter import Hyperparameter
from garment_ml.base.choose import choose

# When the mirror image is looked at: "always" is in training and when served.
MIRROR = ("never", "training", "always")


@dataclass(frozen=True)
class Architecture:
    """Layers between scaled pictures (0 to 1) and the last dense layer, with the recipe to train them.

    `layers` names a function of architecture_layers.py or fast_layers.py, so that menus need no keras.
    """

    layers: str
    optimizer: Literal["sgd", "adam", "linear_cycle"]
    budget: Budget
    hyperparameters: tuple[Hyperparameter, ...]
    smoothing: float = 0.0  # of the labels
    shift: int = 0  # pixels of a 28-pixel side, by which training pictures are moved at the most
    mirror: str = "never"  # of MIRROR
    is_folded: bool = False  # for serving: the layers of fast_layers.py


def _recipe(learning_rate: float, dropout: float, batch_size: int, width: int) -> tuple[Hyperparameter, ...]:
    return (
        Hyperparameter(
            "learning_rate", learning_rate, low=learning_rate / 10, high=learning_rate * 5, log=True
        ),
        Hyperparameter("dropout", dropout, low=0.0, high=0.6),
        Hyperparameter("batch_size", batch_size),
        Hyperparameter("width", width),
    )


ARCHITECTURES = {
    "fast": Architecture(
        "fast",
        "linear_cycle",
        Budget(11, 11),
        hyperparameters=(
            Hyperparameter("learning_rate", 0.375, low=0.1, high=1.0, log=True),
            Hyperparameter("dropout", 0.0, low=0.0, high=0.3),
            Hyperparameter("weight_decay", 5e-3, low=5e-4, high=1e-2, log=True),
            Hyperparameter("batch_size", 256),
            Hyperparameter("width", 32),
        ),
        smoothing=0.1,
        shift=1,
        mirror="always",
        is_folded=True,
    ),
    "dropout": Architecture("dropout", "adam", Budget(40, 8), _recipe(0.001, 0.3, batch_size=128, width=32)),
    "baseline": Architecture("baseline", "sgd", Budget(10, 4), _recipe(0.01, 0.0, batch_size=32, width=32)),
}


def find_architecture(name: str) -> Architecture:
    return choose(ARCHITECTURES, "architecture", name)
