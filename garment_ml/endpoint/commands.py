"""The exact commands, ready to paste, for looking at runs, getting a file of one, and serving a model."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np

from garment_ml.base.secrets import without_passwords
from garment_ml.shipped.base64_text import encode_picture
from garment_ml.shipped.columns import request_for

PORT, UI_PORT = 5001, 5000


def ui_commands(store_uri: str) -> str:
    """Start MLflow's UI on this store, from any folder; of a tracking server, its address."""
    if store_uri.startswith(("http:", "https:", "databricks")):
        return store_uri
    # --backend-store-uri, as `mlflow ui` doesn't read MLFLOW_TRACKING_URI
    start = f"mlflow ui --backend-store-uri {_quoted(store_uri)} --port {UI_PORT}"
    return f"{_environment(store_uri)}\n{start}   # then open http://127.0.0.1:{UI_PORT}"


def artifact_command(store_uri: str, run_id: str, path: str) -> str:
    """Bring an artifact of the run into the current folder."""
    download = f"mlflow artifacts download --run-id {run_id} --artifact-path {path} --dst-path ."
    return f"{_environment(store_uri)}\n{download}"


def serving_commands(store_uri: str, model_uri: str, picture: np.ndarray) -> str:
    """Serve `model_uri` and ask it about one uint8 picture `(height, width, channels)`."""
    serve = f"mlflow models serve --model-uri {shlex.quote(model_uri)} --env-manager local --port {PORT}"
    request = json.dumps(request_for([encode_picture(picture)]))
    curl = (
        f"curl -s http://127.0.0.1:{PORT}/invocations -H 'Content-Type: application/json' "
        f"-d {shlex.quote(request)}"
    )
    return f"{_environment(store_uri)}\n{serve}\n\n{curl}"


def _environment(store_uri: str) -> str:
    # uvicorn, which serving starts, must be on the PATH beside mlflow
    folder = shlex.quote(str(Path(sys.executable).parent))
    return f"export PATH={folder}:$PATH MLFLOW_TRACKING_URI={_quoted(store_uri)}"


def _quoted(store_uri: str) -> str:
    """A password isn't shown: whoever gave it has it in the variable."""
    hidden = without_passwords(store_uri) != store_uri
    return '"$MLFLOW_TRACKING_URI"' if hidden else shlex.quote(store_uri)
