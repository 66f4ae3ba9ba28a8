"""The published three steps: a pretrained base, a head trained on it, then the last blocks trained with it.

Without augmentation the frozen part's output never changes, so it is computed once and cached, and training
runs on that: the same result as end to end, many times faster.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import keras

from garment_ml.approaches.approach import Stage
from garment_ml.approaches.augmentation import Augmentation
from garment_ml.approaches.batches import Augment
from garment_ml.approaches.bottleneck import Bottleneck
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.classifier import Inputs, SymbolicInputs
from garment_ml.approaches.head import HEAD_HYPERPARAMETERS, copy_head, head
from garment_ml.approaches.hyperparameter import Hyperparameter, Values, default_values
from garment_ml.approaches.optimizers import sgd_cosine
from garment_ml.approaches.pretrained_approach import PretrainedApproach, input_name
from garment_ml.approaches.small_maps import use_matrix_products
from garment_ml.base.errors import UserError
from garment_ml.data.pictures import Pictures
from garment_ml.pretrained.backbones import cut_before
from garment_ml.pretrained.base_network import build_base, prefix
from garment_ml.pretrained.taps import Tap, tap_output

HEAD_EPOCHS = 4  # of the head alone, for each epoch of fine-tuning


class FineTune(PretrainedApproach):
    """`unfreeze` blocks are trained; `end_to_end` trains on augmented pictures instead of cached features.

    Without a head that is taken over, one is trained first.
    """

    name: ClassVar[str] = "fine_tune"
    setting_names: ClassVar[tuple[str, ...]] = (
        *PretrainedApproach.setting_names,
        *("unfreeze", "end_to_end", "head_run"),
    )
    cost: ClassVar[float] = 2.4
    recipe_taps: ClassVar[tuple[int, ...]] = (2, -1)
    budget = Budget(2, 2)

    def __init__(
        self,
        *,
        unfreeze: int = 1,
        end_to_end: bool = False,
        head_run: str = "",
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self.head_run, self.given_head = head_run, None
        self.settings |= {"unfreeze": unfreeze, "end_to_end": end_to_end, "head_run": head_run}
        self.cut = Tap(cut_before(self.backbone, unfreeze))
        self.end_to_end = end_to_end
        self.head_approach = Bottleneck(**{**shared, "taps": self.settings["taps"]})
        if not self._trained_taps:
            raise UserError(
                f"nothing to fine-tune: the head's taps ({self.settings['taps']}) all lie before the "
                f"unfrozen part, which begins after {self.cut.layer}; add a later tap (+last) or unfreeze "
                "more blocks"
            )

    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        rate = Hyperparameter("learning_rate", 3e-3, low=3e-4, high=1e-2, log=True)
        batch_size = Hyperparameter("batch_size", 256)
        strength = (Hyperparameter("augmentation", 0.5, low=0.0, high=1.0),) if self.end_to_end else ()
        return (rate, batch_size, *HEAD_HYPERPARAMETERS, *strength)

    def inputs(self, pictures: Pictures) -> Inputs:
        """The head's and the unfrozen blocks', extracted in one pass."""
        if self.end_to_end:
            return {**self.features(pictures, self.taps), "pictures": pictures.images}
        return self.features(pictures, tuple(dict.fromkeys((*self.taps, *self._frozen_inputs))))

    def build(self, values: Values) -> keras.Model:
        base = self.build_base()
        inputs = self.symbolic_inputs(base, self._frozen_inputs)
        logits = head(self._head_features(base, inputs), values, len(self.class_names))
        model = keras.Model(inputs, logits, name="trained")
        if not self.end_to_end:
            return model
        model.name = "after_frozen_part"
        pictures = keras.Input(self.picture_shape, name="pictures")
        logits = model(self.symbolic_features(self._frozen_inputs, pictures))
        return keras.Model(pictures, logits, name="trained")

    def take_over_head(self, servable: keras.Model) -> None:
        layers = {layer.name: layer for layer in servable.get_layer("calibrated").layers}
        if "trained" not in layers:
            raise UserError("head_run has logged an ensemble; give the bottleneck run that is a member of it")
        self.given_head = layers["trained"]

    def stages_before(self, model: keras.Model, values: Values, epochs: int) -> Iterator[Stage]:
        """A trained head first: the noise of a random one would tear the features under it."""
        target = model.get_layer("after_frozen_part") if self.end_to_end else model
        if self.given_head is not None:
            copy_head(self.given_head, target)
            return
        approach = self.head_approach
        shared = {each.name: values[each.name] for each in HEAD_HYPERPARAMETERS}
        values = {**default_values(approach.hyperparameters()), **shared}
        model = approach.build(values)
        yield Stage(approach, model, values, Budget(HEAD_EPOCHS * epochs, HEAD_EPOCHS * epochs))
        copy_head(model, target)

    def optimizer(self, values: Values, steps: int) -> keras.optimizers.Optimizer:
        return sgd_cosine(values["learning_rate"], steps)

    def augmentation(self, values: Values) -> Augment | None:
        return Augmentation.of_strength(values.get("augmentation", 0.0))

    @property
    def frozen_taps(self) -> tuple[Tap, ...]:
        return () if self.end_to_end else self._frozen_inputs

    def inputs_of_pictures(self, pictures: keras.KerasTensor) -> keras.KerasTensor | SymbolicInputs:
        return pictures if self.end_to_end else super().inputs_of_pictures(pictures)

    @cached_property
    def _layers_below_cut(self) -> set[str]:
        base = build_base(self.backbone, self.size, None)
        return {layer.name for layer in prefix(base, self.cut.layer).layers}

    @property
    def _frozen_inputs(self) -> tuple[Tap, ...]:
        """Where the trained part begins, and the head's taps before that."""
        return (self.cut, *(tap for tap in self.taps if tap.layer in self._layers_below_cut))

    @property
    def _trained_taps(self) -> tuple[Tap, ...]:
        return tuple(tap for tap in self.taps if tap.layer not in self._layers_below_cut)

    def _head_features(
        self, base: keras.Model, inputs: dict[str, keras.KerasTensor]
    ) -> list[keras.KerasTensor]:
        """The head's taps in their order: frozen ones are inputs, later ones leave the trained blocks."""
        outputs = [tap_output(base, tap) for tap in self._trained_taps]
        blocks = keras.Model(base.get_layer(self.cut.layer).output, outputs, name="unfrozen_blocks")
        for layer in blocks.layers:  # few pictures would spoil the statistics of batch normalisation
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        use_matrix_products(blocks.layers)
        maps = keras.tree.flatten(blocks(inputs[input_name(self.cut)]))
        trained = dict(zip(self._trained_taps, maps, strict=True))
        return [trained.get(tap, inputs.get(input_name(tap))) for tap in self.taps]
