"""Scoring servers that answer what a test wants, a front before them, and how it is asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from garment_ml.endpoint.server import Endpoint
from garment_ml.operations.fleet import Fleet
from garment_ml.operations.front import Front, Limits

LIMITS = Limits(body=10_000, seconds=5)
ASKED = {"dataframe_split": {"columns": ["image"], "data": [["aGk="]]}}


@asynccontextmanager
async def scoring_server(answer: Callable) -> AsyncIterator[Endpoint]:
    app = web.Application(client_max_size=10**9)
    app.router.add_post("/invocations", answer)

    async def ping(_: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get("/ping", ping)
    server = TestServer(app)
    await server.start_server()
    try:
        yield Endpoint(server.port)
    finally:
        await server.close()


def says(
    label: str, after: asyncio.Event | None = None, status: int = 200, text: str | None = None
) -> Callable:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        if after:
            await after.wait()
        return web.Response(
            text=text or json.dumps({"predictions": [{"label": label}]}),
            status=status,
            content_type="application/json",
        )

    return answer


@asynccontextmanager
async def front_of(*endpoints: Endpoint, limits: Limits = LIMITS, model: str = "models:/garments/1"):
    front = Front(Fleet(model, list(endpoints)), limits)
    server = TestServer(front.application())
    await server.start_server()
    async with ClientSession(base_url=str(server.make_url("/"))) as client:
        try:
            yield front, client
        finally:
            await server.close()


async def ask(client: ClientSession, **options) -> tuple[int, dict]:
    async with client.post("/invocations", **({"json": ASKED} | options)) as answered:
        return answered.status, json.loads(await answered.text())
