"""Curves that appear in MLflow while training goes on."""

import time
from typing import Any

from garment_ml.tracking.run import TrackedRun

# Keras's names on the left, ours (the same for every approach) on the right.
CURVES = {
    "accuracy": "epoch/train_accuracy",
    "loss": "epoch/train_loss",
    "val_accuracy": "epoch/validation_accuracy",
    "val_loss": "epoch/validation_loss",
    "learning_rate": "epoch/learning_rate",
}


class EpochLogger:
    """Called with (epoch, Keras logs) at each epoch's end; queues the values, so training doesn't wait."""

    def __init__(self, run: TrackedRun) -> None:
        self.run, self.started = run, time.monotonic()

    def __call__(self, epoch: int, logs: dict[str, Any]) -> None:
        values = {CURVES[name]: value for name, value in logs.items() if name in CURVES}
        values["epoch/seconds"] = time.monotonic() - self.started
        self.run.log_metrics(values, step=epoch, wait=False)
