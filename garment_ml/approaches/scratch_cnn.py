"""A convolutional network trained from random weights on the pictures alone."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from garment_ml.approaches import architecture_layers
from garment_ml.approaches.approach import Approach, Inputs
from garment_ml.approaches.architectures import find_architecture
from garment_ml.approaches.augmentation import shifts_flips_cutout
from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.approaches.optimizers import adam, one_cycle_sgd, sgd
from garment_ml.data.pictures import Pictures


class ScratchCNN(Approach):
    name: ClassVar[str] = "scratch_cnn"
    setting_names: ClassVar[tuple[str, ...]] = ("architecture",)

    def __init__(
        self, *, architecture: str, class_names: Sequence[str], picture_shape: tuple[int, int, int]
    ) -> None:
        self.architecture_name, self.architecture = architecture, find_architecture(architecture)
        self.class_names, self.picture_shape = tuple(class_names), picture_shape
        self.epochs, self.patience = self.architecture.epochs, self.architecture.patience

    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        return self.architecture.hyperparameters

    def inputs(self, pictures: Pictures) -> Inputs:
        return {"pictures": pictures.images}

    def build(self, values: Values) -> keras.Model:
        pictures = keras.Input(self.picture_shape, name="pictures")
        x = keras.layers.Rescaling(1 / 255)(pictures)
        x = getattr(architecture_layers, self.architecture.layers)(x, values)
        return keras.Model(
            pictures, keras.layers.Dense(len(self.class_names), name="logits")(x), name="trained"
        )

    def optimizer(self, values: Values, steps: int) -> keras.optimizers.Optimizer:
        rate = values["learning_rate"]
        if self.architecture.optimizer == "one_cycle":
            return one_cycle_sgd(rate, steps, values["weight_decay"])
        return adam(rate) if self.architecture.optimizer == "adam" else sgd(rate)

    def augmentation(self, values: Values) -> keras.Layer | None:
        strength = values.get("augmentation", 0.0)
        return shifts_flips_cutout(strength) if strength else None

    def inputs_of_pictures(self, pictures: keras.KerasTensor) -> keras.KerasTensor:
        return pictures

    def describe(self) -> dict[str, Any]:
        return {"architecture": self.architecture_name}
