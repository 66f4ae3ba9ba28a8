"""Signals, sent to this very process: what they begin, and what they wait for."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable

from aiohttp import ClientSession

from garment_ml.endpoint.server import Endpoint
from garment_ml.operations.fleet import Fleet
from garment_ml.operations.following import Follower
from garment_ml.operations.front import Front
from garment_ml.operations.running import listen, run_front
from tests.operations.fronts import LIMITS, ask, says, scoring_server

OLD, NEW = "models:/garments/1", "models:/garments/2"


async def serving(check: Callable, start: Callable[[str], Fleet], old: Endpoint) -> None:
    """All of `serve`, while `check` is at work with the front, a client, and the task that `serve` is."""
    front, listening = Front(Fleet(OLD, [old]), LIMITS), listen("127.0.0.1", 0)
    follower = Follower(front, lambda: NEW, start, seconds=3600)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    ended = asyncio.create_task(run_front(front, follower, listening))
    async with ClientSession(base_url=address) as client:
        async with client.get("/ping") as answered:  # or a signal would end the tests
            assert answered.status == 200
        await check(front, client, ended)


def test_sighup_looks_the_alias_up_and_sigterm_lets_what_is_under_way_be_answered():
    async def run() -> None:
        may_answer = asyncio.Event()
        async with scoring_server(says("old")) as old, scoring_server(says("new", may_answer)) as new:

            async def check(front, client, ended):
                assert (await ask(client))[1]["predictions"][0]["label"] == "old"
                os.kill(os.getpid(), signal.SIGHUP)
                while front.fleet.model_uri != NEW:
                    await asyncio.sleep(0.01)
                under_way = asyncio.create_task(ask(client))
                while not front.fleet.busy.total():
                    await asyncio.sleep(0.01)
                os.kill(os.getpid(), signal.SIGTERM)
                while not await refused(client):
                    await asyncio.sleep(0.01)
                assert not ended.done()
                may_answer.set()
                assert (await under_way)[1]["predictions"][0]["label"] == "new"
                await ended

            await serving(check, lambda _: Fleet(NEW, [new]), old)

    asyncio.run(run())


def test_sigterm_in_the_midst_of_a_promotion_does_not_wait_for_the_new_servers():
    starting, may_start = threading.Event(), threading.Event()

    def start(_: str) -> Fleet:
        starting.set()
        may_start.wait(60)
        raise AssertionError("nobody waits for this")

    async def run() -> None:
        async with scoring_server(says("old")) as old:

            async def check(front, client, ended):
                os.kill(os.getpid(), signal.SIGHUP)
                await asyncio.to_thread(starting.wait, 60)
                assert (await ask(client))[0] == 200
                os.kill(os.getpid(), signal.SIGTERM)
                await ended

            await serving(check, start, old)

    asyncio.run(run())  # ends only when all threads that it waits for have ended
    assert not may_start.is_set()
    may_start.set()


async def refused(client: ClientSession) -> bool:
    """Is nobody let in any more?"""
    try:
        async with ClientSession(base_url=client._base_url) as other, other.get("/ping"):
            return False
    except OSError:
        return True
