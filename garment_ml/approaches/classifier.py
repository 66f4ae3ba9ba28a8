"""What it takes to score a servable from cached inputs; an approach can train besides."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import keras

from garment_ml.approaches.titles import title_of
from garment_ml.data.pictures import Pictures

# Arrays, or the StoredRows that look like them, by the names of the models' inputs: a row per picture.
Inputs = Mapping[str, Any]
SymbolicInputs = Mapping[str, keras.KerasTensor]


class Classifier(ABC):
    """Its servable's nested model "calibrated" goes from some of `inputs` to probabilities."""

    name: ClassVar[str]
    class_names: tuple[str, ...]
    picture_shape: tuple[int, int, int]  # height, width, channels

    @abstractmethod
    def inputs(self, pictures: Pictures) -> Inputs:
        """All that its models see of the pictures: themselves, or cached features of them."""

    @abstractmethod
    def inputs_of_pictures(self, pictures: keras.KerasTensor) -> keras.KerasTensor | SymbolicInputs:
        """What "calibrated" sees of a symbolic batch of uint8 pictures."""

    def servable(self, calibrated: keras.Model) -> keras.Model:
        """Raw uint8 pictures `(n, *picture_shape)` in, probabilities `(n, classes)` out."""
        pictures = keras.Input(self.picture_shape, dtype="uint8", name="pictures")
        return keras.Model(pictures, calibrated(self.inputs_of_pictures(pictures)), name=self.name)

    @property
    def title(self) -> str:
        """In a few words, for people."""
        return title_of(self.described)

    @property
    def described(self) -> dict[str, Any]:
        """Name, then settings: as a run's record has them."""
        return {"name": self.name, **self.describe()}

    def describe(self) -> Mapping[str, Any]:
        """Settings that are not hyperparameters, for the record and for the keys of resumable work."""
        return {}
