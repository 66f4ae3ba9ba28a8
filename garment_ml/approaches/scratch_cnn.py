"""A convolutional network trained from random weights on the pictures alone."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras

from garment_ml.approaches import fast_layers
from garment_ml.approaches.approach import Approach
from garment_ml.approaches.architecture_layers import baseline, dropout, residual
from garment_ml.approaches.architectures import find_architecture
from garment_ml.approaches.augmentation import Augmentation
from garment_ml.approaches.batches import Augment
from garment_ml.approaches.classifier import Inputs
from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.approaches.losses import SmoothedCrossentropy
from garment_ml.approaches.optimizers import adam, linear_cycle_sgd, one_cycle_sgd, sgd
from garment_ml.data.pictures import Pictures

LAYERS = {each.__name__: each for each in (baseline, dropout, fast_layers.fast, residual)}


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
        return self._build(LAYERS[self.architecture.layers], values)

    def _build(self, to_features: Callable[..., keras.KerasTensor], values: Values) -> keras.Model:
        pictures = keras.Input(self.picture_shape, name="pictures")
        x = to_features(keras.layers.Rescaling(1 / 255)(pictures), values)
        return keras.Model(
            pictures, keras.layers.Dense(len(self.class_names), name="logits")(x), name="trained"
        )

    def adapt(self, model: keras.Model, inputs: Inputs) -> None:
        if self.architecture.is_folded:
            fast_layers.whiten(model, inputs["pictures"])

    def optimizer(self, values: Values, steps: int) -> keras.optimizers.Optimizer:
        rate = values["learning_rate"]
        if self.architecture.optimizer == "linear_cycle":
            return linear_cycle_sgd(rate, steps, values["weight_decay"])
        if self.architecture.optimizer == "one_cycle":
            return one_cycle_sgd(rate, steps, values["weight_decay"])
        return adam(rate) if self.architecture.optimizer == "adam" else sgd(rate)

    def loss(self) -> keras.losses.Loss:
        smoothing = self.architecture.smoothing
        return SmoothedCrossentropy(smoothing) if smoothing else super().loss()

    def augmentation(self, values: Values) -> Augment | None:
        if self.architecture.shift:
            return Augmentation(self.architecture.shift)
        return Augmentation.of_strength(values.get("augmentation", 0.0))

    def calibrated(self, model: keras.Model, temperature: float = 1.0) -> keras.Model:
        if self.architecture.is_folded:
            plain = self._build(fast_layers.folded, {"width": fast_layers.width(model), "dropout": 0.0})
            fast_layers.fold(model, plain)
            model = plain
        return super().calibrated(model, temperature)

    def inputs_of_pictures(self, pictures: keras.KerasTensor) -> keras.KerasTensor:
        return pictures

    def describe(self) -> dict[str, Any]:
        return {"architecture": self.architecture_name}
