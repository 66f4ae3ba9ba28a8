"""The front with scoring servers that answer what a test wants; end_to_end/test_serve.py has real ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError
from garment_ml.endpoint.server import Endpoint, free_port
from garment_ml.operations.fleet import Fleet
from garment_ml.operations.following import Follower
from garment_ml.operations.front import Front, Limits
from tests.operations.fronts import ASKED, LIMITS, ask, front_of, says, scoring_server


def with_front(check: Callable, answer: Callable | None = None, limits: Limits = LIMITS) -> None:
    async def run() -> None:
        async with scoring_server(answer or says("boot")) as one, front_of(one, limits=limits) as made:
            await check(*made)

    asyncio.run(run())


def test_it_hands_on_what_the_server_answers():
    async def check(front, client):
        assert await ask(client) == (200, {"predictions": [{"label": "boot"}]})

    with_front(check)


DEEP = b'{"a":' + b"[" * 4900 + b"]" * 4900 + b"}"


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"data": b"{}"}, 415, "the Content-Type is ''"),
        ({"data": b"PAR1", "headers": {"Content-Type": "application/vnd.apache.parquet"}}, 415, "parquet"),
        ({"data": b"{"}, 400, "no JSON"),
        ({"data": b"\xff\xfe"}, 400, "no JSON"),
        ({"data": b"[]"}, 400, "a JSON list, expected an object"),
        ({"data": DEEP}, 400, "nested"),
        ({"data": b'{"a":' + b"[" * 20 + b"]" * 20 + b"}"}, 400, "deeper than 8 levels"),
        (
            {"data": json.dumps({"inputs": [{f"c{i}": 1} for i in range(101)]}).encode()},
            400,
            "has 101 columns",
        ),
        ({"data": json.dumps({"dataframe_split": {"data": [[1] * 200, []]}}).encode()}, 400, "200 columns"),
        ({"data": b"image\n" + b"," * 300, "headers": {"Content-Type": "text/csv"}}, 400, "has 300 columns"),
        (
            {"data": b'{"inputs": [], "params": {"topk": 2}}'},
            400,
            "no parameter 'topk', expected some of: top_k",
        ),
        ({"data": b"x" * 10_001}, 413, "larger than 10,000 bytes"),
        ({"data": b"x" * 10_001, "expect100": True}, 413, "larger than 10,000 bytes"),
    ],
    ids=[
        *("no type", "parquet", "cut off", "no UTF-8", "a list", "4,900 levels", "20 levels"),
        *("names of rows", "one wide row", "wide CSV", "unknown parameter", "large"),
        "large and announced",
    ],
)
def test_what_is_malformed_never_reaches_a_server(options, status, words):
    async def check(front, client):
        kind = {} if status == 415 else {"headers": {"Content-Type": "application/json"}}
        asked = {"skip_auto_headers": ["Content-Type"], **kind, **options}
        async with client.post("/invocations", **asked) as answered:
            said = await answered.json()
            assert (answered.status, said["error_code"]) == (status, "BAD_REQUEST")
            assert words in said["message"] and len(said["message"]) < 200

    async def must_not_be_asked(request: web.Request) -> web.Response:
        raise AssertionError

    with_front(check, must_not_be_asked)


def test_what_takes_long_to_parse_is_not_parsed():
    async def check(front, client):
        many = b'{"inputs": [' + b"[]," * 100_000 + b"[]]}"
        status, said = await ask(client, json=None, data=many, headers={"Content-Type": "application/json"})
        assert (status, said["message"]) == (400, "the body has more than 200,000 values")

    with_front(check, limits=Limits(body=10**6, seconds=5))


def test_who_waits_to_be_let_in_is_let_in_by_what_was_announced():
    async def run() -> None:
        async with scoring_server(says("boot")) as one, front_of(one) as (_, client):
            body = json.dumps(ASKED).encode()
            head = (
                "POST /invocations HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: {}\r\n"
            )
            for length, kind, first in (
                (len(body), "json", b"100"),
                (20_000, "json", b"413"),
                (9, "x", b"415"),
            ):
                reader, writer = await asyncio.open_connection(client._base_url.host, client._base_url.port)
                writer.write((head.format(length) + f"Content-Type: application/{kind}\r\n\r\n").encode())
                assert (await reader.readline()).split()[1] == first
                if first == b"100":
                    writer.write(body)
                    await reader.readline()
                    assert b"200 OK" in await reader.readline()
                writer.close()

    asyncio.run(run())


def test_a_body_without_length_is_cut_off_at_the_limit():
    async def check(front, client):
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 10**7:
                sent += 1000
                yield b"x" * 1000

        headers = {"Content-Type": "application/json"}
        async with client.post("/invocations", data=endless(), headers=headers) as answered:
            assert answered.status == 413
        assert sent < 10**7

    with_front(check)


@pytest.mark.parametrize(
    ("status", "text", "told", "sentence"),
    [
        (
            400,
            json.dumps(
                {
                    "error_code": "BAD_REQUEST",
                    "message": f"Failed to predict data '{'x' * 3000}'. \nError: row 0: no picture",
                    "stack_trace": "Traceback ...",
                }
            ),
            400,
            "row 0: no picture",
        ),
        (404, "Not Found", 400, "the request can't be understood"),
        (415, "only supports UTF-8", 415, "only supports UTF-8"),
        (500, "Traceback ... out of memory", 502, "the scoring server failed at this request"),
        (504, "", 504, "no answer in time"),
    ],
)
def test_an_error_is_a_sentence_without_what_was_sent_and_without_a_stack_trace(status, text, told, sentence):
    async def check(front, client):
        found, said = await ask(client)
        code = "BAD_REQUEST" if told < 500 else "TEMPORARILY_UNAVAILABLE"
        assert (found, said) == (told, {"error_code": code, "message": sentence})

    with_front(check, says("", status=status, text=text))


def test_who_has_not_the_token_is_told_nothing():
    async def check(front, client):
        wrong = ("Bearer wrong", "Bearer ", "secret", "Basic secret", "Bearer \xff")
        for headers in ({}, *({"Authorization": each} for each in wrong)):
            status, said = await ask(client, headers=headers)
            assert status == 401 and "token" in said["message"]
            for path in ("/health", "/metrics"):
                async with client.get(path, headers=headers) as answered:
                    assert answered.status == 401
        assert (await ask(client, headers={"Authorization": "Bearer secret"}))[0] == 200
        async with client.get("/ping") as answered:
            assert answered.status == 200

    with_front(check, limits=Limits(10_000, 5, "secret"))


def test_a_slow_answer_and_a_slow_sender_are_ended_and_hold_up_nobody():
    async def check(front, client):
        async def drip() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.02)

        headers = {"Content-Type": "application/json"}
        slow = asyncio.create_task(client.post("/invocations", data=drip(), headers=headers).__aenter__())
        async with client.get("/ping") as answered:
            assert answered.status == 200
        assert not slow.done()
        assert (await ask(client))[0] == 504
        assert (await slow).status == 504

    with_front(check, says("late", asyncio.Event()), Limits(10_000, 2))


def test_servers_that_died_lose_no_request_while_one_lives():
    async def run() -> None:
        async with (
            scoring_server(says("boot")) as alive,
            front_of(Endpoint(free_port()), Endpoint(free_port()), alive) as (_, client),
        ):
            answers = await asyncio.gather(*(ask(client) for _ in range(10)))
            assert {status for status, _ in answers} == {200}

    asyncio.run(run())


def test_without_any_server_it_says_when_to_come_again():
    async def run() -> None:
        async with (
            front_of(Endpoint(free_port())) as (_, client),
            client.post("/invocations", json=ASKED) as answered,
        ):
            assert (answered.status, answered.headers["Retry-After"]) == (503, "10")

    asyncio.run(run())


def test_requests_are_counted_and_logged(capsys):
    async def check(front, client):
        await ask(client)
        await ask(client, json=[])
        await client.get("/nowhere")
        async with client.get("/metrics") as answered:
            told = await answered.text()
        assert 'garment_requests_total{path="/invocations",status="200"} 1.0' in told
        assert 'garment_requests_total{path="/invocations",status="400"} 1.0' in told
        assert 'garment_requests_total{path="other",status="404"} 1.0' in told
        assert 'garment_pictures_total{model="models:/garments/1"} 1.0' in told
        assert 'garment_serving{model="models:/garments/1"} 1.0' in told

    with_front(check)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["path"], line["status"], line["answers"]) for line in lines[:2]] == [
        ("/invocations", 200, 1),
        ("/invocations", 400, 0),
    ]


def follower(front: Front, wanted: list[str], fleets: dict[str, Fleet]) -> Follower:
    """The alias is on the last of `wanted`; only `fleets` can be started."""

    def start(model: str) -> Fleet:
        if model not in fleets:
            raise GarmentError(f"{model} is damaged")
        return fleets[model]

    return Follower(front, lambda: wanted[-1], start, seconds=60)


def test_a_promotion_loses_no_request_and_the_old_version_goes_when_it_has_answered():
    async def run() -> None:
        ended, may_answer = [], asyncio.Event()
        async with (
            scoring_server(says("old", may_answer)) as old,
            scoring_server(says("new")) as new,
            front_of(old) as (front, client),
        ):
            front.fleet.resources.callback(ended.append, "old")
            wanted = ["models:/garments/2"]
            following = follower(front, wanted, {wanted[0]: Fleet(wanted[0], [new])})
            under_way = [asyncio.create_task(ask(client)) for _ in range(5)]
            while front.fleet.busy.total() < 5:
                await asyncio.sleep(0.01)
            looking = asyncio.create_task(following.look())
            while front.fleet.model_uri != wanted[0]:
                await asyncio.sleep(0.01)
            assert await ask(client) == (200, {"predictions": [{"label": "new"}]})
            assert ended == []
            may_answer.set()
            answers = await asyncio.gather(*under_way)
            assert answers == [(200, {"predictions": [{"label": "old"}]})] * 5
            await looking
            assert ended == ["old"]
            async with client.get("/health") as answered:
                assert await answered.json() == {"status": "ok", "model": wanted[0]}

    asyncio.run(run())


def test_a_version_that_does_not_start_leaves_the_old_one_and_health_says_so():
    async def run() -> None:
        async with scoring_server(says("old")) as old, front_of(old) as (front, client):
            tried = []
            following = follower(front, ["models:/garments/2"], {})
            start = following.start
            following.start = lambda model: (tried.append(model), start(model))[1]
            await following.look()
            await following.look()  # what failed isn't tried again every half a minute
            assert tried == ["models:/garments/2"]
            assert (await ask(client))[0] == 200
            async with client.get("/health") as answered:
                told = await answered.json()
            assert (told["status"], told["model"]) == ("degraded", "models:/garments/1")
            assert "models:/garments/2 doesn't start" in told["problem"] and "is damaged" in told["problem"]
            following.look_now()
            await following.look()
            assert len(tried) == 2
            following.resolve = lambda: "models:/garments/1"  # rolled back
            await following.look()
            async with client.get("/health") as answered:
                assert (await answered.json())["status"] == "ok"
            following.resolve = lambda: "models:/garments/2"  # promoted again: mended, perhaps
            await following.look()
            assert len(tried) == 3

    asyncio.run(run())


def test_what_a_server_died_over_is_not_asked_of_the_others():
    async def run() -> None:
        asked = []

        async def dies(request: web.Request) -> web.Response:
            asked.append(request)
            request.transport.close()
            return web.Response()

        async with (
            scoring_server(dies) as one,
            scoring_server(dies) as other,
            front_of(one, other) as (front, client),
        ):
            noticed = asyncio.Event()
            front.on_dead_server = noticed.set
            assert (await ask(client))[0] == 503
            assert len(asked) == 1 and noticed.is_set()

    asyncio.run(run())


def test_no_more_requests_than_fit_into_memory_are_under_way(monkeypatch):
    monkeypatch.setattr("garment_ml.operations.admission.MOST_AT_ONCE", 2)
    may_answer = asyncio.Event()

    async def check(front, client):
        under_way = [asyncio.create_task(ask(client)) for _ in range(2)]
        while front.admission.under_way < 2:
            await asyncio.sleep(0.01)
        status, said = await ask(client)
        assert status == 503 and "2 requests are under way" in said["message"]
        may_answer.set()
        assert [status for status, _ in await asyncio.gather(*under_way)] == [200, 200]
        assert (await ask(client))[0] == 200

    with_front(check, says("boot", may_answer))


def test_a_server_that_died_is_started_again_at_every_look_until_it_works():
    async def run() -> None:
        async with scoring_server(says("boot")) as alive, front_of(Endpoint(free_port())) as (front, client):
            model, fleets = front.fleet.model_uri, {}
            following = follower(front, [model], fleets)
            await following.look()
            assert "can't be started again" in front.problem
            following.resolve = lambda: "models:/garments/2"  # damaged, too
            await following.look()
            fleets[model] = Fleet(model, [alive])
            await following.look()
            assert (await ask(client))[0] == 200
            await following.look()
            assert "models:/garments/2 doesn't start" in front.problem

    asyncio.run(run())


def test_whatever_goes_wrong_the_alias_is_looked_up_again():
    async def run() -> None:
        async with scoring_server(says("old")) as old, front_of(old) as (front, _):
            following = follower(front, ["models:/garments/2"], {})

            def no_space(model: str) -> Fleet:
                raise OSError(28, "No space left on device")

            following.start = no_space
            await following.look()
            assert "No space left on device" in front.problem

    asyncio.run(run())


def test_a_server_that_died_is_replaced():
    async def run() -> None:
        async with scoring_server(says("boot")) as alive, front_of(Endpoint(free_port())) as (front, client):
            model = front.fleet.model_uri
            assert (await ask(client))[0] == 503
            await follower(front, [model], {model: Fleet(model, [alive])}).look()
            assert (await ask(client))[0] == 200

    asyncio.run(run())


def test_a_registry_that_can_not_be_asked_changes_nothing():
    async def run() -> None:
        async with scoring_server(says("boot")) as alive, front_of(alive) as (front, client):
            following = follower(front, [], {})

            def resolve() -> str:
                raise MlflowException("no connection to postgresql://us:secret@host/db\nmore")

            following.resolve = resolve
            await following.look()
            assert front.problem.endswith("no connection to postgresql://us:***@host/db")
            assert (await ask(client))[0] == 200

    asyncio.run(run())
