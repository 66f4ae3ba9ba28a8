"""The optimizers that the recipes share."""

from typing import Any

import keras

MOMENTUM = 0.9


def sgd(
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(learning_rate, momentum=MOMENTUM)


def sgd_cosine(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """SGD, its rate falling along a cosine to zero over `steps` (Loshchilov & Hutter 2017)."""
    return sgd(keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=steps))


def adam(learning_rate: float) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(learning_rate)


def adamw_cosine(learning_rate: float, steps: int, weight_decay: float) -> keras.optimizers.Optimizer:
    """AdamW (Loshchilov & Hutter 2019), its rate falling along a cosine to a hundredth over `steps`."""
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=steps, alpha=0.01)
    return keras.optimizers.AdamW(schedule, weight_decay=weight_decay)


class LinearCycle(keras.optimizers.schedules.LearningRateSchedule):
    """From a fifth of `peak` up to it over 23 % of the steps, then down to 7 %, linearly (Jordan 2024)."""

    START, UP, END = 0.2, 0.23, 0.07

    def __init__(self, peak: float, steps: int) -> None:
        self.peak, self.steps = peak, steps

    def __call__(self, step: Any) -> Any:
        way = keras.ops.cast(step, "float32") / self.steps
        rising = self.START + (1 - self.START) * way / self.UP
        falling = 1 - (1 - self.END) * (way - self.UP) / (1 - self.UP)
        return self.peak * keras.ops.maximum(keras.ops.minimum(rising, falling), self.END)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "steps": self.steps}


def linear_cycle_sgd(peak: float, steps: int, weight_decay: float) -> keras.optimizers.Optimizer:
    """SGD with Nesterov momentum and decoupled weight decay, which spares biases."""
    optimizer = keras.optimizers.SGD(
        LinearCycle(peak, steps), momentum=0.85, nesterov=True, weight_decay=weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def one_cycle_sgd(peak: float, steps: int, weight_decay: float) -> keras.optimizers.Optimizer:
    """Linear warm-up to `peak` over a fifth of the steps, then a cosine to zero (Smith & Topin 2018).

    Weight decay is applied per update and spares biases and batch-norm parameters.
    """
    warmup = max(1, steps // 5)
    schedule = keras.optimizers.schedules.CosineDecay(
        peak / 25, decay_steps=max(1, steps - warmup), warmup_target=peak, warmup_steps=warmup
    )
    optimizer = keras.optimizers.SGD(schedule, momentum=MOMENTUM, nesterov=True, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
