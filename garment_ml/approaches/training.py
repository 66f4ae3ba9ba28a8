"""Fits any approach's model: early stopping on validation, best weights kept, reproducible by seed."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from garment_ml.approaches.approach import Approach, LearningInputs
from garment_ml.approaches.batches import Batches, row_count
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.classifier import Classifier, Inputs
from garment_ml.approaches.graph_memory import release_graphs
from garment_ml.approaches.hyperparameter import Values
from garment_ml.base.errors import UserError
from garment_ml.base.terminal import EpochListener
from garment_ml.data.pictures import Pictures
from garment_ml.data.split_dataset import SplitDataset


@dataclass(frozen=True)
class Fitted:
    """A trained model with its best weights; history by Keras's names, `seconds` of wall time."""

    model: keras.Model
    history: dict[str, list[float]]
    best_epoch: int  # of the history, counted from 0
    seconds: float


def learning_inputs(approach: Classifier, data: SplitDataset, class_weights: str = "none") -> LearningInputs:
    """May take long: an approach on pretrained features extracts them here."""
    train, validation = data.train, data.validation
    inputs = approach.inputs(train.pictures), approach.inputs(validation.pictures)
    weights = balanced_weights(train.labels) if class_weights == "balanced" else None
    return LearningInputs(inputs[0], train.labels, inputs[1], validation.labels, weights)


def balanced_weights(labels: np.ndarray) -> dict[int, float]:
    """As scikit-learn's "balanced": every class weighs the same in all, and a picture 1 on average."""
    classes = np.unique(labels)
    return dict(enumerate(compute_class_weight("balanced", classes=classes, y=labels).tolist()))


def train(
    approach: Approach,
    values: Values,
    inputs: LearningInputs,
    budget: Budget,
    *,
    seed: int,
    on_epoch: EpochListener | None = None,
) -> Fitted:
    """Build with `seed` and fit; the same call gives the same model within the backend's determinism."""
    model = build_anew(approach, values, seed)
    return fit(approach, model, values, inputs, budget, seed=seed, on_epoch=on_epoch)


def build_anew(approach: Approach, values: Values, seed: int) -> keras.Model:
    """With `seed`, and with the memory free that earlier trainings took."""
    release_graphs()
    keras.utils.set_random_seed(seed)
    return approach.build(values)


def fit(
    approach: Approach,
    model: keras.Model,
    values: Values,
    inputs: LearningInputs,
    budget: Budget,
    *,
    seed: int,
    on_epoch: EpochListener | None = None,
    initial_epoch: int = 0,
) -> Fitted:
    """Compile for exactly the updates to come and fit epochs `initial_epoch` to `budget.epochs`."""
    check_trains_something(model)
    if initial_epoch == 0:
        for stage in approach.stages_before(model, values, budget.epochs):
            fit(stage.approach, stage.model, stage.values, inputs, stage.budget, seed=seed)
        approach.adapt(model, inputs.train)
    batches = Batches(
        seen_by(model, inputs.train),
        inputs.train_labels,
        int(values["batch_size"]),
        shuffle_seed=seed,
        augment=approach.augmentation(values),
    )
    updates = len(batches) * (budget.epochs - initial_epoch)
    _compile(model, approach.optimizer(values, updates), approach.loss(), len(batches))
    stopping = BestEpoch(budget.patience)
    started = time.monotonic()
    history = model.fit(
        batches,
        validation_data=Batches(seen_by(model, inputs.validation), inputs.validation_labels, 512),
        epochs=budget.epochs,
        initial_epoch=initial_epoch,
        callbacks=_callbacks(model, batches, stopping, on_epoch),
        class_weight=inputs.class_weights,
        shuffle=False,  # the batches are shuffled already
        verbose=0,
    ).history
    return Fitted(model, history, stopping.best_epoch - initial_epoch, time.monotonic() - started)


class BestEpoch(keras.callbacks.EarlyStopping):
    """Of the highest validation accuracy, and where that is equal of the lower loss; its weights are kept.

    On a hundred validation pictures many epochs are equal, and the first may be far from trained.
    """

    TIE = 1e-6  # of a loss, below what one picture in 100,000 makes of an accuracy

    def __init__(self, patience: int) -> None:
        super().__init__("val_accuracy", mode="max", patience=patience, restore_best_weights=True)

    def get_monitor_value(self, logs: dict[str, float]) -> float:
        return logs["val_accuracy"] - self.TIE * logs["val_loss"]


def _callbacks(
    model: keras.Model, batches: Batches, stopping: BestEpoch, on_epoch: EpochListener | None
) -> list[keras.callbacks.Callback]:
    return [
        keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, _: batches.begin(epoch), on_epoch_end=_announce(model, on_epoch)
        ),
        keras.callbacks.TerminateOnNaN(),
        stopping,
    ]


def _compile(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss, steps: int
) -> None:
    """For epochs of `steps` updates."""
    model.compile(
        optimizer=optimizer,
        loss=loss,
        metrics=["accuracy"],
        steps_per_execution=min(steps, 32),  # one Python round trip for many short steps
        jit_compile=False,  # Keras's "auto" means XLA, whose convolutions are up to 30 times slower on a CPU
    )


def _announce(model: keras.Model, listener: EpochListener | None) -> Callable[[int, dict[str, Any]], None]:
    def announce(epoch: int, logs: dict[str, Any]) -> None:
        if listener is not None:
            listener(epoch, {**logs, "learning_rate": float(model.optimizer.learning_rate)})

    return announce


def count_parameters(model: keras.Model) -> tuple[int, int]:
    """Trainable and frozen parameters."""
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return trainable, sum(math.prod(weight.shape) for weight in model.weights) - trainable


def check_trains_something(model: keras.Model) -> None:
    """Raise UserError for a model whose parameters are all frozen."""
    trainable, frozen = count_parameters(model)
    if trainable == 0:
        raise UserError(
            f"nothing to train: all {frozen:,} parameters are frozen; unfreeze at least one block"
        )


def seen_by(model: keras.Model, inputs: Inputs) -> np.ndarray | Inputs:
    """Of an approach's inputs those that this model has, in the form it takes them: one array, or a dict."""
    names = [tensor.name for tensor in model.inputs]
    return {name: inputs[name] for name in names} if isinstance(model.input, dict) else inputs[names[0]]


def predict(model: keras.Model, inputs: Inputs) -> np.ndarray:
    """What the model puts out for an approach's inputs, float32 `(n, classes)`."""
    # Keras's own choices cost 14 s a model here: XLA on a CPU, and `fit`'s many steps as one unrolled graph.
    model.jit_compile, model.steps_per_execution = False, 1
    seen = seen_by(model, inputs)
    labels = np.zeros(row_count(seen), np.int64)
    return np.asarray(model.predict(Batches(seen, labels, 512), verbose=0))


def predict_pictures(approach: Classifier, servable: keras.Model, pictures: Pictures) -> np.ndarray:
    """The servable's probabilities, from what `approach.inputs` has cached instead of the raw pictures."""
    return predict(servable.get_layer("calibrated"), approach.inputs(pictures))
