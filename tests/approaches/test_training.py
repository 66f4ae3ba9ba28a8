import gc
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
from tensorflow.python.framework.func_graph import FuncGraph

from garment_ml.approaches.approach import LearningInputs
from garment_ml.approaches.budget import Budget
from garment_ml.approaches.graph_memory import release_graphs
from garment_ml.approaches.hyperparameter import default_values
from garment_ml.approaches.optimizers import sgd
from garment_ml.approaches.scratch_cnn import ScratchCNN
from garment_ml.approaches.training import (
    BestEpoch,
    balanced_weights,
    check_trains_something,
    count_parameters,
    fit,
    predict,
    predict_pictures,
    train,
)
from garment_ml.base.errors import UserError
from tests.approaches.conftest import VALIDATION
from tests.search.tiny import TinyApproach, tiny_task

ROOT = Path(__file__).parents[2]
TASK = tiny_task()
DEFAULTS = default_values(TASK.approach.hyperparameters())


def train_tiny(budget=None, seed=1, on_epoch=None, **values):
    budget = budget or Budget(epochs=2, patience=2)
    return train(TASK.approach, {**DEFAULTS, **values}, TASK.inputs, budget, seed=seed, on_epoch=on_epoch)


def validation_accuracy(model) -> float:
    predicted = predict(model, TASK.inputs.validation).argmax(axis=1)
    return float(np.mean(predicted == TASK.inputs.validation_labels))


