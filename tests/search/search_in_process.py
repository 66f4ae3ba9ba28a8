"""Runs the tiny search in forked processes and kills them: forks share the imports, which cost 25 s.

    python search_in_process.py STRATEGY KILLS SEED      (store and caches come from the environment)

Prints one JSON line: how many processes were killed, and the best trial's hyperparameters and score.
"""

import json
import os
import random
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
from garment_ml.quiet import quieten
from garment_ml.search.search import SearchPlan, search
from garment_ml.tracking.run import open_run

TRIALS = 8
NEVER = 1000  # the kills are random: no trial shall be given up for having been hit often


def run_search(strategy: str, answer: Path) -> None:
    quieten()
    task = tiny_task(epochs=4)
    plan = SearchPlan(strategy, TRIALS, 7, task.approach.hyperparameters(), max_attempts=NEVER)
    with open_run("killed", "killed search", "experiment") as run:
        result = search(run, task, plan)
    answer.write_text(json.dumps(asdict(result)))


def forked(strategy: str, answer: Path, seconds: float | None) -> bool:
    """Whether the search's process was killed; without `seconds` it may finish."""
    child = os.fork()
    if child == 0:
        try:
            run_search(strategy, answer)
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


def main(strategy: str, kills: int, seed: int) -> None:
    moments = random.Random(seed)
    answer = Path(os.environ["GARMENT_ML_CACHE"], "answer.json")
    answer.parent.mkdir(parents=True, exist_ok=True)
    killed = 0
    while killed < kills and forked(strategy, answer, moments.uniform(0.3, 5)):
        killed += 1
    if not answer.exists():
        forked(strategy, answer, None)
    print(json.dumps({"killed": killed, **json.loads(answer.read_text())}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
