"""How the CNNs begin, whatever the size of the pictures."""

import math

import keras

LARGEST_SIDE = 40  # that is worked on pixel by pixel


def stem(pictures: keras.KerasTensor) -> tuple[int, int]:
    """Kernel and stride of the first convolution: 3 and 1 up to 40 pixels a side, as published.

    Larger pictures are shrunk by it to at most that, so that one costs about as much at any size.
    """
    strides = math.ceil(max(pictures.shape[1:3]) / LARGEST_SIDE)
    return (3, 1) if strides == 1 else (strides + 2, strides)
