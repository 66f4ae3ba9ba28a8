"""The selectable scratch CNNs: two published recipes as they were published, and two of our own."""

from dataclasses import dataclass
from typing import Literal

from garment_ml.approaches.hyperparameter import Hyperparameter
from garment_ml.base.choose import choose


@dataclass(frozen=True)
class Architecture:
    """Layers between scaled pictures (0 to 1) and the last dense layer, with the recipe to train them.

    `layers` names a function of architecture_layers.py or fast_layers.py, so that menus need no keras.
    """

    layers: str
    optimizer: Literal["sgd", "adam", "one_cycle", "linear_cycle"]
    epochs: int
    patience: int
    hyperparameters: tuple[Hyperparameter, ...]
    smoothing: float = 0.0  # of the labels
    shift: int = 0  # pixels of a 28-pixel side, by which training pictures are moved at the most
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
        epochs=11,
        patience=11,
        hyperparameters=(
            Hyperparameter("learning_rate", 0.375, low=0.1, high=1.0, log=True),
            Hyperparameter("dropout", 0.0, low=0.0, high=0.3),
            Hyperparameter("weight_decay", 2.5e-3, low=5e-4, high=1e-2, log=True),
            Hyperparameter("batch_size", 256),
            Hyperparameter("width", 32),
        ),
        smoothing=0.1,
        shift=1,
        is_folded=True,
    ),
    "residual": Architecture(
        "residual",
        "one_cycle",
        epochs=15,
        patience=15,
        hyperparameters=(
            *_recipe(learning_rate=0.2, dropout=0.1, batch_size=128, width=24),
            Hyperparameter("weight_decay", 5e-4, low=5e-5, high=2e-3, log=True),
            Hyperparameter("augmentation", 1.0, choices=(0.5, 1.0)),
        ),
    ),
    "dropout": Architecture(
        "dropout",
        "adam",
        epochs=40,
        patience=8,
        hyperparameters=_recipe(0.001, 0.3, batch_size=128, width=32),
    ),
    "baseline": Architecture(
        "baseline", "sgd", epochs=10, patience=4, hyperparameters=_recipe(0.01, 0.0, batch_size=32, width=32)
    ),
}


def find_architecture(name: str) -> Architecture:
    return choose(ARCHITECTURES, "architecture", name)
