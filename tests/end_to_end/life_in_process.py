"""Whole lives of a model, whose commands are killed -9: forks share the imports, which cost 25 s.

    python life_in_process.py FOLDER LIVES SERVER

A life is a study (search, final, refits), a comparison, two promotions and a rollback, each a process of its
own. Every third life is on the tracking server at SERVER, the others on a copy of FOLDER/mlflow.db. An
undisturbed life on each kind of store says how often each command writes; life k of n has each command killed
k/n of the way, the study once more while it opens again, and started again until it ends. Prints one JSON
line: which commands were killed after how many writes, and the lives that came out other than undisturbed.
"""

import gc
import json
import os
import random
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import keras_tuner  # noqa: F401
from mlflow import MlflowClient

from garment_ml.approaches import catalogue
from garment_ml.base.terminal import quieten
from garment_ml.comparison.compare import compare
from garment_ml.comparison.finalists import find_finalists
from garment_ml.registry import evidence, gate
from garment_ml.registry.moves import BEGUN, DONE, history, roll_back
from garment_ml.registry.promotion import promote
from garment_ml.registry.thresholds import Thresholds
from garment_ml.registry.versions import CHAMPION, PREVIOUS, aliased
from garment_ml.search.tuner import TRIAL_TAG
from garment_ml.studies.settings import LearningSettings
from garment_ml.studies.study import run_study
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.refit_record import Refit
from garment_ml.tracking.run import KIND_TAG, PARENT_TAG
from garment_ml.tracking.store import open_store
from tests.search.tiny import TinyApproach, tiny_task

SETTINGS = LearningSettings(trials=3, strategy="random", epochs=2, refits=2, finalists=1)
LENIENT = Thresholds(margin=1.0, lowest_recall=0.0, highest_calibration_error=1.0)
WRITES = ("create_", "set_", "log_", "delete_", "update_", "finalize_", "_create_")
OPENING = 12  # writes of a study that was cut off before it goes on
ANSWER = "answer.json"


@dataclass(frozen=True)
class Life:
    folder: Path
    store: str
    name: str

    def lead(self) -> None:
        """In this process."""
        quieten()
        os.environ |= {"MLFLOW_TRACKING_URI": self.store, "GARMENT_ML_CACHE": str(self.folder / "cache")}
        catalogue.APPROACHES["tiny"] = TinyApproach
        # A served endpoint takes ten seconds and writes nothing: tests/registry asks it.
        evidence.probe_endpoint = lambda *_: evidence.EndpointAnswers()
        asks = ("reloaded_probabilities", "endpoint_round_trip", "latency_milliseconds")
        gate.CHECKS = tuple(check for check in gate.CHECKS if check.name not in asks)

    def study(self) -> None:
        with open_run(self.name, "study", "experiment", key="study") as run:
            run_study(run, TinyApproach(), tiny_task().data, SETTINGS)

    def comparison(self) -> None:
        with open_run(self.name, "comparison", "comparison") as run:
            data = tiny_task().data
            compare(run, data, find_finalists(run, data))

    def promotion(self) -> None:
        self._promote(0)

    def second_promotion(self) -> None:
        self._promote(1)

    def _promote(self, place: int) -> None:
        with open_run(self.name, "promotion", "promotion") as run:
            data = tiny_task().data
            refits = sorted(find_finalists(run, data).rows[0].refits, key=lambda each: each.seed)
            verdict = promote(run, refits[place].model_uri, data, LENIENT, self.name)
            assert verdict.passed, verdict.refused
            assert not [move for move in history(run.store, self.name) if move.state == BEGUN]

    def rollback(self) -> None:
        with open_run(self.name, "rollback", "rollback") as run:
            roll_back(run.store, "by hand", self.name, run.run_id)

    def has_ended(self) -> bool:
        """The latest command: a kill after its last word is none."""
        runs = open_store(self.name).find("attributes.status != ''")
        return next(run for run in runs if PARENT_TAG not in run.data.tags).info.status == "FINISHED"

    def outcome(self) -> dict[str, Any]:
        """All that a kill could lose, double or leave open; run ids and times aside."""
        store = open_store(self.name)
        runs = store.find("attributes.status != ''")
        finished = [run for run in runs if run.info.status == "FINISHED"]
        kinds = {kind: [run for run in finished if run.data.tags.get(KIND_TAG) == kind] for kind in KINDS}
        moves = [move for move in history(store, self.name) if move.state == DONE]
        refits = [Refit.of(run) for run in kinds["refit"]]
        champion, previous = (aliased(store, alias, self.name) for alias in (CHAMPION, PREVIOUS))
        assert champion and previous
        return {
            "running": sum(run.info.status == "RUNNING" for run in runs),
            "searches": len(kinds["search"]),
            "trials": sorted(
                (run.data.tags[TRIAL_TAG], run.data.params["learning_rate"]) for run in kinds["trial"]
            ),
            "refits": sorted(
                [str(each.recipe), each.seed, each.metrics["validation_accuracy"]] for each in refits
            ),
            "tested": sorted(each.metrics.get("test_accuracy", -1) for each in refits),
            "moves": [(move.action, move.before, move.after) for move in moves],
            "begun": [move.state for move in history(store, self.name) if move.state == BEGUN],
            "aliases": [str(champion.version), str(previous.version)],
            "versions": len(store.client.search_model_versions(f"name = '{self.name}'")),
        }


