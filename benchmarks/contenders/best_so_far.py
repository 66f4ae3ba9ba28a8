"""The best model of all epochs that a search has finished, to be had when time is up in the middle of one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


class BestSoFar(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the highest validation accuracy, of all its trainings."""

    def __init__(self) -> None:
        super().__init__()
        self._best: tuple[float, keras.Model, list[np.ndarray]] | None = None

    def __deepcopy__(self, _: Any) -> BestSoFar:
        """Itself: keras-tuner gives each trial a copy of the callbacks."""
        return self

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.offer(self.model, (logs or {})["val_accuracy"])

    def offer(self, model: keras.Model, accuracy: float) -> None:
        if self._best is None or accuracy > self._best[0]:
            # one assignment, so that time is up before it or after it
            self._best = accuracy, model, model.get_weights()

    def model_so_far(self) -> keras.Model:
        if self._best is None:
            raise RuntimeError("time was up before the first epoch ended")
        _, model, weights = self._best
        model.set_weights(weights)
        return model

    def predict(self, pictures: np.ndarray) -> np.ndarray:
        return predict(self.model_so_far(), pictures)


def predict(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    # Keras's own choices, XLA or many steps as one graph, cost more than they bring here.
    model.jit_compile, model.steps_per_execution = False, 1
    return np.asarray(model.predict(pictures, batch_size=256, verbose=0))
