"""A convolutional network trained from random weights on the pictures alone."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras

from garment_ml.approaches import fast_layers
from garment_ml.approaches.approach import Approach
from garment_ml.approaches.architecture_layers import baseline, dropout
from garment_ml.approaches.architectures import find_architecture
from garment_ml.approaches.augmentation import Augmentation
from garment_ml.approaches.batches import Augment
from garment_ml.approaches.classifier import Inputs
from garment_ml.approaches.hyperparameter import Hyperparameter, Values
from garment_ml.approaches.losses import SmoothedCrossentropy
from garment_ml.approaches.optimizers import adam, linear_cycle_sgd, sgd
from garment_ml.data.pictures import Pictures

LAYERS = {each.__name__: each for each in (baseline, dropout, fast_layers.fast)}


class ScratchCNN(Approach):
    name: ClassVar[str] = "scratch_cnn"
    setting_names: ClassVar[tuple[str, ...]] = ("architecture", "mirror")

    def __init__(
        self,
        *,
        architecture: str,
        class_names: Sequence[str],
        picture_shape: tuple[int, int, int],
        mirror: str = "",
    ) -> None:
        """`mirror`: one of architectures.MIRROR; empty: as the architecture has it."""
        self.architecture_name, self.architecture = architecture, find_architecture(architecture)
        self.mirror = mirror or self.architecture.mirror
        self.class_names, self.picture_shape = tuple(class_names), picture_shape
        self.budget = self.architecture.budget

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
        return adam(rate) if self.architecture.optimizer == "adam" else sgd(rate)

    def loss(self) -> keras.losses.Loss:
        smoothing = self.architecture.smoothing
        return SmoothedCrossentropy(smoothing) if smoothing else super().loss()

    def augmentation(self, values: Values) -> Augment | None:
        shift, flips = self.architecture.shift, self.mirror != "never"
        return Augmentation(shift, flips=flips) if shift or flips else None

    def as_served(self, model: keras.Model) -> keras.Model:
        if self.architecture.is_folded:
            plain = self._build(fast_layers.folded, {"width": fast_layers.width(model), "dropout": 0.0})
            fast_layers.fold(model, plain)
            model = plain
        return _looks_twice(model) if self.mirror == "always" else model

    def inputs_of_pictures(self, pictures: keras.KerasTensor) -> keras.KerasTensor:
        return pictures

    def describe(self) -> dict[str, Any]:
        return {"architecture": self.architecture_name, "mirror": self.mirror}


def _looks_twice(model: keras.Model) -> keras.Model:
    """The mean of the logits for a picture and for its mirror image."""
    pictures = keras.Input(model.input_shape[1:], name="pictures")
    both = [model(pictures), model(keras.ops.flip(pictures, axis=2))]
    return keras.Model(pictures, keras.layers.Average(name="both_looks")(both), name=model.name)
