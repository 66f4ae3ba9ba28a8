"""What TensorFlow keeps of models that nobody holds any more."""

import keras
from tensorflow.python.framework import ops

CUSTOM_GRADIENT = "CustomGradient-"


def release_graphs() -> None:
    """Free the graphs of all earlier trainings; a model in use must not be trained further after this.

    `clear_session` alone leaves 13 MB for each training of a small CNN. Whenever a training step is traced,
    TensorFlow registers its custom gradients under new names, for ever, and each entry holds the whole graph
    (2.21, ops/custom_gradient.py). Every Keras optimizer causes one, through `all_reduce`, even where there
    is one device. The symptom is that of https://github.com/keras-team/keras/issues/17458.
    """
    registered = ops.gradient_registry._registry
    for name in [each for each in registered if each.startswith(CUSTOM_GRADIENT)]:
        del registered[name]
    keras.backend.clear_session()  # collects the garbage, too
