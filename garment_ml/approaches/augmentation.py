"""Random changes of training pictures that keep a garment what it is."""

import keras
from keras import Sequential, layers


def shifts_flips_cutout(strength: float) -> keras.Layer:
    """Shifts by up to 2/28 of the side, horizontal flips, cutout (DeVries & Taylor 2017).

    `strength` in (0, 1] scales the shifts and how often a patch is cut out; pictures keep their 0-255 range.
    """
    shift = 2 / 28 * strength
    return Sequential(
        [
            layers.RandomTranslation(shift, shift, fill_mode="constant", interpolation="nearest"),
            layers.RandomFlip("horizontal"),
            layers.RandomErasing(0.5 * strength, scale=(0.05, 0.2), fill_value=0, value_range=(0, 255)),
        ],
        name="augmentation",
    )