KINDS = ("search", "trial", "refit")
COMMANDS = (Life.study, Life.comparison, Life.promotion, Life.second_promotion, Life.rollback)


def count_writes(last: int | None) -> list[int]:
    """From now on those of the main thread to MLflow and of files put in place; killed after the `last`."""
    done = [0]

    def counted(write: Callable) -> Callable:
        @wraps(write)
        def call(*given: Any, **named: Any) -> Any:
            result = write(*given, **named)
            if threading.current_thread() is threading.main_thread():
                done[0] += 1
                if done[0] == last:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name in dir(MlflowClient):
        if name.startswith(WRITES):
            setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
    os.replace = counted(os.replace)
    return done


def forked(life: Life, work: Callable[[Life], Any], last: int | None = None) -> tuple[bool, dict[str, Any]]:
    """Whether it was killed, and otherwise its result and how often it wrote."""
    child = os.fork()
    if child == 0:
        try:
            life.lead()
            writes = count_writes(last)
            result = work(life)
            (life.folder / ANSWER).write_text(json.dumps({"result": result, "writes": writes[0]}))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True, {}
    assert status == 0, f"{work.__name__} of {life.name} failed"
    return False, json.loads((life.folder / ANSWER).read_text())


def undisturbed(life: Life) -> tuple[dict[str, Any], dict[Callable, int]]:
    """What comes out, and how often each command writes."""
    writes = {command: forked(life, command)[1]["writes"] for command in COMMANDS}
    return forked(life, Life.outcome)[1]["result"], writes


def disturbed(life: Life, writes: dict[Callable, int], way: float) -> tuple[dict[str, Any], list[str]]:
    """What comes out, and which commands were killed after how many writes."""
    kills = []
    for command in COMMANDS:
        points = [1 + int(writes[command] * way)]
        points += [random.Random(life.name).randint(1, OPENING)] if command is Life.study else []
        for last in points:
            if forked(life, command, last)[0]:
                kills.append(f"{command.__name__} {last}")
        if not forked(life, Life.has_ended)[1]["result"]:
            forked(life, command)
    for command in (Life.study, Life.comparison):  # all that they need is there
        forked(life, command)
    return forked(life, Life.outcome)[1]["result"], kills


def main(root: Path, lives: int, server: str) -> None:
    def life(name: str, on_server: bool) -> Life:
        folder = root / name
        folder.mkdir()
        if not on_server:
            shutil.copy(root / "mlflow.db", folder)
        return Life(folder, server if on_server else f"sqlite:///{folder / 'mlflow.db'}", name)

    gc.freeze()  # or each training's garbage collection goes through all that was imported
    expected = [undisturbed(life(f"undisturbed-{kind}", kind == "server")) for kind in ("database", "server")]
    killed, others = [], []
    for number in range(lives):
        outcome, writes = expected[number % 3 == 2]
        found, kills = disturbed(life(f"life-{number}", number % 3 == 2), writes, number / lives)
        print(f"life {number}: killed at {', '.join(kills)}", file=sys.stderr, flush=True)
        killed += kills
        others += [(f"life {number}", found, outcome)] if found != outcome else []
    print(json.dumps({"killed": killed, "others": others}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
