"""Starts the server that `mlflow models serve --env-manager local` starts, and asks it as a client would."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.pyfunc.scoring_server import get_cmd

from garment_ml.base.errors import GarmentError
from garment_ml.base.secrets import TOKEN_VARIABLE
from garment_ml.shipped.base64_text import encode_picture
from garment_ml.shipped.columns import request_for

HOST = "127.0.0.1"
# Beside the server, in its process group, which then ends as a whole.
END_WITH_US = "{ read -r; kill -KILL -- -$$; } <&0 &"
LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", TOKEN_VARIABLE)


@dataclass(frozen=True)
class Endpoint:
    """A server that is up."""

    port: int

    def ask(self, pictures: np.ndarray, timeout: float = 120) -> list[dict[str, Any]]:
        """One answer per uint8 picture, the columns as keys; GarmentError for anything but an answer."""
        body = json.dumps(request_for(map(encode_picture, pictures)))
        headers = {"Content-Type": "application/json"}
        try:
            status, text = self._request("POST", "/invocations", body, headers, timeout)
        except (OSError, HTTPException) as error:
            raise GarmentError(f"the endpoint at port {self.port} doesn't answer: {error!r}") from error
        if status != 200:
            raise GarmentError(f"the endpoint answered {status}: {text[:300]}")
        return json.loads(text)["predictions"]

    def is_up(self) -> bool:
        try:
            return self._request("GET", "/ping", None, {}, timeout=5)[0] == 200
        except (OSError, HTTPException):
            return False

    def _request(
        self, method: str, path: str, body: str | None, headers: dict[str, str], timeout: float
    ) -> tuple[int, str]:
        connection = HTTPConnection(HOST, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@contextmanager
def running_endpoint(model: Path, patience: float = 300) -> Iterator[Endpoint]:
    """One of `running_endpoints`, on the CPU, so that its answers are the same on every machine."""
    with running_endpoints(model, 1, patience, without_gpu=True) as (endpoint,):
        yield endpoint


@contextmanager
def running_endpoints(
    model: Path,
    count: int,
    patience: float = 300,
    request_seconds: float | None = None,
    *,
    without_gpu: bool = False,
) -> Iterator[list[Endpoint]]:
    """Serve the logged model in the folder `model` while the block lasts, without PYTHONPATH.

    The package installed here can't help the model out: the copy shipped with the model comes first on the
    server's path. Raises GarmentError, with what a server said last, when it ends or isn't up after
    `patience` seconds.
    """
    deadline = time.monotonic() + patience
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        started = []
        for number in range(count):
            endpoint, log = Endpoint(free_port()), Path(folder, f"server_{number}.log")
            server = _start(model, endpoint.port, Path(folder), log, request_seconds, without_gpu)
            running.callback(_stop, server)
            started.append((server, endpoint, log))
        for server, endpoint, log in started:
            _wait(server, endpoint, deadline, log)
        yield [endpoint for _, endpoint, _ in started]


def _start(
    model: Path,
    port: int,
    folder: Path,
    log: Path,
    request_seconds: float | None = None,
    without_gpu: bool = False,
) -> subprocess.Popen:
    seconds = math.ceil(request_seconds) if request_seconds else None
    command, environment = get_cmd(str(model), port, HOST, timeout=seconds)
    for name in LEFT_OUT:
        environment.pop(name, None)
    if without_gpu:
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    # uvicorn lies beside the interpreter, also when its environment was not activated
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}"
    with log.open("w") as output:
        return subprocess.Popen(
            ["bash", "-c", f"{END_WITH_US} exec {command} </dev/null"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,  # nothing is written: it ends when this process does, however that dies
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(server: subprocess.Popen, endpoint: Endpoint, deadline: float, log: Path) -> None:
    while not endpoint.is_up():
        if server.poll() is not None:
            raise GarmentError(f"the endpoint ended while starting: {_last_line(log)}")
        if time.monotonic() > deadline:
            raise GarmentError(f"the endpoint is not up in time; its last word: {_last_line(log)}")
        time.sleep(0.2)


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:500] if lines else "(nothing)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _stop(server: subprocess.Popen) -> None:
    """The whole process group: first asked, after ten seconds killed."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, sign)
            server.wait(timeout=10)
            break
        except ProcessLookupError:
            server.wait()
            break
        except subprocess.TimeoutExpired:
            continue
    if server.stdin:
        server.stdin.close()
