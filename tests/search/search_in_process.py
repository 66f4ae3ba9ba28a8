"""Runs the tiny search in forked processes and kills them: forks share the imports, which cost 25 s.

    python search_in_process.py FOLDER SEED STRATEGY:KILLS ...

Each strategy searches twice, in FOLDER/STRATEGY/undisturbed and .../disturbed, each with its own cache and
its own copy of the empty store FOLDER/mlflow.db. The undisturbed search says which points its work has; at
random ones of them the disturbed search is killed, and started again until it ends. Prints one JSON line: by
STRATEGY/undisturbed and so on, how many of the search's processes were killed, and its result.
"""

import gc
import json
import multiprocessing
import os
import shutil
import sys
import traceback
from dataclasses import asdict, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

import keras  # noqa: F401
import keras_tuner  # noqa: F401
import mlflow  # noqa: F401
import tensorflow  # noqa: F401
from points_of_work import Point, PointsOfWork, kill_points
from tiny import tiny_task

import garment_ml.search.oracles  # noqa: F401
from garment_ml.approaches.hyperparameter import Hyperparameter
from garment_ml.base.terminal import quieten
from garment_ml.search.search import SearchPlan, search
from garment_ml.search.task import Task
from garment_ml.tracking.opening import open_run

TRIALS = 6
ANSWER, POINTS = "answer.json", "points.json"
NEVER = 1000  # the kills are random: no trial shall be given up for having been hit often


def run_search(strategy: str, folder: Path, kill_at: Point | None) -> None:
    quieten()
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    os.environ["GARMENT_ML_CACHE"] = str(folder / "cache")
    task = tiny_task(epochs=4)
    plan = SearchPlan(strategy, TRIALS, 7, hyperparameters(task), max_attempts=NEVER)
    points = PointsOfWork(kill_at)
    points.watch()
    with open_run("killed", "killed search", "experiment") as run:
        result = search(run, task, plan)
    points.end()
    (folder / POINTS).write_text(json.dumps(points.passed))
    (folder / ANSWER).write_text(json.dumps(asdict(result)))


def hyperparameters(task: Task) -> tuple[Hyperparameter, ...]:
    """With one step per epoch: a trial's time goes into its graph, and more steps need a loop in it."""
    return tuple(
        replace(each, default=512) if each.name == "batch_size" else each
        for each in task.approach.hyperparameters()
    )


def forked(strategy: str, folder: Path, kill_at: Point | None) -> bool:
    """Whether the search's process was killed; it is, if `kill_at` says at which point."""
    child = os.fork()
    if child == 0:
        try:
            run_search(strategy, folder, kill_at)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def searched(strategy: str, root: Path, name: str, kills: list[Point]) -> dict:
    folder = root / strategy / name
    folder.mkdir(parents=True)
    shutil.copy(root / "mlflow.db", folder)  # creating the tables takes seconds
    killed = [forked(strategy, folder, point) for point in [*kills, None]]
    return {"killed": sum(killed), **json.loads((folder / ANSWER).read_text())}


def searched_twice(strategy: str, root: Path, kills: int, seed: int) -> dict[str, dict]:
    undisturbed = searched(strategy, root, "undisturbed", [])
    passed = json.loads((root / strategy / "undisturbed" / POINTS).read_text())
    points = kill_points([tuple(each) for each in passed], kills, f"{strategy} {seed}")
    disturbed = searched(strategy, root, "disturbed", points)
    return {f"{strategy}/undisturbed": undisturbed, f"{strategy}/disturbed": disturbed}


def main(folder: Path, seed: int, planned: list[str]) -> None:
    kills = dict(each.split(":") for each in planned)
    jobs = [(strategy, folder, int(count), seed) for strategy, count in kills.items()]
    gc.freeze()  # or each training's garbage collection goes through all that was imported
    with multiprocessing.get_context("fork").Pool(len(jobs)) as pool:
        results = pool.starmap(searched_twice, jobs, chunksize=1)
    print(json.dumps({name: result for both in results for name, result in both.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
