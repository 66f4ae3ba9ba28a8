"""What decides a training apart from its settings: our sources, and the packages that compute."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Those whose change gives other weights, other probabilities or another choice of hyperparameters.
SOURCES = (
    *("approaches/*.py", "pretrained/*.py", "shipped/*.py"),
    *("evaluation/calibration.py", "studies/refit.py", "studies/refit_run.py"),
    *("evaluation/vote.py", "studies/ensemble.py"),
    *("search/brackets.py", "search/oracles.py", "search/space.py", "search/trial_training.py"),
)
PACKAGES = ("tensorflow", "keras", "keras-tuner", "numpy")


@cache
def code_digest(root: Path = ROOT) -> str:
    """12 hex characters over the text of `SOURCES` and the versions of `PACKAGES`."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            digest.update(f"{path.relative_to(root).as_posix()}\0{path.read_text()}\0".encode())
    for package in PACKAGES:
        digest.update(f"{package} {version(package)}\0".encode())
    return digest.hexdigest()[:12]
