"""A real `mlflow server` over HTTP, with artifacts through it, as a team has one."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from garment_ml.endpoint.server import free_port

PATIENCE = 600  # seconds, in case it never comes up


@pytest.fixture(scope="session")
def tracking_server(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; over SQLite."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    with served(folder, f"sqlite:///{folder / 'mlflow.db'}") as address:
        yield address


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address; over PostgreSQL, where its programs are installed."""
    if shutil.which("initdb") is None or shutil.which("postgres") is None:
        pytest.skip("there is no PostgreSQL here")
    with postgresql() as database, served(tmp_path_factory.mktemp("postgresql"), database) as address:
        yield address


@contextmanager
def served(folder: Path, database: str) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", database, "--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        _wait(server, f"{address}/health", folder / "server.log")
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def postgresql() -> Iterator[str]:
    """Address of an empty database; its server won't run as root."""
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, "nobody")
        data, port = f"{folder}/data", free_port()
        initialize = ["initdb", "-D", data, "-A", "trust", "-U", "garment", "--no-sync"]
        subprocess.run(initialize, cwd=folder, check=True, capture_output=True, **user)
        command = ["postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        server = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, **user
        )
        try:
            yield f"postgresql://garment@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # it ends without waiting for connections
            server.wait()


def _wait(server: subprocess.Popen, address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the tracking server is not up: {log.read_text()[-2000:]}")
