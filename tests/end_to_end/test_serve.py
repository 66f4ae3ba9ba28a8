"""`experiments.serve` as people run it: a real registry, real scoring servers, promotions under traffic."""

import json
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import psutil
import pytest
import requests

from benchmarks.served import PATIENCE, served
from garment_ml.registry.versions import register
from garment_ml.shipped.base64_text import encode_picture
from garment_ml.shipped.columns import request_for
from tests.endpoint.brightness import logged_model

NAME = "brightness"
BODY = json.dumps(request_for([encode_picture(np.full((4, 4, 1), 240, np.uint8))]))
CLIENTS = 16
BETWEEN = 0  # seconds of traffic before each change of the alias; 200 make ten minutes and more


class Asker(threading.Thread):
    """Asks again and again until told to stop; counts (status, label)."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address, self.answers, self.stopped = address, Counter(), threading.Event()

    def run(self) -> None:
        with requests.Session() as session:
            while not self.stopped.is_set():
                headers = {"Content-Type": "application/json"}
                try:
                    answered = session.post(
                        f"{self.address}/invocations", BODY, headers=headers, timeout=PATIENCE
                    )
                    said = answered.json().get("predictions", [{"label": answered.text}])
                    self.answers[answered.status_code, said[0]["label"]] += 1
                except (requests.RequestException, ValueError) as error:
                    self.answers["lost", repr(error)] += 1


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_promotions_a_damaged_version_and_a_rollback_under_traffic_lose_no_request(store):
    first, opened = logged_model(("dark", "bright"))
    (second, _), (third, _) = logged_model(("black", "white")), logged_model(("night", "day"))
    damaged, _ = logged_model(("no", "never"))
    client = opened.client
    versions = {
        uri: register(
            opened, uri, client.get_logged_model(uri.removeprefix("models:/")).source_run_id, NAME
        ).version
        for uri in (first, second, third, damaged)
    }
    location = client.get_logged_model(damaged.removeprefix("models:/")).artifact_location
    shutil.rmtree(f"{location.removeprefix('file://')}/artifacts")
    client.set_registered_model_alias(NAME, "champion", versions[first])
    recorded = store.parent / "recorded"
    options = ("--refresh", "0.5", "--record", str(recorded))
    with served(f"models:/{NAME}@champion", *options) as (address, process):
        children = psutil.Process(process.pid).children(recursive=True)
        askers = [Asker(address) for _ in range(CLIENTS)]
        for asker in askers:
            asker.start()

        def health() -> dict:
            return requests.get(f"{address}/health", timeout=PATIENCE).json()

        def promote(uri: str) -> None:
            time.sleep(BETWEEN)
            client.set_registered_model_alias(NAME, "champion", versions[uri])

        def answers_well(uri: str) -> bool:
            return health() == {"status": "ok", "model": f"models:/{NAME}/{versions[uri]}"}

        promote(second)
        wait_until(lambda: answers_well(second))
        promote(damaged)
        wait_until(lambda: health()["status"] == "degraded")
        assert f"models:/{NAME}/{versions[damaged]} doesn't start" in health()["problem"]
        for uri in (third, first):
            promote(uri)
            wait_until(lambda uri=uri: answers_well(uri))
        for asker in askers:
            asker.stopped.set()
            asker.join(PATIENCE)
        answers = sum((asker.answers for asker in askers), Counter())
        assert set(answers) == {(200, "bright"), (200, "white"), (200, "day")}
        assert min(answers.values()) > 4
        children += psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        wait_until(lambda: not any(child.is_running() for child in children))
        hours = [np.load(file) for file in recorded.glob("*.npz")]
        assert sum(hour["labels"].sum() for hour in hours) >= sum(answers.values()) / 2
        assert {str(hour["model_id"]) for hour in hours} == {
            each.removeprefix("models:/") for each in (first, second, third)
        }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "no token is asked for; give --token, or --open"),
        (["--host", "192.0.2.1", "--open"], "can't be listened on"),
        (["--servers", "0"], "servers"),
    ],
)
def test_an_address_it_must_not_or_can_not_have_is_refused_in_a_sentence(options, words, capsys):
    from click.testing import CliRunner

    from experiments.serve import main

    done = CliRunner().invoke(main, options)
    assert done.exit_code == 2
    assert words in done.output + capsys.readouterr().err
