"""keras-tuner as its documentation shows it on pictures: Hyperband over a small convolutional network.

The search space is that of the guide "Distributed hyperparameter tuning with KerasTuner"
(https://keras.io/guides/keras_tuner/distributed_tuning/), which is for 28x28 grey pictures in ten classes.
The guide stops after 2 epochs, to be quick; here Hyperband may use 20, so that its first bracket, about 50
epochs in all, ends within some minutes, and begins again until time is up. A trial ends after 5 epochs
without gain, as keras-tuner's page on Hyperband recommends.
"""

import tempfile
from typing import Any

import keras
import keras_tuner

from benchmarks.contenders.best_so_far import BestSoFar
from benchmarks.contenders.task import Task, time_limit

MOST_EPOCHS, PATIENCE = 20, 5


def build_model(hp: Any, shape: tuple[int, ...], classes: int) -> keras.Model:
    pictures = keras.Input(shape)
    x = pictures
    for number in range(hp.Int("conv_layers", 1, 3, default=3)):
        x = _convolution(hp, x, number)
    if hp.Choice("global_pooling", ["max", "avg"]) == "max":
        x = keras.layers.GlobalMaxPooling2D()(x)
    else:
        x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pictures, keras.layers.Dense(classes, activation="softmax")(x))
    optimizer = hp.Choice("optimizer", ["adam", "sgd"])
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _convolution(hp: Any, x: keras.KerasTensor, number: int) -> keras.KerasTensor:
    filters = hp.Int(f"filters_{number}", 4, 32, step=4, default=8)
    side = hp.Int(f"kernel_size_{number}", 3, 5)
    x = keras.layers.Conv2D(filters, side, activation="relu", padding="same")(x)
    is_max = hp.Choice(f"pooling{number}", ["max", "avg"]) == "max"
    pooling = keras.layers.MaxPooling2D if is_max else keras.layers.AveragePooling2D
    x = pooling(2)(x)  # the guide names no size; Keras has none by default for the second any more
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def main() -> None:
    task, best = Task.of_command_line(), BestSoFar()
    (pictures, labels), (validation_pictures, validation_labels) = task.train, task.validation
    shape, classes = pictures.shape[1:], int(labels.max()) + 1
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Hyperband(
            lambda hp: build_model(hp, shape, classes),
            objective="val_accuracy",
            max_epochs=MOST_EPOCHS,
            hyperband_iterations=1000,  # more than there is time for
            directory=folder,
        )
        with time_limit(task.until):
            tuner.search(
                pictures / 255.0,
                labels,
                validation_data=(validation_pictures / 255.0, validation_labels),
                callbacks=[keras.callbacks.EarlyStopping("val_accuracy", patience=PATIENCE), best],
                verbose=0,
            )
        task.report(lambda pictures: best.predict(pictures / 255.0), len(tuner.oracle.trials))


if __name__ == "__main__":
    main()
