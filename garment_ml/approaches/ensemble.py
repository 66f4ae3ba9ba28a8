"""The soft vote of trained models of several approaches, as one model that is served like any other."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from garment_ml.approaches.approach import Approach
from garment_ml.approaches.classifier import Classifier, Inputs, SymbolicInputs
from garment_ml.approaches.pretrained_approach import in_one_pass
from garment_ml.approaches.titles import ENSEMBLE
from garment_ml.data.pictures import Pictures


class Ensemble(Classifier):
    """Of approaches with different names; each member's inputs are known by its name before theirs."""

    name: ClassVar[str] = ENSEMBLE

    def __init__(self, members: Sequence[Approach]) -> None:
        self.members = tuple(members)
        self.class_names, self.picture_shape = members[0].class_names, members[0].picture_shape

    def inputs(self, pictures: Pictures) -> Inputs:
        every = ((member.name, member.inputs(pictures)) for member in self.members)
        return {_input_name(name, each): seen[each] for name, seen in every for each in seen}

    def inputs_of_pictures(self, pictures: keras.KerasTensor) -> SymbolicInputs:
        seen: dict[str, keras.KerasTensor] = {}
        shared = in_one_pass(self.members, pictures)
        for member in self.members:
            own = shared.get(member.name) or member.inputs_of_pictures(pictures)
            named = own if isinstance(own, dict) else {"pictures": own}
            seen |= {_input_name(member.name, name): each for name, each in named.items()}
        return seen

    def logit_models(self, servables: Sequence[keras.Model]) -> list[keras.Model]:
        """Of the members' servables, in their order: what the probabilities are made of, from the member's
        own inputs. Named after the members, as two of one backbone have the same names inside.
        """
        models = []
        for member, servable in zip(self.members, servables, strict=True):
            calibrated = servable.get_layer("calibrated")
            logits = calibrated.get_layer("probabilities").input
            models.append(keras.Model(calibrated.input, logits, name=f"{member.name}_logits"))
        return models

    def calibrated(self, logit_models: Sequence[keras.Model], weights: np.ndarray) -> keras.Model:
        """Probabilities: the softmax of the sum of the members' logits, each times its weight."""
        inputs: dict[str, keras.KerasTensor] = {}
        terms = []
        for member, model, weight in zip(self.members, logit_models, weights, strict=True):
            own = {each.name: _renamed(member.name, each) for each in model.inputs}
            inputs |= {each.name: each for each in own.values()}
            logits = model(own if isinstance(model.input, dict) else next(iter(own.values())))
            terms.append(keras.layers.Rescaling(float(weight), name=f"{member.name}_weight")(logits))
        pooled = keras.layers.Add(name="pooled")(terms)
        probabilities = keras.layers.Softmax(name="probabilities")(pooled)
        return keras.Model(inputs, probabilities, name="calibrated")

    def describe(self) -> dict[str, Any]:
        return {"members": [member.described for member in self.members]}


def _renamed(member: str, tensor: keras.KerasTensor) -> keras.KerasTensor:
    return keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=_input_name(member, tensor.name))


def _input_name(member: str, name: str) -> str:
    return f"{member}_{name}"
