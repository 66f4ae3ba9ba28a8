"""A search's state on its run, so that another machine, or this one with an emptied cache, goes on with it.

The files of keras-tuner's oracle are one JSON artifact, `search_state.json`, written whenever a trial has
begun or ended. Weights are not in it: a trial that was to go on from an earlier one's begins with epoch 0.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException

from garment_ml.base.terminal import say
from garment_ml.base.write_aside import write_aside
from garment_ml.tracking.run import TrackedRun

FILE = "search_state.json"
ORACLE, TRIAL = "oracle.json", "trial_*/trial.json"
NOTHING = (-1, -1)


def keep_state(run: TrackedRun, directory: Path) -> None:
    """On the run, as it lies in the search's directory."""
    files = [directory / ORACLE, *directory.glob(TRIAL)]
    state = {path.relative_to(directory).as_posix(): json.loads(path.read_text()) for path in files}
    run.client.log_text(run.run_id, json.dumps(state), FILE)


def restore_state(run: TrackedRun, directory: Path) -> None:
    """Bring the directory to what the run has, where that is further; a damaged one is set aside."""
    local = _read_local(directory)
    if local is None:
        aside = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f"{directory.name}.damaged."))
        shutil.move(directory, aside)
        say(f"the search's state in {directory} was damaged; it is set aside in {aside}")
    kept = _fetch(run)
    if _progress(kept) <= _progress(local):
        return
    shutil.rmtree(directory, ignore_errors=True)
    for name, content in sorted(kept.items(), reverse=True):  # the trials first: the oracle's file counts
        write_aside(directory / name, json.dumps(content).encode())


def _read_local(directory: Path) -> dict[str, Any] | None:
    """Empty where there is none; None where it can't be read, or lacks a trial that was begun."""
    if not (directory / ORACLE).exists():
        return {}
    try:
        state = {ORACLE: json.loads((directory / ORACLE).read_text())}
        _progress(state)  # raises for JSON of another shape
        for trial_id in state[ORACLE]["start_order"]:
            json.loads((directory / f"trial_{trial_id}" / "trial.json").read_text())
    except (ValueError, OSError, KeyError, TypeError):
        return None
    return state


def _fetch(run: TrackedRun) -> dict[str, Any]:
    """Empty where the run has none that can be read."""
    try:
        with run.artifact(FILE) as file:
            return json.loads(file.read_text()) if file else {}
    except (ValueError, OSError, MlflowException):  # cut off while it was written
        return {}


def _progress(state: dict[str, Any] | None) -> tuple[int, int]:
    """Trials ended, and begun."""
    if not state:
        return NOTHING
    oracle = state[ORACLE]
    return len(oracle["end_order"]), len(oracle["start_order"])
