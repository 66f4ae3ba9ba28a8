"""The strategies by themselves, without a training."""

import math

import keras_tuner
import pytest

from garment_ml.search.oracles import make_oracle


@pytest.fixture
def oracle(tmp_path):
    def make():
        space = keras_tuner.HyperParameters()
        space.Float("dropout", 0.0, 0.5, default=0.1)
        space.Float("learning_rate", 1e-4, 1.0, sampling="log", default=1e-2)
        made = make_oracle("bayesian", space, trials=12, epochs=1, seed=1, retries=1)
        made._set_project_dir(tmp_path, "search")
        return made

    return make


def run_trials(oracle, count):
    for _ in range(count):
        trial = oracle.create_trial("tuner0")
        dropout, rate = (trial.hyperparameters.get(name) for name in ("dropout", "learning_rate"))
        accuracy = 1 - (dropout - 0.2) ** 2 - 0.1 * (math.log10(rate) + 1.5) ** 2
        oracle.update_trial(trial.trial_id, {"score": accuracy})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)


@pytest.mark.slow
def test_a_reloaded_search_goes_on_alike_however_the_folder_lists_its_trials(oracle, monkeypatch):
    unbroken, reloaded = oracle(), oracle()
    run_trials(unbroken, 6)
    unbroken.save()
    listed = keras_tuner.src.backend.io.glob
    monkeypatch.setattr(keras_tuner.src.backend.io, "glob", lambda path: sorted(listed(path), reverse=True))
    reloaded.reload()
    for each in (unbroken, reloaded):
        run_trials(each, 6)
    assert values_tried(reloaded) == values_tried(unbroken)


def values_tried(oracle):
    return [oracle.trials[trial_id].hyperparameters.values for trial_id in sorted(oracle.trials)]
