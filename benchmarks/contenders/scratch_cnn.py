"""Ours, without a search: the CNN trained from scratch with its recipe's values, as long as there is time.

A short training of its own says how many epochs there is time for: the learning rate ends at zero with the
last one, so the number has to be known before.
"""

import time

from benchmarks.contenders.task import Task, time_limit
from garment_ml.base.terminal import quieten

SHORT = 5  # epochs
USED = 0.9  # of the time that is left, as epochs differ
SEED = 1


def epochs_for(left: float, began: float, ends: list[float]) -> int:
    """As many as fit into `left` seconds, going by when a short training `began` and its epochs ended.

    The first epoch builds the graph, as it will again.
    """
    first, others = ends[0] - began, (ends[-1] - ends[0]) / (len(ends) - 1)
    return max(2, 1 + int((USED * left - first) / others))


def main() -> None:
    task = Task.of_command_line()
    quieten()
    from benchmarks.contenders.best_so_far import BestSoFar, predict
    from garment_ml.approaches.budget import Budget
    from garment_ml.approaches.catalogue import make_approach
    from garment_ml.approaches.hyperparameter import default_values
    from garment_ml.approaches.training import build_anew, fit, learning_inputs
    from garment_ml.studies.load import load_data
    from garment_ml.studies.settings import DataSettings

    best, ends = BestSoFar(), []
    with time_limit(task.until):
        data = load_data(DataSettings(data=task.data, train_pictures=task.train_pictures))
        approach = make_approach("scratch_cnn", {"architecture": "fast"}, data)
        inputs, values = learning_inputs(approach, data), default_values(approach.hyperparameters())

        def train(epochs: int) -> None:
            model = build_anew(approach, values, SEED)

            def at_end(_: int, logs: dict[str, float]) -> None:
                ends.append(time.time())
                best.offer(model, logs["val_accuracy"])

            fit(approach, model, values, inputs, Budget(epochs, epochs), seed=SEED, on_epoch=at_end)

        began = time.time()
        train(SHORT)
        train(epochs_for(task.until - time.time(), began, ends))
    served = approach.as_served(best.model_so_far())
    task.report(lambda pictures: predict(served, pictures), trials=1)


if __name__ == "__main__":
    main()
