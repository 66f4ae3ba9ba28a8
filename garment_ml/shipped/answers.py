"""What the endpoint answers, as a table. Shipped inside served models: numpy and pandas only."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from garment_ml.shipped.columns import CONFIDENCE, ERROR, LABEL, at_place, probability_column


def answer_table(class_names: Sequence[str], probabilities: np.ndarray, top_k: int = 0) -> pd.DataFrame:
    """A row for each of `probabilities` (n, classes).

    `top_k` 0: label, its confidence and the probability of every class; else the so many likeliest classes:
    `label`, `confidence`, `label_2`, `confidence_2`, ...
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    names = np.asarray(class_names, object)
    columns: dict[str, np.ndarray] = {}
    for place in range(min(top_k or 1, len(class_names))):
        best = order[:, place]
        columns[at_place(LABEL, place)] = names[best]
        columns[at_place(CONFIDENCE, place)] = np.take_along_axis(probabilities, best[:, None], axis=1)[:, 0]
    if top_k == 0:
        columns |= {probability_column(name): probabilities[:, i] for i, name in enumerate(class_names)}
    return pd.DataFrame(columns)


def with_errors(answers: pd.DataFrame, errors: Sequence[str | None]) -> pd.DataFrame:
    """What was not answered is empty, as JSON has no NaN, and `error` says why."""
    failed = np.array([error is not None for error in errors])
    if failed.any():
        answers = answers.astype(object)
        answers[failed] = None
    return answers.assign(**{ERROR: pd.Series(list(errors), dtype=object)})
