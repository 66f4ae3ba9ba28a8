"""What every way to learn provides; a new approach is one subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np

from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.data.parts import Part

Inputs = Any  # one array, or a dict of arrays, with as many rows as pictures


@dataclass(frozen=True)
class LearningInputs:
    """What one approach's models see of train and validation, made once and shared by every training."""

    train: Inputs
    train_labels: np.ndarray
    validation: Inputs
    validation_labels: np.ndarray


@dataclass(frozen=True)
class Budget:
    """How long one training may take: epochs at the most, and epochs without a better validation accuracy."""

    epochs: int
    patience: int


class Approach(ABC):
    """Says what can be searched, builds a model from it, and turns a trained one into a servable."""

    name: ClassVar[str]
    class_names: tuple[str, ...]
    picture_shape: tuple[int, int, int]  # height, width, channels
    epochs: int  # the recipe's budget
    patience: int

    @abstractmethod
    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """All of them, with the recipe's defaults."""

    @abstractmethod
    def inputs(self, part: Part) -> Inputs:
        """What the trained model sees for these pictures: the pictures, or cached features of them."""

    @abstractmethod
    def build(self, values: Values) -> keras.Model:
        """An uncompiled model named "trained", from `inputs` to one logit per class."""

    @abstractmethod
    def optimizer(self, values: Values, steps: int) -> keras.optimizers.Optimizer:
        """For a training of `steps` updates in all."""

    def augmentation(self, values: Values) -> keras.Layer | None:
        """Applied to the training inputs, batch by batch."""
        return None

    def warm_up(
        self, model: keras.Model, values: Values, inputs: LearningInputs, *, epochs: int, seed: int
    ) -> None:
        """Called once before the first of `epochs`, for what must be trained or loaded before the rest."""
        return None

    def servable(self, model: keras.Model, temperature: float = 1.0) -> keras.Model:
        """Raw uint8 pictures `(n, *picture_shape)` in, probabilities `(n, classes)` out.

        Logits are divided by `temperature` (Guo et al. 2017), which changes no label.
        """
        pictures = keras.Input(self.picture_shape, dtype="uint8", name="pictures")
        logits = self.logits_of_pictures(model, pictures)
        if temperature != 1.0:
            logits = keras.layers.Rescaling(1 / temperature, name="temperature")(logits)
        return keras.Model(pictures, keras.layers.Softmax(name="probabilities")(logits), name=self.name)

    @abstractmethod
    def logits_of_pictures(self, model: keras.Model, pictures: keras.KerasTensor) -> keras.KerasTensor:
        """Connect a symbolic batch of uint8 pictures to the trained model's logits."""

    def describe(self) -> Mapping[str, Any]:
        """Settings that are not hyperparameters, for the record and for the keys of resumable work."""
        return {}
