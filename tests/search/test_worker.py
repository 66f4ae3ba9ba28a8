"""A tuner that works for another process's oracle leaves that oracle's files alone."""

import pytest

from garment_ml.search.oracles import make_oracle
from garment_ml.search.space import to_keras_tuner
from garment_ml.search.tuner import TrackedTuner
from garment_ml.tracking.opening import open_run
from tests.search.tiny import TinyApproach


@pytest.mark.parametrize(("tuner_id", "writes"), [("worker0", False), ("chief", True), (None, True)])
def test_only_a_worker_neither_saves_nor_reloads(tuner_id, writes, store, tmp_path, monkeypatch):
    space = to_keras_tuner(TinyApproach().hyperparameters())
    oracle = make_oracle("random", space, trials=2, epochs=1, seed=1, retries=0)
    with open_run("tests", "search", "experiment") as run:
        tuner = TrackedTuner(oracle, tmp_path / "search", run, lambda trial, run: {}, 5, lambda trial: None)
    if tuner_id:
        monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
        monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
        monkeypatch.setenv("KERASTUNER_TUNER_ID", tuner_id)
    called = []
    monkeypatch.setattr(oracle, "save", lambda: called.append("save"))
    monkeypatch.setattr(oracle, "reload", lambda: called.append("reload"))
    tuner.save()
    tuner.reload()
    assert called == (["save", "reload"] if writes else [])
