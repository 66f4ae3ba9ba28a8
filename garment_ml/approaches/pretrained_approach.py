"""What bottleneck and fine-tuning share: a frozen backbone whose features are extracted once and cached."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import keras

from garment_ml.approaches.approach import Approach
from garment_ml.approaches.classifier import Classifier, SymbolicInputs
from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import UserError
from garment_ml.base.row_cache import RowCache
from garment_ml.base.row_store import StoredRows
from garment_ml.data.pictures import Pictures
from garment_ml.pretrained.backbones import Backbone, check_picture_size, find_backbone
from garment_ml.pretrained.base_network import build_base
from garment_ml.pretrained.feature_extraction import extract
from garment_ml.pretrained.taps import Tap, tap_model, tap_output
from garment_ml.pretrained.weights import FoundWeights, find_weights

DIGEST = 12  # characters that a record keeps
# Smaller pictures are enlarged: at 48 instead of 32 pixels the head on VGG16's third block is 0.014 better on
# Fashion-MNIST (validation, 54,000 pictures to learn from), at 64, for twice the work, no more than that.
SMALLEST_SIDE = 48


class PretrainedApproach(Approach):
    """An approach whose model sees the features of a frozen network instead of pictures.

    `picture_size` 0 means the pictures' own, enlarged to SMALLEST_SIDE, or to the backbone's smallest, where
    they are below it; empty `taps` mean those of the recipe. With a `weights_digest`, as a run's record has
    it, other weights under the same name are a UserError.
    """

    setting_names: ClassVar[tuple[str, ...]] = (
        "backbone",
        "weights",
        "weights_digest",
        "picture_size",
        "taps",
        "grid",
    )
    recipe_taps: ClassVar[tuple[int, ...]]  # positions among the backbone's taps, from shallow to deep

    def __init__(
        self,
        *,
        class_names: Sequence[str],
        picture_shape: tuple[int, int, int],
        backbone: str = "vgg16",
        weights: str = "imagenet",
        weights_digest: str = "",
        picture_size: int = 0,
        taps: str = "",
        grid: int = 6,
    ) -> None:
        self.class_names, self.picture_shape = tuple(class_names), picture_shape
        self.backbone: Backbone = find_backbone(backbone)
        side = picture_size or max(self.backbone.smallest_side, SMALLEST_SIDE, *self.picture_shape[:2])
        check_picture_size(self.backbone, (side, side))
        self.size, self.weights, self.weights_digest = (side, side), weights, weights_digest
        recipe = "+".join(self.backbone.taps[index] for index in self.recipe_taps)
        self.taps = parse_taps(self.backbone, taps or recipe, grid)
        self.settings = {
            "backbone": backbone,
            "weights": weights,
            "picture_size": side,
            "taps": "+".join(tap.layer for tap in self.taps),
            "grid": grid,
        }

    @cached_property
    def found_weights(self) -> FoundWeights:
        found = find_weights(self.backbone, self.weights)
        if not found.digest.startswith(self.weights_digest):
            raise UserError(
                f"weights {self.weights!r} have the digest {found.digest[:DIGEST]} here, not "
                f"{self.weights_digest} as those that this model was trained on"
            )
        return found

    def describe(self) -> dict[str, Any]:
        # By content, as a name or a path can come to stand for others.
        return {**self.settings, "weights_digest": self.found_weights.digest[:DIGEST]}

    def features(self, pictures: Pictures, taps: Sequence[Tap]) -> dict[str, StoredRows]:
        """Cached features `(n, height, width, channels)` by `input_name`."""
        cache = RowCache(cache_directory("features"))
        images, digests, fit = pictures.images, pictures.digests, pictures.fit
        features = extract(
            self.backbone, self.found_weights, self.size, taps, images, digests, cache, fit=fit
        )
        return {input_name(tap): features[tap] for tap in taps}

    @property
    def frozen_taps(self) -> tuple[Tap, ...]:
        """What its models see of the frozen network."""
        return self.taps

    def inputs_of_pictures(self, pictures: keras.KerasTensor) -> keras.KerasTensor | SymbolicInputs:
        return self.symbolic_features(self.frozen_taps, pictures)

    def build_base(self) -> keras.Model:
        return build_base(self.backbone, self.size, self.found_weights.path)

    def symbolic_features(self, taps: Sequence[Tap], pictures: keras.KerasTensor) -> SymbolicInputs:
        """The frozen layers that `features` runs, connected to a symbolic batch of uint8 pictures."""
        model = tap_model(self.backbone, self.build_base(), taps, self.picture_shape)
        model.trainable = False
        outputs = keras.tree.flatten(model(pictures))  # Keras gives a single output without its list
        return {input_name(tap): output for tap, output in zip(taps, outputs, strict=True)}

    def symbolic_inputs(self, base: keras.Model, taps: Sequence[Tap]) -> dict[str, keras.KerasTensor]:
        """Inputs of a model that is trained on `features`."""
        shapes = {input_name(tap): tap_output(base, tap).shape[1:] for tap in taps}
        return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def in_one_pass(members: Iterable[Classifier], pictures: keras.KerasTensor) -> dict[str, SymbolicInputs]:
    """By member's name: those that see the same frozen network run it once, to the taps of them all."""
    groups: dict[tuple[Any, ...], list[PretrainedApproach]] = defaultdict(list)
    for member in members:
        if isinstance(member, PretrainedApproach) and member.frozen_taps:
            same = member.backbone.name, member.found_weights.digest, member.size, member.settings["grid"]
            groups[same].append(member)
    seen: dict[str, SymbolicInputs] = {}
    for group in groups.values():
        taps = dict.fromkeys(tap for member in group for tap in member.frozen_taps)
        every = group[0].symbolic_features(tuple(taps), pictures)
        for member in group:
            seen[member.name] = {name: every[name] for name in map(input_name, member.frozen_taps)}
    return seen


def input_name(tap: Tap) -> str:
    return tap.layer if tap.grid else f"{tap.layer}_whole"


def parse_taps(backbone: Backbone, text: str, grid: int) -> tuple[Tap, ...]:
    """Layers joined by "+"; "last" is the last map, the published form. UserError for an unknown one."""
    names = [backbone.taps[-1] if name == "last" else name for name in text.split("+")]
    for name in names:
        if name not in backbone.taps:
            choices = ", ".join((*backbone.taps, "last"))
            raise UserError(f"taps: {backbone.name} has no tap {name!r}; choose from: {choices}, joined by +")
    return tuple(Tap(name, grid) for name in dict.fromkeys(names))
