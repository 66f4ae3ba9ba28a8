"""One small model of each approach, learned on a dozen pictures when first asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from garment_ml.approaches.approach import Approach, LearningInputs
from garment_ml.approaches.bottleneck import Bottleneck
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.ensemble import Ensemble
from garment_ml.approaches.fine_tune import FineTune
from garment_ml.approaches.hyperparameter import default_values
from garment_ml.approaches.scratch_cnn import ScratchCNN
from garment_ml.approaches.training import Fitted, train
from garment_ml.data.pictures import Pictures
from garment_ml.data.split_dataset import Part

SHAPE, CLASSES = (32, 32, 1), ("dark", "middle", "bright")
TASK = {"class_names": CLASSES, "picture_shape": SHAPE}
PRETRAINED = {
    **TASK,
    **{"backbone": "vgg16", "weights": "none", "picture_size": 32, "taps": "block3_pool+last", "grid": 2},
}
SMALL_HEAD = {"head_width": 8, "dropout": 0.2}
TEMPERATURE = 1.7
WEIGHTS = np.array([0.2, 0.9, 0.5])  # of three members of an ensemble


def make_part(name: str, count: int, seed: int) -> Part:
    """Noise, the brighter the higher the label."""
    labels = np.arange(count) % len(CLASSES)
    noise = np.random.default_rng(seed).integers(0, 120, (count, *SHAPE))
    images = (noise + 60 * labels[:, None, None, None]).astype(np.uint8)
    return Part(name, Pictures.of(images), labels)


TRAIN, VALIDATION = make_part("train", 12, seed=0), make_part("validation", 6, seed=1)


@dataclass(frozen=True)
class Learned:
    """`file` holds the servable, whose probabilities are softened by TEMPERATURE."""

    approach: Approach
    fitted: Fitted
    servable: object
    file: Path


def seen_by(approach: Approach) -> LearningInputs:
    seen = (approach.inputs(part.pictures) for part in (TRAIN, VALIDATION))
    return LearningInputs(next(seen), TRAIN.labels, next(seen), VALIDATION.labels)


def learn(approach: Approach, folder: Path, **values) -> Learned:
    """Three updates with seed 3."""
    values = {**default_values(approach.hyperparameters()), "batch_size": 4, **values}
    fitted = train(approach, values, seen_by(approach), Budget(epochs=1, patience=1), seed=3)
    servable = approach.servable(approach.calibrated(approach.as_served(fitted.model), TEMPERATURE))
    file = folder / f"{approach.name}{'_end_to_end' if getattr(approach, 'end_to_end', False) else ''}.keras"
    servable.save(file)
    return Learned(approach, fitted, servable, file)


def with_head(approach: Approach, given: Learned) -> Approach:
    approach.take_over_head(given.servable)
    return approach


def voting(members: Sequence[Learned], weights: np.ndarray = WEIGHTS) -> tuple[Ensemble, object]:
    """An ensemble and its servable."""
    ensemble = Ensemble([each.approach for each in members])
    logit_models = ensemble.logit_models([each.servable for each in members])
    return ensemble, ensemble.servable(ensemble.calibrated(logit_models, weights))


class Models:
    """The fine-tuned ones begin with the head of the bottleneck."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache = folder, folder / "cache"

    @cached_property
    def scratch(self) -> Learned:
        return learn(ScratchCNN(architecture="fast", **TASK), self.folder, width=4)

    @cached_property
    def bottleneck(self) -> Learned:
        return learn(Bottleneck(**PRETRAINED), self.folder, **SMALL_HEAD)

    @cached_property
    def fine_tuned(self) -> Learned:
        return learn(with_head(FineTune(**PRETRAINED), self.bottleneck), self.folder, **SMALL_HEAD)

    @cached_property
    def end_to_end(self) -> Learned:
        approach = with_head(FineTune(end_to_end=True, **PRETRAINED), self.bottleneck)
        return learn(approach, self.folder, augmentation=0.0, **SMALL_HEAD)


@pytest.fixture(scope="session")
def all_models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def models(all_models: Models, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """With the cache in which their features are."""
    monkeypatch.setenv("GARMENT_ML_CACHE", str(all_models.cache))
    return all_models
