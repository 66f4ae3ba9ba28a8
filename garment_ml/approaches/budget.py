"""How long a training may take."""

from dataclasses import dataclass
from typing import Self

RECIPE_PICTURES = 54_000  # to learn from, for which the recipes' epochs are: Fashion-MNIST's


@dataclass(frozen=True)
class Budget:
    """Epochs at the most, and epochs without a better validation accuracy before it stops."""

    epochs: int
    patience: int

    def for_pictures(self, pictures: int, instead_of: int = RECIPE_PICTURES) -> Self:
        """The same effort where there are fewer training pictures: epochs grow with 1 / sqrt(pictures).

        With the same epochs a tenth of the pictures would get a tenth of the updates, which is too little
        training; with the same updates it would be seen ten times as often, and overfit.
        """
        factor = max(1.0, (instead_of / pictures) ** 0.5)
        return type(self)(round(self.epochs * factor), round(self.patience * factor))
