"""What a run was made from: code, packages, machine, pictures and split."""

import getpass
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

import mlflow
import psutil
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from pandas import DataFrame

from garment_ml.data.decisions import Corrections
from garment_ml.data.source_options import LeftOut
from garment_ml.data.split_dataset import SplitDataset
from garment_ml.tracking.run import TrackedRun
from garment_ml.tracking.store import project_root

PACKAGES = ("mlflow", "tensorflow", "keras", "keras-tuner", "numpy", "pandas", "scikit-learn", "pillow")
DATASET_TAG, SPLIT_TAG = "garment.dataset_digest", "garment.split_digest"
TRAIN_TAG = "garment.train_pictures"  # how many of the train part were used
CORRECTIONS_TAG = "garment.corrections"
FORM_TAG = "garment.pictures"  # what they were brought to, such as "64x64x3 pad"


def log_facts(run: TrackedRun, data: SplitDataset) -> None:
    """Tags for code, packages, hardware, digests and corrections; the dataset as the active run's input."""
    digests = {DATASET_TAG: data.digest, SPLIT_TAG: data.split.digest, TRAIN_TAG: data.train_pictures}
    of_data = {**digests, FORM_TAG: data.form, "garment.data_origin": data.origin}
    run.set_tags({**environment(), **of_data})
    # MLflow's own digest of an array reads its first 10,000 values only, so we give ours.
    described = MetaDataset(
        CodeDatasetSource(tags={"origin": data.origin}), name=data.name, digest=data.digest
    )
    counts = {part: str(count) for part, count in data.counts.items()}
    mlflow.log_input(described, context="training", tags={**counts, "split_digest": data.split.digest})
    if data.corrections:
        log_corrections(run, data.corrections)


def log_left_out(run: TrackedRun, left_out: Sequence[LeftOut]) -> None:
    """What can't be used, and why, as left_out.csv; nothing where there is nothing."""
    if left_out:
        run.log_report({"left_out.csv": DataFrame(map(vars, left_out))})


def log_corrections(run: TrackedRun, corrections: Corrections) -> None:
    """What was changed by hand, by whom and when; the file as it was read is an artifact."""
    record = {
        **{name: getattr(corrections, name) for name in ("path", "digest", "dropped", "relabelled", "tied")},
        "by": _user(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    run.set_tags({CORRECTIONS_TAG: json.dumps(record)})
    run.client.log_text(run.run_id, corrections.text, "corrections.csv")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a number without a name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


@cache
def environment() -> dict[str, str]:
    """Tags for code, packages and hardware; of this process, which doesn't change them."""
    memory = psutil.virtual_memory().total / 2**30
    packages = {f"version.{name}": version(name) for name in PACKAGES}
    return {
        **_commit(),
        **packages,
        "version.python": platform.python_version(),
        "hardware": f"{os.cpu_count()} cores {_processor()}, {memory:.0f} GiB, {platform.system()}",
    }


def _processor() -> str:
    """The model name Linux gives; platform.processor() is empty there."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _commit() -> dict[str, str]:
    """Commit of the project and whether files differed from it; nothing outside a git checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(project_root()), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return {"mlflow.source.git.commit": git("rev-parse", "HEAD"), "git.changed": str(bool(changed))}
    except (OSError, subprocess.CalledProcessError):
        return {"git.changed": "no git checkout"}
