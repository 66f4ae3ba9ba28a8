"""Whatever is sent: odd pictures to both servers, malformed bodies and stubborn connections to `serve`."""

import base64
import json
import socket
from collections.abc import Iterator

import numpy as np
import psutil
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.served import PATIENCE, served
from garment_ml.endpoint.server import running_endpoint
from garment_ml.shipped.base64_text import encode_picture
from garment_ml.shipped.columns import request_for
from garment_ml.tracking.fetched_files import fetched
from tests.end_to_end.odd_pictures import odd_pictures
from tests.endpoint.brightness import CLASSES, logged_model

pytestmark = pytest.mark.slow
JSON = {"Content-Type": "application/json"}
LARGEST = 100_000  # bytes of a body that `serve` takes here
EXAMPLES = 1_000
GOOD = request_for([encode_picture(np.full((4, 4, 1), 240, np.uint8))])


@pytest.fixture(scope="module")
def servers(tmp_path_factory, empty_store) -> Iterator[dict[str, str]]:
    """Addresses of the same model behind `mlflow models serve` and behind `serve`; the latter's process."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        model_uri, opened = logged_model()
        limits = ("--largest-body", str(LARGEST / 1e6), "--seconds", "20")
        with (
            fetched(opened, model_uri) as model,
            running_endpoint(model) as stock,
            served(model_uri, *limits) as (address, process),
        ):
            yield {"stock": f"http://127.0.0.1:{stock.port}", "serve": address, "pid": str(process.pid)}


def post(address: str, body: bytes | str, headers: dict[str, str] = JSON) -> requests.Response:
    return requests.post(f"{address}/invocations", body, headers=headers, timeout=PATIENCE)


def assert_says_little(response: requests.Response) -> None:
    assert response.status_code < 500, response.text[:500]
    if response.status_code != 200:
        assert len(response.text) <= 1_000
        assert "Traceback" not in response.text and 'File "' not in response.text


def test_odd_pictures_get_an_answer_or_a_sentence_and_the_same_from_both(servers):
    pictures, refused = odd_pictures(), []
    assert len(pictures) >= 60
    for name, (content, is_readable) in pictures.items():
        text = base64.b64encode(content).decode()
        body = json.dumps(request_for([text]))
        ours, stock = post(servers["serve"], body), post(servers["stock"], body)
        assert_says_little(ours)
        assert ours.status_code == stock.status_code, name
        if ours.status_code == 200:
            (answer,) = ours.json()["predictions"]
            assert stock.json()["predictions"] == [answer], name
            assert answer["label"] in CLASSES and 0.5 <= answer["confidence"] <= 1, name
        else:
            assert "row 0: " in ours.json()["message"], (name, ours.text)
            refused.append(name)
        assert is_readable in (None, name not in refused), name


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
words = st.sampled_from(
    ["dataframe_split", "dataframe_records", "instances", "inputs", "columns", "data", "image"]
)
nearly = st.fixed_dictionaries(
    {},
    optional={
        "dataframe_split": values | st.fixed_dictionaries({"columns": values, "data": values}),
        "dataframe_records": values | st.lists(st.fixed_dictionaries({"image": values}), max_size=3),
        "instances": values,
        "inputs": values,
        "params": values
        | st.fixed_dictionaries({}, optional={"top_k": values, "on_error": values, "heat_map": values}),
    },
)
deep = st.integers(1, 8_000).map(lambda levels: "[" * levels + "]" * levels)
cut = st.integers(0, len(json.dumps(GOOD))).map(lambda end: json.dumps(GOOD)[:end])
flipped = st.tuples(st.integers(0, len(json.dumps(GOOD)) - 1), st.integers(0, 255)).map(
    lambda at: (text := json.dumps(GOOD).encode())[: at[0]] + bytes([at[1]]) + text[at[0] + 1 :]
)
bodies = st.one_of(
    st.binary(max_size=500),
    st.text(max_size=500).map(str.encode),
    values.map(json.dumps).map(str.encode),
    nearly.map(json.dumps).map(str.encode),
    st.dictionaries(words, values, max_size=3).map(json.dumps).map(str.encode),
    deep.map(lambda text: b'{"inputs": ' + text.encode() + b"}"),
    deep.map(str.encode),
    cut.map(str.encode),
    flipped,
    st.just(b"image\n" + b"A" * (LARGEST + 1)),
)
kinds = st.sampled_from(
    [*["application/json"] * 6, "text/csv", "text/csv", "application/json; charset=utf-16", "text/plain", ""]
)


def memory(pid: int) -> int:
    """Bytes of the process and all that it started."""
    server = psutil.Process(pid)
    return sum(each.memory_info().rss for each in [server, *server.children(recursive=True)])


def test_no_body_makes_it_fail_tell_too_much_or_grow(servers):
    address, pid = servers["serve"], int(servers["pid"])
    with requests.Session() as session:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(body=bodies, kind=kinds)
        def send(body: bytes, kind: str) -> None:
            headers = {"Content-Type": kind} if kind else {}
            assert_says_little(
                session.post(f"{address}/invocations", body, headers=headers, timeout=PATIENCE)
            )

        for _ in range(20):
            assert post(address, json.dumps(GOOD)).status_code == 200
        before = memory(pid)
        send()
    assert memory(pid) - before < 150e6
    assert post(address, json.dumps(GOOD)).json()["predictions"][0]["label"] == "bright"


def connection(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), PATIENCE)


def test_those_who_never_finish_a_request_stop_no_other(servers):
    head = b"POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
    stubborn = [connection(servers["serve"]) for _ in range(200)]
    for number, each in enumerate(stubborn):
        most = b"Content-Length: %d\r\n\r\n" % LARGEST + b"{" * (LARGEST - 1)
        kinds_of_slow = (b"", b"Content-Length: 5000\r\n\r\n{", most if number < 60 else b"")
        each.sendall(head + kinds_of_slow[number % 3])
    assert post(servers["serve"], json.dumps(GOOD)).status_code == 200
    for each in stubborn:
        each.close()
    assert post(servers["serve"], json.dumps(GOOD)).status_code == 200


def test_connections_that_are_closed_half_way_stop_no_other(servers):
    """What asyncio takes for gone: it is free not to be answered."""
    body = json.dumps(GOOD).encode()
    for _ in range(40):
        half = connection(servers["serve"])
        half.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )
        half.shutdown(socket.SHUT_WR)
        half.close()
    assert post(servers["serve"], json.dumps(GOOD)).json()["predictions"][0]["label"] == "bright"
