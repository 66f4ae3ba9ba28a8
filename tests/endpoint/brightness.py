"""A model small enough to log and serve in tests, whose answers anyone can see."""

from garment_ml.tracking.models import log_servable
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.store import Store

CLASSES = ("dark", "bright")


def logged_model(classes: tuple[str, str] = CLASSES) -> tuple[str, Store]:
    """Says how bright a 4x4 picture is; its address, and the store."""
    import keras
    import numpy as np

    pictures = keras.Input((4, 4, 1), dtype="uint8", name="pictures")
    brightness = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pictures))
    logits = keras.layers.Dense(2)
    x = logits(brightness)
    logits.set_weights([np.array([[-1.0, 1.0]] * 16), np.array([8.0, -8.0])])
    servable = keras.Model(pictures, keras.layers.Softmax()(x))
    with open_run("endpoints", "brightness", "refit") as run:
        return log_servable(run, servable, classes, "brightness"), run.store
