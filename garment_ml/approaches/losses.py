"""What Keras's own losses lack: those of whole numbers know no smoothing."""

import keras


class SmoothedCrossentropy(keras.losses.Loss):
    """Of logits, with labels that are whole numbers and smoothed (Szegedy et al. 2016)."""

    def __init__(self, smoothing: float) -> None:
        super().__init__(name="smoothed_crossentropy")
        self.smoothing = smoothing

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        chosen = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), y_pred.shape[-1])
        return keras.losses.categorical_crossentropy(
            chosen, y_pred, from_logits=True, label_smoothing=self.smoothing
        )
