import importlib.util
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import same_budget
from benchmarks.choice import chosen
from benchmarks.contenders import autokeras_environment
from benchmarks.contenders.scratch_cnn import epochs_for
from benchmarks.processes import Ended
from benchmarks.same_budget import CONTENDERS, Outcome

ANSWER = '{"accuracy": 0.9, "seconds": 12.5, "trials": 3}'


def test_some_are_chosen_in_their_usual_order_and_all_without_a_choice():
    assert chosen("c, a", ("a", "b", "c")) == ["a", "c"]
    assert chosen("", ("a", "b")) == ["a", "b"]
    with pytest.raises(click.BadParameter, match="no x; there are a, b"):
        chosen("a,x", ("a", "b"))


def test_every_contender_has_a_file():
    for name in CONTENDERS:
        assert importlib.util.find_spec(f"benchmarks.contenders.{name}")


def test_an_answer_is_read_wherever_it_stands_and_a_failure_says_how_it_ended():
    answered = Outcome.of("toy", Ended(0, ["noise", ANSWER, "farewell"], 20))
    assert (answered.accuracy, answered.seconds, answered.trials) == (0.9, 12.5, 3)
    for ended in (Ended(1, [ANSWER, "broken"], 20), Ended(0, ["broken"], 20), Ended(-9, ["broken"], 20)):
        assert Outcome.of("toy", ended).last_lines[-1] == "broken"


def test_one_that_fails_is_reported_and_the_others_are_judged(monkeypatch):
    def run(command: list[str], limit: float) -> Ended:
        works = command[2].endswith("keras_tuner_guide")
        return Ended(0, [ANSWER], 60) if works else Ended(1, ["Traceback", "ValueError: no"], 7)

    monkeypatch.setattr(same_budget, "run_process", run)
    monkeypatch.setattr(
        same_budget, "prepare", lambda *_: SimpleNamespace(counts={"train": 10, "validation": 5})
    )
    arguments = ["--contenders", "scratch_cnn,keras_tuner_guide", "--minutes", "1"]
    done = CliRunner().invoke(same_budget.main, arguments)
    assert done.exit_code == 1
    first, second = done.output.splitlines()[-2:]
    assert first.split() == ["keras_tuner_guide", "0.9000", "12", "3"]
    assert second.split(maxsplit=1) == ["scratch_cnn", "failed after 7 s: ValueError: no"]


def test_epochs_fit_into_the_time_that_is_left():
    began, ends = 100.0, [130.0, 132.0, 134.0]  # 30 s for the first epoch, and 2 for each of the others
    assert epochs_for(100, began, ends) == 1 + 30
    assert epochs_for(0, began, ends) == 2


def test_the_environment_is_made_once_and_again_only_for_other_versions(monkeypatch):
    installed = []

    class Done:
        returncode = 0

    def install(command: list[str], **_: object) -> Done:
        installed.append(command[5:])
        return Done()

    monkeypatch.setattr(autokeras_environment.venv, "create", lambda folder, **_: folder.mkdir(exist_ok=True))
    monkeypatch.setattr(autokeras_environment.subprocess, "run", install)
    first = autokeras_environment.autokeras_python()
    assert autokeras_environment.autokeras_python() == first
    monkeypatch.setattr(autokeras_environment, "AUTOKERAS", "9.9.9")
    assert autokeras_environment.autokeras_python() != first
    assert [each[0] for each in installed] == ["--disable-pip-version-check"] * 2
    assert [each[1] for each in installed] == ["autokeras==3.0.0", "autokeras==9.9.9"]


def test_what_a_contender_of_ours_finds_cached_is_the_pictures_only(tmp_path, monkeypatch):
    from benchmarks.contenders.own_cache import own_cache
    from garment_ml.base.cache_directory import cache_directory

    (cache_directory("fashion-mnist") / "pictures").touch()
    (cache_directory("features") / "old").touch()
    usual = cache_directory()
    (tmp_path / "own").mkdir()
    with own_cache(str(tmp_path / "own")):
        assert (cache_directory("fashion-mnist") / "pictures").exists()
        assert not list(cache_directory("features").iterdir())
    assert cache_directory() == usual


def test_the_best_epoch_of_all_trainings_is_kept():
    keras = pytest.importorskip("keras")
    from copy import deepcopy

    from benchmarks.contenders.best_so_far import BestSoFar

    best = BestSoFar()
    with pytest.raises(RuntimeError, match="first epoch"):
        best.model_so_far()
    models = [keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(2)]
    for model, weight, accuracy in ((0, 1.0, 0.5), (1, 2.0, 0.8), (1, 3.0, 0.7), (0, 4.0, 0.6)):
        models[model].set_weights([np.array([[weight]]), np.zeros(1)])
        copied = deepcopy(best)
        copied.set_model(models[model])
        copied.on_epoch_end(0, {"val_accuracy": accuracy})
    assert best.model_so_far() is models[1]
    assert best.predict(np.ones((1, 1))).tolist() == [[2.0]]
