"""Runs the tiny search in forked processes and kills them: forks share the imports, which cost 25 s.

    python search_in_process.py FOLDER SEED STRATEGY:KILLS ...

Each strategy searches twice, in FOLDER/STRATEGY/undisturbed and .../disturbed, each with its own cache and
its own copy of the empty store FOLDER/mlflow.db. Prints one JSON line: by STRATEGY/undisturbed and so on, how
many of the search's processes were killed, and its result.
"""

import gc
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

import keras  # noqa: F401
import keras_tuner  # noqa: F401
import mlflow  # noqa: F401
import tensorflow  # noqa: F401
from tiny import tiny_task

import garment_ml.search.oracles  # noqa: F401
from garment_ml.base.terminal import quieten
from garment_ml.search.search import SearchPlan, search
from garment_ml.tracking.run import open_run

TRIALS = 8
ANSWER = "answer.json"
NEVER = 1000  # the kills are random: no trial shall be given up for having been hit often


def run_search(strategy: str, folder: Path) -> None:
    quieten()
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    os.environ["GARMENT_ML_CACHE"] = str(folder / "cache")
    task = tiny_task(epochs=4)
    plan = SearchPlan(strategy, TRIALS, 7, task.approach.hyperparameters(), max_attempts=NEVER)
    with open_run("killed", "killed search", "experiment") as run:
        result = search(run, task, plan)
    (folder / ANSWER).write_text(json.dumps(asdict(result)))


def forked(strategy: str, folder: Path, seconds: float | None) -> bool:
    """Whether the search's process was killed; without `seconds` it may finish."""
    child = os.fork()
    if child == 0:
        try:
            run_search(strategy, folder)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    if seconds is not None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG)[0]:
                return False
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def searched(strategy: str, root: Path, name: str, kills: int, seed: int) -> dict:
    folder = root / strategy / name
    folder.mkdir(parents=True)
    shutil.copy(root / "mlflow.db", folder)  # creating the tables takes seconds, and most kills would hit it
    moments = random.Random(seed)
    killed = 0
    while killed < kills and forked(strategy, folder, moments.uniform(0.3, 5)):
        killed += 1
    if not (folder / ANSWER).exists():
        forked(strategy, folder, None)
    return {"killed": killed, **json.loads((folder / ANSWER).read_text())}


def main(folder: Path, seed: int, planned: list[str]) -> None:
    jobs = {
        f"{strategy}/{name}": (strategy, folder, name, count, seed)
        for strategy, kills in (each.split(":") for each in planned)
        for name, count in (("undisturbed", 0), ("disturbed", int(kills)))
    }
    gc.freeze()  # or each training's garbage collection goes through all that was imported
    with multiprocessing.get_context("fork").Pool(2) as pool:  # a tiny search keeps one core busy
        results = pool.starmap(searched, jobs.values(), chunksize=1)
    print(json.dumps(dict(zip(jobs, results, strict=True))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
