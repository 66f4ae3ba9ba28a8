"""Refits of hand-set models on toy pictures whose true class probabilities are known, so that each candidate
is good, or bad in one way."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from garment_ml.data.dataset import Dataset
from garment_ml.data.pictures import Pictures
from garment_ml.data.split_dataset import SplitDataset, split_dataset
from garment_ml.evaluation.metrics import evaluate
from garment_ml.tracking.facts import log_facts
from garment_ml.tracking.models import log_servable
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.refit_record import Refit, refit_tags
from garment_ml.tracking.run import TrackedRun
from garment_ml.tracking.store import Store

CLASSES = ("top", "middle", "bottom")
EXPERIMENT = "toys"
# Row of the picture that speaks for each class; brightness 128 + 20 z is worth SHARPNESS * z in the logit.
ROWS, SHARPNESS = (1, 4, 7), 4.0


def toy_dataset(pictures: int = 6000, seed: int = 0) -> Dataset:
    """8x8 grey; labels are drawn from softmax(SHARPNESS * z), and one in 50 is an unmistakable "bottom"."""
    random = np.random.default_rng(seed)
    z = random.normal(0, 1, (pictures, 3))
    z[:, 2] = np.where(random.random(pictures) < 0.02, 5.5, -5.5)
    images = random.integers(0, 255, (pictures, 8, 8, 1))
    brightness = np.clip(np.round(128 + 20 * z), 0, 255).astype(int)
    for row, values in zip(ROWS, brightness.T, strict=True):
        images[:, row] = values[:, None, None]
    logits = SHARPNESS * (brightness - 128) / 20
    gumbel = random.gumbel(size=logits.shape)  # argmax of logits + Gumbel noise is a draw from their softmax
    labels = (logits + gumbel).argmax(axis=1)
    published = np.arange(pictures) >= pictures * 4 // 5
    return Dataset(
        "toys", Pictures.of(images.astype(np.uint8)), labels, CLASSES, "made by the tests", published
    )


@dataclass(frozen=True)
class Toy:
    """How a hand-set model differs from the true one."""

    name: str
    temperature: float = 1.0
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    noise: float = 0.0  # weight of a row that says nothing
    seed: int = 1
    metrics: dict = field(default_factory=dict)


def true_model(toy: Toy):
    """Trained model `trained` of the scratch approach's form: pictures in, logits out."""
    import keras

    weights = np.zeros((8, 8, 3), np.float32)
    for index, row in enumerate(ROWS):
        weights[row, :, index] = 1 / 8
    weights[2, :, 0] = toy.noise
    bias = np.float32(toy.bias) - np.float32(128) * weights.sum(axis=(0, 1)) * SHARPNESS / 20
    pictures = keras.Input((8, 8, 1), name="pictures")
    x = keras.layers.Rescaling(SHARPNESS / 20)(pictures)
    logits = keras.layers.Dense(3, name="logits")
    y = logits(keras.layers.Flatten()(x))
    logits.set_weights([weights.reshape(64, 3), bias])
    return keras.Model(pictures, y, name="trained")


@dataclass(frozen=True)
class World:
    """A data set, its split, and the registry of the test."""

    data: SplitDataset

    @classmethod
    def make(cls, **settings) -> "World":
        return cls(split_dataset(toy_dataset(**settings)))

    def refit(self, toy: Toy) -> Refit:
        """Logged as garment_ml.studies.refit logs a training."""
        from garment_ml.approaches.catalogue import make_approach

        approach = make_approach("scratch_cnn", {"architecture": "baseline"}, self.data)
        servable = approach.servable(approach.calibrated(true_model(toy), toy.temperature))
        recipe = {"hyperparameters": {"toy": toy.name}, "epochs": 1, "patience": 1, "calibrate": False}
        described = {"name": "scratch_cnn", "architecture": "baseline"}
        with open_run(EXPERIMENT, f"{toy.name} seed {toy.seed}", "refit") as run:
            run.set_tags(refit_tags(described, recipe, toy.seed))
            log_facts(run, self.data)
            run.log_metrics({**self._metrics(servable), **toy.metrics})
            log_servable(run, servable, self.data.class_names, toy.name)
        return Refit.of(run.client.get_run(run.run_id))

    def _metrics(self, servable) -> dict[str, float]:
        metrics = {
            "training_seconds": 1.0,
            "trainable_parameters": 195,
            "frozen_parameters": 0,
            "best_epoch": 0,
        }
        for part in (self.data.train, self.data.validation):
            probabilities = np.asarray(servable(part.pictures.images[:600]))
            values = evaluate(part.labels[:600], probabilities)
            metrics |= {f"{part.name}_{name}": value for name, value in values}
        return metrics


def comparison() -> TrackedRun:
    """A run to log to, closed already."""
    with open_run(EXPERIMENT, "comparison", "comparison") as run:
        return run


def damage(store: Store, model_uri: str) -> None:
    """Cut the stored Keras file in half."""
    file = stored_keras_file(store, model_uri)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def stored_keras_file(store: Store, model_uri: str) -> Path:
    """Where the store keeps it."""
    model = store.client.get_logged_model(model_uri.removeprefix("models:/"))
    return Path(model.artifact_location.removeprefix("file://")) / "artifacts" / "model.keras"
