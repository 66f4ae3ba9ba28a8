"""A small head on the features of a frozen pretrained network ("bottleneck features")."""

from typing import ClassVar

import keras

from garment_ml.approaches.budget import Budget
from garment_ml.approaches.classifier import Inputs
from garment_ml.approaches.head import HEAD_HYPERPARAMETERS, head
from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.approaches.optimizers import adamw_cosine
from garment_ml.approaches.pretrained_approach import PretrainedApproach
from garment_ml.data.pictures import Pictures


class Bottleneck(PretrainedApproach):
    name: ClassVar[str] = "bottleneck"
    cost: ClassVar[float] = 0.1
    # The middle of a network trained on photographs knows most of small garments (README, "The approaches").
    recipe_taps: ClassVar[tuple[int, ...]] = (2,)
    budget = Budget(8, 8)  # the learning rate falls to the end: stopping early would cut that short

    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        return (
            Hyperparameter("learning_rate", 1e-3, low=3e-4, high=5e-3, log=True),
            Hyperparameter("weight_decay", 1e-2, low=1e-4, high=3e-2, log=True),
            Hyperparameter("batch_size", 256),
            *HEAD_HYPERPARAMETERS,
        )

    def inputs(self, pictures: Pictures) -> Inputs:
        return self.features(pictures, self.taps)

    def build(self, values: Values) -> keras.Model:
        inputs = self.symbolic_inputs(self.build_base(), self.taps)
        return keras.Model(inputs, head(list(inputs.values()), values, len(self.class_names)), name="trained")

    def optimizer(self, values: Values, steps: int) -> keras.optimizers.Optimizer:
        return adamw_cosine(values["learning_rate"], steps, values["weight_decay"])
