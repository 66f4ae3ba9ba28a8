"""The approaches by name, made from settings as an entry point or a run's record has them."""

from collections.abc import Mapping
from typing import Any

from garment_ml.approaches.approach import Approach
from garment_ml.approaches.bottleneck import Bottleneck
from garment_ml.approaches.ensemble import Ensemble
from garment_ml.approaches.fine_tune import FineTune
from garment_ml.approaches.scratch_cnn import ScratchCNN
from garment_ml.approaches.titles import ENSEMBLE, Described
from garment_ml.base.choose import choose
from garment_ml.data.split_dataset import SplitDataset

APPROACHES: dict[str, type[Approach]] = {each.name: each for each in (ScratchCNN, Bottleneck, FineTune)}


def make_approach(name: str, settings: Mapping[str, Any], data: SplitDataset) -> Approach:
    """Of `settings`, which may hold more, those that the approach takes."""
    kind: Any = choose(APPROACHES, "approach", name)  # each has keywords of its own
    own = {each: settings[each] for each in kind.setting_names if each in settings}
    return kind(**own, class_names=data.class_names, picture_shape=data.picture_shape)


def recorded_classifier(described: Described, data: SplitDataset) -> Approach | Ensemble:
    """Of name and settings as a run records them; an ensemble doesn't train and is no approach."""
    if described["name"] == ENSEMBLE:
        return Ensemble([make_approach(each["name"], each, data) for each in described["members"]])
    return make_approach(described["name"], described, data)
