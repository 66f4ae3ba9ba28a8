"""What is gained by leaving the least sure pictures to a person.

Geifman and El-Yaniv 2017, "Selective Classification for Deep Neural Networks", https://arxiv.org/abs/1705.08500.
"""

import numpy as np
import pandas as pd

from garment_ml.evaluation.predictions import checked_predictions


def accuracy_coverage(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """One row per distinct confidence, the surest first: threshold, pictures, coverage, accuracy.

    Each row describes the pictures whose largest probability is at least `threshold`: how many, what share
    of all, and what share of them is right. The last row is coverage 1 and the plain accuracy.
    """
    labels, probabilities = checked_predictions(labels, probabilities)
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    correct = np.cumsum(probabilities.argmax(axis=1)[order] == labels[order])

    # No threshold can part pictures of equal confidence: keep the last of each.
    (last,) = np.nonzero(np.append(confidence[1:] != confidence[:-1], True))
    pictures = last + 1
    return pd.DataFrame(
        {
            "threshold": confidence[last],
            "pictures": pictures,
            "coverage": pictures / len(labels),
            "accuracy": correct[last] / pictures,
        }
    )
