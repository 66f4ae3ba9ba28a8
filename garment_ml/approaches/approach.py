"""What every way to learn provides; a new approach is one subclass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import keras
import numpy as np

from garment_ml.approaches.batches import Augment
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.classifier import Classifier, Inputs
from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.base.errors import UserError


@dataclass(frozen=True)
class LearningInputs:
    """What one approach's models see of train and validation, made once and shared by every training."""

    train: Inputs
    train_labels: np.ndarray
    validation: Inputs
    validation_labels: np.ndarray
    class_weights: Mapping[int, float] | None = None  # of each label in the training loss


@dataclass(frozen=True)
class Stage:
    """One fit on the way to the trained model: of `model`, as `approach` fits it with `values`."""

    approach: Approach
    model: keras.Model
    values: Values
    budget: Budget


class Approach(Classifier):
    """Says what can be searched, builds a model from it, and turns a trained one into a servable."""

    budget: Budget  # of the recipe, for budget.RECIPE_PICTURES
    setting_names: ClassVar[tuple[str, ...]] = ()  # of an entry point's settings, those that it takes
    cost: ClassVar[float] = 1.0  # milliseconds of training per picture and epoch on 2 cores, for estimates
    head_run: str = ""  # the run whose head is to be taken over, if any

    @abstractmethod
    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """All of them, with the recipe's defaults; learning_rate and batch_size are among them."""

    @abstractmethod
    def build(self, values: Values) -> keras.Model:
        """An uncompiled model named "trained", from some of `inputs` to one logit per class."""

    @abstractmethod
    def optimizer(self, values: Values, steps: int) -> keras.optimizers.Optimizer:
        """For a training of `steps` updates in all."""

    def augmentation(self, values: Values) -> Augment | None:
        """Applied to the training inputs, batch by batch."""
        return None

    def loss(self) -> keras.losses.Loss:
        """Of logits and whole numbers as labels."""
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def adapt(self, model: keras.Model, inputs: Inputs) -> None:
        """Set the frozen weights that the training inputs decide, before the first update."""

    def stages_before(self, model: keras.Model, values: Values, epochs: int) -> Iterator[Stage]:
        """What is fitted before the first of `model`'s own `epochs`, one after the other.

        After each yield the stage's model has been trained, so a generator can hand its weights on.
        """
        yield from ()

    def take_over_head(self, servable: keras.Model) -> None:
        """Begin with the head of this model, which run `head_run` has logged."""
        raise UserError(f"{self.name} takes no head over; head_run is for fine_tune")

    def as_served(self, model: keras.Model) -> keras.Model:
        """The trained model, still with logits, as it answers in the end: most do it as they were trained."""
        return model

    def calibrated(self, model: keras.Model, temperature: float = 1.0) -> keras.Model:
        """What `as_served` gave, with probabilities instead of logits, these divided by `temperature` before.

        Temperature scaling (Guo et al. 2017) changes no label.
        """
        logits = keras.layers.Rescaling(1 / temperature, name="temperature")(model(model.input))
        probabilities = keras.layers.Softmax(name="probabilities")(logits)
        return keras.Model(model.input, probabilities, name="calibrated")
