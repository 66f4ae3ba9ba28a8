"""How long a training may take."""

from dataclasses import dataclass
from typing import Self

RECIPE_PICTURES = 54_000  # to learn from, for which the recipes' epochs are: Fashion-MNIST's


def epochs_for(epochs: int, pictures: int, instead_of: int = RECIPE_PICTURES) -> int:
    """The same effort where there are fewer training pictures: epochs grow with 1 / sqrt(pictures).

    With the same epochs a tenth of the pictures would get a tenth of the updates, which is too little
    training; with the same updates it would be seen ten times as often, and overfit.
    """
    return round(epochs * max(1.0, (instead_of / pictures) ** 0.5))


@dataclass(frozen=True)
class Budget:
    """Epochs at the most, and epochs without a better validation accuracy before it stops."""

    epochs: int
    patience: int

    def for_pictures(self, pictures: int) -> Self:
        """Of a recipe, for that many training pictures."""
        return type(self)(epochs_for(self.epochs, pictures), epochs_for(self.patience, pictures))

    def with_given(self, epochs: int | None, patience: int | None, pictures: int) -> Self:
        """Of a recipe, with what is given instead; beside given epochs its patience doesn't grow."""
        own = self if epochs else self.for_pictures(pictures)
        return type(self)(epochs or own.epochs, patience or own.patience)
