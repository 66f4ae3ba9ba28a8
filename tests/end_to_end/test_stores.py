"""What every kind of store has to bear: one class of tests, run against each."""

from types import SimpleNamespace

import pytest

from garment_ml.comparison.compare import compare
from garment_ml.comparison.finalists import find_finalists
from garment_ml.registry.moves import crown, history, roll_back
from garment_ml.registry.promotion import promote
from garment_ml.registry.thresholds import Thresholds
from garment_ml.registry.versions import CHAMPION, PREVIOUS, aliased, find_version
from garment_ml.search.tuner import TrackedTuner
from garment_ml.studies.settings import LearningSettings
from garment_ml.studies.study import run_study
from garment_ml.tracking.fetched_models import fetch_servable
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.run import KIND_TAG
from garment_ml.tracking.store import open_store
from tests.search.tiny import TinyApproach, tiny_task
from tests.toys import EXPERIMENT, Toy, World

pytestmark = pytest.mark.slow
SETTINGS = LearningSettings(trials=2, strategy="random", epochs=1, refits=2, finalists=0)
THRESHOLDS = Thresholds(margin=0.05, longest_latency=60_000.0)
NAME = "contract"


@pytest.fixture(params=["sqlite", "server", "server over PostgreSQL"], scope="class")
def address(request, empty_store, tmp_path_factory):
    if request.param == "sqlite":
        database = tmp_path_factory.mktemp("contract") / "mlflow.db"
        database.write_bytes(empty_store.read_bytes())
        return f"sqlite:///{database}"
    fixture = "tracking_server" if request.param == "server" else "postgresql_server"
    return request.getfixturevalue(fixture)


@pytest.fixture(autouse=True)
def used(address, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)


def of_kind(experiment, kind):
    return open_store(experiment).find(f"tags.`{KIND_TAG}` = '{kind}'")


def statuses(experiment, kind):
    return sorted(run.info.status for run in of_kind(experiment, kind))


class TestEveryStore:
    def test_an_interrupted_study_is_gone_on_with_from_an_empty_cache(self, isolated, monkeypatch):
        def interrupted(tuner, trial):
            if trial.trial_id == "1":
                raise KeyboardInterrupt
            return run_trial(tuner, trial)

        task, run_trial = tiny_task(epochs=1), TrackedTuner.run_trial
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(TrackedTuner, "run_trial", interrupted)
            with open_run(NAME, "study", "experiment") as run:
                run_study(run, TinyApproach(), task.data, SETTINGS)
        monkeypatch.setenv("GARMENT_ML_CACHE", str(isolated / "elsewhere"))
        for _ in range(2):  # the second time all is found
            with open_run(NAME, "study", "experiment") as run:
                study = run_study(run, TinyApproach(), task.data, SETTINGS)
        assert len(study.refits) == 2
        statuses = {
            kind: sorted(run.info.status for run in of_kind(NAME, kind)) for kind in ("trial", "refit")
        }
        assert statuses == {"trial": ["FINISHED", "FINISHED", "KILLED"], "refit": ["FINISHED"] * 2}
        assert len(of_kind(NAME, "search")) == 1

    def test_models_are_compared_promoted_rolled_back_and_served(self):
        world = World.make()
        first, second = (world.refit(Toy("good", seed=seed, bias=(seed / 50, 0, 0))) for seed in (1, 2))
        with open_run(EXPERIMENT, "comparison", "comparison") as run:
            finalists = find_finalists(run, world.data, {first.run_id, second.run_id})
            board = compare(run, world.data, finalists)
            assert len(board.rows[0].predictions) == 2
            verdict = promote(run, first.model_uri, world.data, THRESHOLDS, NAME)  # asks a real endpoint, too
            assert verdict.passed, verdict.refused
            version = find_version(run.store, second.model_uri, NAME)
            crown(run.store, str(version.version), "1", "without a gate, which takes long", NAME)
            assert numbers(run) == SimpleNamespace(champion="2", previous="1")
            roll_back(run.store, "by hand", NAME)
            assert numbers(run) == SimpleNamespace(champion="1", previous="2")
            assert [move.after for move in history(run.store, NAME)] == ["1", "2", "1"]
            servable = fetch_servable(run.store, f"models:/{NAME}@{CHAMPION}")
            assert servable.class_names == world.data.class_names


def numbers(run):
    return SimpleNamespace(
        champion=str(aliased(run.store, CHAMPION, NAME).version),
        previous=str(aliased(run.store, PREVIOUS, NAME).version),
    )