class Unlearning(TinyApproach):
    """Climbs the loss in the second half of its updates, so that its last epoch is not its best."""

    def optimizer(self, values, steps):
        rate = values["learning_rate"]
        return sgd(keras.optimizers.schedules.PiecewiseConstantDecay([steps // 2], [rate, -rate]))


@pytest.mark.slow
def test_the_best_epochs_weights_are_kept_though_later_ones_were_worse():
    values = {**DEFAULTS, "learning_rate": 0.1, "dropout": 0.0}
    fitted = train(Unlearning(), values, TASK.inputs, Budget(epochs=8, patience=8), seed=1)
    accuracies = fitted.history["val_accuracy"]
    assert accuracies[-1] < max(accuracies) and len(accuracies) == 8, "the test needs a worse last epoch"
    assert fitted.best_epoch == accuracies.index(max(accuracies))
    assert validation_accuracy(fitted.model) == pytest.approx(max(accuracies), abs=1e-6)


def test_of_equally_accurate_epochs_the_one_with_the_lower_loss_is_kept():
    stopping = BestEpoch(patience=3)
    stopping.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    stopping.on_train_begin()
    for epoch, (accuracy, loss) in enumerate([(0.5, 9.0), (0.75, 2.0), (0.75, 1.0), (0.75, 3.0), (0.7, 0.1)]):
        stopping.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
    assert stopping.best_epoch == 2


def test_the_best_epoch_of_a_training_that_goes_on_is_one_of_its_own():
    approach = TinyApproach()
    values = default_values(approach.hyperparameters())
    model = approach.build(values)
    fitted = fit(approach, model, values, TASK.inputs, Budget(5, 5), seed=1, initial_epoch=3)
    accuracies = fitted.history["val_accuracy"]
    assert len(accuracies) == 2 and accuracies[fitted.best_epoch] == max(accuracies)


def test_training_stops_after_so_many_epochs_without_a_better_one():
    fitted = train_tiny(Budget(epochs=10, patience=2), learning_rate=0.0)
    assert len(fitted.history["loss"]) == 3 and fitted.best_epoch == 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_and_another_seed_another():
    first, second, other = train_tiny(seed=1), train_tiny(seed=1), train_tiny(seed=2)
    for name, values in first.history.items():
        np.testing.assert_allclose(values, second.history[name], atol=1e-6)
    weights, again, others = (each.model.get_weights() for each in (first, second, other))
    for one, two, three in zip(weights, again, others, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
        assert np.abs(one - three).max() > 1e-3


DETERMINISTIC = textwrap.dedent(
    """
    import hashlib, json, sys, tensorflow
    sys.path.insert(0, sys.argv[1])
    from garment_ml.approaches.hyperparameter import default_values
    from garment_ml.approaches.scratch_cnn import ScratchCNN
    from garment_ml.approaches.budget import Budget
    from garment_ml.approaches.training import train
    from tests.search.tiny import CLASSES, TinyApproach, tiny_task

    def outcome(approach, seed, **values):
        values = {**default_values(approach.hyperparameters()), **values}
        fitted = train(approach, values, tiny_task().inputs, Budget(2, 2), seed=seed)
        weights = b"".join(array.tobytes() for array in fitted.model.get_weights())
        return [hashlib.sha256(weights).hexdigest(), fitted.history["loss"]]

    tensorflow.config.experimental.enable_op_determinism()
    plain = ScratchCNN(architecture="baseline", class_names=CLASSES, picture_shape=(4, 4, 1))
    fast = ScratchCNN(architecture="fast", class_names=CLASSES, picture_shape=(4, 4, 1))
    all_three = (
        (TinyApproach(), {}),
        (plain, {"width": 4, "dropout": 0.3}),
        (fast, {"width": 4}),
    )
    print(json.dumps([[outcome(approach, seed=1, **values) for _ in "ab"] for approach, values in all_three]))
    """
)


@pytest.mark.slow
def test_deterministic_is_equal_to_the_last_digit():
    command = [sys.executable, "-c", DETERMINISTIC, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for first, second in json.loads(done.stdout.splitlines()[-1]):
        assert first == second


@pytest.mark.slow
def test_a_training_leaves_none_of_its_graphs_behind():
    def graphs():
        release_graphs()
        return sum(isinstance(each, FuncGraph) for each in gc.get_objects())

    train_tiny()
    before = graphs()
    for seed in range(3):
        train_tiny(seed=seed)
    assert graphs() == before


def test_a_model_with_nothing_to_train_is_refused():
    model = TASK.approach.build(DEFAULTS)
    assert count_parameters(model) == (16 * 4 + 4, 0)
    model.trainable = False
    assert count_parameters(model) == (0, 68)
    sentence = "nothing to train: all 68 parameters are frozen; unfreeze at least one block"
    with pytest.raises(UserError, match=sentence):
        check_trains_something(model)
    with pytest.raises(UserError, match=sentence):
        fit(TASK.approach, model, DEFAULTS, TASK.inputs, Budget(1, 1), seed=1)


class StopHere(Exception):
    pass


@pytest.mark.slow
def test_the_listener_hears_each_epoch_while_training_goes_on():
    heard = []

    def listen(epoch, logs):
        heard.append((epoch, logs))
        if epoch == 2:
            raise StopHere

    with pytest.raises(StopHere):  # an error in it reaches us: there was training left to stop
        train_tiny(Budget(epochs=100, patience=100), on_epoch=listen)
    assert [epoch for epoch, _ in heard] == [0, 1, 2]
    curves = {"accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"}
    assert all(curves <= logs.keys() for _, logs in heard)


@pytest.mark.slow
def test_the_listener_hears_what_history_says():
    heard = []
    fitted = train_tiny(on_epoch=lambda epoch, logs: heard.append(logs), learning_rate=0.03)
    for name, values in fitted.history.items():
        assert [logs[name] for logs in heard] == values
    assert [logs["learning_rate"] for logs in heard] == pytest.approx([0.03, 0.03])


def test_training_goes_on_from_a_later_epoch_without_warming_up_again():
    class Warmed(TinyApproach):
        def stages_before(self, model, values, epochs):
            warmed.append(model)
            yield from ()

    warmed, epochs, approach = [], [], Warmed()
    model = approach.build(DEFAULTS)
    for first, last in ((0, 2), (2, 3)):
        budget = Budget(last, 3)
        listen = lambda epoch, logs: epochs.append(epoch)  # noqa: E731
        fit(approach, model, DEFAULTS, TASK.inputs, budget, seed=1, initial_epoch=first, on_epoch=listen)
    assert warmed == [model] and epochs == [0, 1, 2]


# Cached features are float16: 11 bits, so 5e-4 of a feature may be lost.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("which", "tolerance"),
    [
        ("scratch", {"atol": 1e-5}),
        ("end_to_end", {"atol": 1e-5}),
        ("bottleneck", {"rtol": 1e-3}),
        ("fine_tuned", {"rtol": 1e-3}),
    ],
)
def test_predictions_from_cached_inputs_are_the_servables(models, which, tolerance):
    learned = getattr(models, which)
    expected = learned.servable.predict(VALIDATION.pictures.images, verbose=0)
    found = predict_pictures(learned.approach, learned.servable, VALIDATION.pictures)
    np.testing.assert_allclose(found, expected, **{"rtol": 0, "atol": 0, **tolerance})
    plain = learned.approach.calibrated(learned.approach.as_served(learned.fitted.model))
    untempered = predict(plain, learned.approach.inputs(VALIDATION.pictures))
    assert np.abs(untempered - expected).max() > 0.01, "the temperature must make a difference"


def test_balanced_weights_make_every_class_weigh_the_same():
    labels = np.array([0] * 90 + [1] * 9 + [2])
    weights = balanced_weights(labels)
    assert np.allclose([weights[label] * (labels == label).sum() for label in range(3)], 100 / 3)


@pytest.mark.slow
def test_a_rare_class_is_found_with_balanced_weights():
    """Pixels say nothing: without weights the best guess is the common class, with them it is even."""
    random = np.random.default_rng(0)
    pictures = {"pictures": random.integers(0, 256, (400, 4, 4, 1), np.uint8)}
    labels = (np.arange(400) % 10 == 0).astype(np.int64)
    chances = {}
    for kind, weights in (("none", None), ("balanced", balanced_weights(labels))):
        inputs = LearningInputs(pictures, labels, pictures, labels, weights)
        approach = ScratchCNN(architecture="baseline", class_names=("a", "b"), picture_shape=(4, 4, 1))
        values = {"learning_rate": 0.01, "dropout": 0.0, "batch_size": 50, "width": 1}
        model = train(approach, values, inputs, Budget(3, 3), seed=0).model
        logits = predict(model, pictures)
        chances[kind] = np.mean(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])))
    assert chances["none"] < 0.35 < chances["balanced"]


@pytest.mark.slow
def test_each_epoch_of_a_training_is_told_its_number():
    """Also one that goes on: what it sees is what it would have seen."""

    class Recording(TinyApproach):
        def augmentation(self, values):
            def augment(pictures, numbers, epoch, random):
                seen.add((epoch, *sorted(numbers.tolist())[:1]))
                return pictures

            return augment

    seen: set = set()
    approach, inputs = Recording(), tiny_task().inputs
    values = {**default_values(approach.hyperparameters()), "batch_size": 1000}
    model = approach.build(values)
    fit(approach, model, values, inputs, Budget(3, 3), seed=1)
    assert {epoch for epoch, _ in seen} == {0, 1, 2}
    seen.clear()
    fit(approach, model, values, inputs, Budget(4, 3), seed=1, initial_epoch=2)
    assert {epoch for epoch, _ in seen} == {0, 2, 3}  # 0: Keras looks at a batch to learn its shape
