"""An environment for AutoKeras, which nothing else here needs: made once, in the cache."""

import hashlib
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

from garment_ml.base.cache_directory import cache_directory
from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import say

AUTOKERAS = "3.0.0"
# In the versions that ours is trained with, so that they make no difference. AutoKeras imports tensorboard
# without asking for it.
SHARED = ("keras", "keras-tuner", "numpy", "tensorboard", "tensorflow")


def requirements() -> list[str]:
    return [f"autokeras=={AUTOKERAS}", *(f"{name}=={version(name)}" for name in SHARED)]


def autokeras_python() -> Path:
    """Its Python; installed first where it isn't there, which takes minutes and 2 GB."""
    wanted = requirements()
    key = hashlib.sha256(f"{sys.version} {wanted}".encode()).hexdigest()[:8]
    folder = cache_directory("benchmarks", f"autokeras-{AUTOKERAS}-{key}")
    python, installed = folder / "bin" / "python", folder / "installed"
    if not installed.exists():
        say(f"Installing {', '.join(wanted)} in {folder} ...")
        venv.create(folder, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GarmentError(f"AutoKeras could not be installed:\n{done.stderr.strip()[-2000:]}")
        installed.touch()
    return python
