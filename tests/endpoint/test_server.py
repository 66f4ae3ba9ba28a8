"""A real server with a real model, asked over HTTP."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from garment_ml.base.errors import GarmentError
from garment_ml.endpoint.server import Endpoint, running_endpoint
from garment_ml.tracking.fetched_files import fetched
from garment_ml.tracking.store import open_store
from tests.endpoint.brightness import logged_model


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@pytest.mark.slow
def test_the_server_of_a_process_that_is_killed_ends_too(tmp_path: Path):
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from garment_ml.endpoint import server\n"
        "server.get_cmd = lambda *_, **__: ('sleep 1000', dict(os.environ))\n"
        "folder = Path(sys.argv[1])\n"
        "print(server._start(folder, 1, folder, folder / 'log').pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    ours = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    group = int(ours.stdout.readline())
    assert psutil.Process(group).is_running()
    ours.kill()
    ours.wait()
    psutil.Process(group).wait(timeout=60)
    assert not psutil.pid_exists(group)


@pytest.mark.slow
def test_it_answers_from_elsewhere_and_leaves_nothing_behind(store: Path, monkeypatch):
    model_uri, opened = logged_model()
    monkeypatch.setenv("PYTHONPATH", os.getcwd())  # must not reach the server
    pictures = np.stack([np.full((4, 4, 1), grey, np.uint8) for grey in (10, 240)])
    before = children()
    with fetched(opened, model_uri) as model, running_endpoint(model) as endpoint:
        (server,) = (each for each in children() - before if each.name() != "bash")
        assert not Path(server.cwd()).is_relative_to(Path.cwd())
        assert "PYTHONPATH" not in server.environ()
        assert server.environ()["CUDA_VISIBLE_DEVICES"] == "-1"  # a GPU's answers are not the recorded ones
        answers = endpoint.ask(pictures)
        assert [answer["label"] for answer in answers] == ["dark", "bright"]
        assert set(answers[0]) == {"label", "confidence", "probability_dark", "probability_bright"}
        with pytest.raises(GarmentError, match=r"answered 400: .*no pictures"):
            endpoint.ask(pictures[:0])
    assert not server.is_running() and children() <= before
    assert not endpoint.is_up()
    with pytest.raises(GarmentError, match="doesn't answer"):
        endpoint.ask(pictures)


@pytest.mark.slow
def test_a_model_that_does_not_load_is_an_error_with_the_servers_last_word(store: Path):
    model_uri, opened = logged_model()
    (keras_file,) = (store.parent / "mlartifacts").rglob("artifacts/model.keras")
    keras_file.write_bytes(b"no Keras file")
    before = set(psutil.Process().children(recursive=True))
    with (
        fetched(opened, model_uri) as model,
        pytest.raises(GarmentError, match=r"ended while starting: .+"),
        running_endpoint(model),
    ):
        pass
    assert set(psutil.Process().children(recursive=True)) == before


def test_a_model_that_is_not_there_is_an_error_that_names_it(store: Path):
    with (
        pytest.raises(GarmentError, match="models:/nothing/1 can't be fetched"),
        fetched(open_store("endpoints"), "models:/nothing/1"),
    ):
        pass


def test_a_port_where_nobody_listens_is_not_up():
    assert not Endpoint(1).is_up()
