import numpy as np
import pytest
from scipy.special import softmax


@pytest.fixture
def predictions():
    """Makes labels drawn from the very probabilities that sharpness 1 gives; above 1 is over-confident."""

    def make(pictures=2000, classes=6, sharpness=1.0, seed=0):
        random = np.random.default_rng(seed)
        logits = random.normal(0, 2, (pictures, classes))
        chances = softmax(logits, axis=1).cumsum(axis=1)
        labels = (random.random((pictures, 1)) > chances[:, :-1]).sum(axis=1)
        return labels, softmax(sharpness * logits, axis=1).astype(np.float32)

    return make
