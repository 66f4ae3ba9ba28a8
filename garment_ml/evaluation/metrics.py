"""How good the predictions are: for all pictures, for each class, and where they go wrong."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from garment_ml.evaluation.calibration import expected_calibration_error
from garment_ml.evaluation.intervals import wilson_interval
from garment_ml.evaluation.predictions import checked_predictions

# scikit-learn's clip for float32, which is what networks put out. One clip for every type, so that a
# prediction costs the same before and after a trip through JSON.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)


def evaluate(labels: np.ndarray, probabilities: np.ndarray) -> Iterator[tuple[str, float]]:
    """(name, value) of every overall metric; dict(evaluate(...)) for all of them.

    accuracy_low and accuracy_high: 95 % Wilson interval. loss: mean negative log-likelihood in nats, each
    probability clipped at 1.2e-7. macro_f1: over the classes that were labelled or predicted at all.
    expected_calibration_error: 15 equal-width bins of confidence (Guo et al. 2017).
    """
    labels, probabilities = checked_predictions(labels, probabilities)
    # Stable, so that equal probabilities rank as argmax ranks them.
    ranking = np.argsort(-probabilities, axis=1, kind="stable")
    correct = ranking[:, 0] == labels
    low, high = wilson_interval(correct.sum(), len(labels))
    of_label = np.clip(probabilities[np.arange(len(labels)), labels], SMALLEST_PROBABILITY, 1)
    yield "accuracy", float(correct.mean())
    yield "accuracy_low", low
    yield "accuracy_high", high
    yield "loss", float(np.log(1 / of_label).mean())
    yield "macro_f1", float(f1_score(labels, ranking[:, 0], average="macro", zero_division=0))
    yield "top_2_accuracy", float((ranking[:, :2] == labels[:, None]).any(axis=1).mean())
    yield "expected_calibration_error", expected_calibration_error(labels, probabilities)


def evaluate_part(part: str, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """All of `evaluate`, under the names that runs have them: `validation_accuracy` and so on."""
    return {f"{part}_{name}": value for name, value in evaluate(labels, probabilities)}


def in_words(metric: str) -> str:
    """`validation_macro_f1` as people read it: validation macro F1."""
    return metric.replace("_", " ").replace("f1", "F1")


def per_class(labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """One row per class: class, precision, recall, f1, support.

    What is undefined is NaN: precision of a class never predicted, recall of one without pictures.
    """
    labels, probabilities = checked_predictions(labels, probabilities, class_names)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=np.arange(len(class_names)), zero_division=np.nan
    )
    return pd.DataFrame(
        {"class": list(class_names), "precision": precision, "recall": recall, "f1": f1, "support": support}
    )


def most_confused(
    labels: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], count: int = 10
) -> pd.DataFrame:
    """The pairs of classes most often taken for each other, the worst first.

    Columns: first, second, first_as_second (pictures of `first` predicted as `second`), second_as_first,
    mistakes (both), share_of_mistakes (of all mistakes made). Pairs never confused have no row.
    """
    labels, probabilities = checked_predictions(labels, probabilities, class_names)
    counts = confusion_matrix(labels, probabilities.argmax(axis=1), labels=np.arange(len(class_names)))
    first, second = np.triu_indices(len(class_names), k=1)
    table = pd.DataFrame(
        {
            "first": np.asarray(class_names, dtype=object)[first],
            "second": np.asarray(class_names, dtype=object)[second],
            "first_as_second": counts[first, second],
            "second_as_first": counts[second, first],
        }
    )
    table["mistakes"] = table["first_as_second"] + table["second_as_first"]
    table = table[table["mistakes"] > 0]
    table["share_of_mistakes"] = table["mistakes"] / table["mistakes"].sum()
    return table.sort_values("mistakes", ascending=False, kind="stable").head(count).reset_index(drop=True)


def surest_mistakes(labels: np.ndarray, probabilities: np.ndarray, count: int = 24) -> np.ndarray:
    """Row numbers int64 (at most count,) of the wrong predictions, the most confident first."""
    labels, probabilities = checked_predictions(labels, probabilities)
    (wrong,) = np.nonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]
