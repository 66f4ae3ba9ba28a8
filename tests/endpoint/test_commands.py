"""The commands that are printed, as pasted into a shell elsewhere."""

import os
import shlex
import subprocess
import time
import urllib.request

import numpy as np
import psutil
import pytest

from garment_ml.endpoint.commands import serving_commands, ui_commands
from garment_ml.endpoint.server import free_port
from garment_ml.tracking.opening import open_run


def test_of_a_server_the_address_is_printed():
    assert ui_commands("http://127.0.0.1:5000") == "http://127.0.0.1:5000"


def test_a_password_is_left_in_the_variable_it_came_from():
    commands = ui_commands("postgresql://me:secret@host/mlflow")
    assert "secret" not in commands
    assert commands.count('"$MLFLOW_TRACKING_URI"') == 2


def test_a_name_with_a_quote_is_one_word_of_the_command():
    commands = serving_commands(
        "http://127.0.0.1:5000", "models:/shop's@champion", np.zeros((4, 4, 1), np.uint8)
    )
    (serve,) = (line for line in commands.splitlines() if line.startswith("mlflow"))
    assert "models:/shop's@champion" in shlex.split(serve)


@pytest.mark.slow
def test_the_ui_shows_these_runs_from_any_folder(store, tmp_path):
    with open_run("garments", "to be seen", "refit"):
        pass
    port = free_port()
    command = ui_commands(os.environ["MLFLOW_TRACKING_URI"]).replace(
        "--port 5000", f"--port {port} --workers 1"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # eight processes that nobody needs here
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with (tmp_path / "log").open("w") as log:
        ui = subprocess.Popen(command, shell=True, cwd=elsewhere, env=environment, stdout=log, stderr=log)
    try:
        assert '"to be seen"' in search_runs(ui, f"http://127.0.0.1:{port}")
    finally:
        for process in [*psutil.Process(ui.pid).children(recursive=True), ui]:
            process.terminate()
        ui.wait()


def search_runs(ui, address):
    """What the page asks its server for; experiment 1 is the first after Default."""
    body = b'{"experiment_ids": ["1"]}'
    asked = urllib.request.Request(
        f"{address}/ajax-api/2.0/mlflow/runs/search", body, {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.read().decode()
        except OSError:
            assert ui.poll() is None and time.monotonic() < deadline, "the UI is not up"
            time.sleep(0.5)
