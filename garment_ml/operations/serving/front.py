"""The web application in front of the scoring servers: who may ask, how much, how long, and who answers."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, web

from garment_ml.operations.serving.fleet import Fleet
from garment_ml.operations.serving.numbers import Numbers, Request
from garment_ml.operations.serving.refusals import Refused, check_json, told_by_mlflow

JSON = "application/json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Limits:
    """`body` in bytes; `seconds` for a request and the reading of its body; without `token` all may ask."""

    body: int
    seconds: float
    token: str = ""


class Front:
    """`fleet` can be replaced at any time: what is under way is answered by the one that was asked.

    `problem` is why a version that should answer doesn't; /health tells.
    """

    def __init__(self, fleet: Fleet, limits: Limits) -> None:
        self.limits, self.numbers, self.problem = limits, Numbers(), ""
        self.serve(fleet)

    def serve(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.numbers.now_serves(fleet.model_uri)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=self.limits.body, middlewares=[self._counted])
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/invocations", self._invocations)
        app.cleanup_ctx.append(self._session)
        return app

    async def _session(self, app: web.Application) -> AsyncIterator[None]:
        timeout = ClientTimeout(total=self.limits.seconds)
        async with ClientSession(timeout=timeout, auto_decompress=False) as self.session:
            yield

    @web.middleware
    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started, fleet = time.perf_counter(), self.fleet
        try:
            response = await handler(request)
        except Refused as refused:
            response = refused.answer()
        except web.HTTPException as error:  # no such path, no such method
            response = Refused(
                error.status, f"{request.method} {request.path[:100]}: {error.reason}"
            ).answer()
        body = getattr(response, "body", None) or b""
        answers = body.count(b'"label":') if request.path == "/invocations" and response.status == 200 else 0
        path = request.path if request.match_info.route.resource else "other"
        seconds = time.perf_counter() - started
        self.numbers.count(
            Request(
                method=request.method,
                path=path,
                status=response.status,
                seconds=round(seconds, 4),
                bytes_in=request.content_length or 0,
                bytes_out=len(body),
                answers=answers,
                model=fleet.model_uri,
                client=request.remote or "",
            )
        )
        return response

    async def _ping(self, request: web.Request) -> web.Response:
        return web.Response(text="\n")

    async def _health(self, request: web.Request) -> web.Response:
        self._check_token(request)
        told = {"status": "ok" if not self.problem else "degraded", "model": self.fleet.model_uri}
        return web.json_response(told | ({"problem": self.problem} if self.problem else {}))

    async def _metrics(self, request: web.Request) -> web.Response:
        self._check_token(request)
        return web.Response(body=self.numbers.as_text(), content_type="text/plain")

    async def _invocations(self, request: web.Request) -> web.Response:
        self._check_token(request)
        kind = request.headers.get("Content-Type")
        if not kind:
            raise Refused(415, "the request has no Content-Type, expected application/json or text/csv")
        try:
            async with asyncio.timeout(self.limits.seconds):
                body = await self._body(request)
                if kind.partition(";")[0].strip().lower() == JSON:
                    await asyncio.to_thread(check_json, body)
                status, answer = await self._ask(body, kind)
        except TimeoutError:
            raise Refused(504, f"no answer within {self.limits.seconds:g} seconds") from None
        if status != 200:
            raise told_by_mlflow(status, answer.decode(errors="replace"))
        return web.Response(body=answer, content_type=JSON)

    async def _body(self, request: web.Request) -> bytes:
        too_large = Refused(
            413, f"the body is larger than {self.limits.body:,} bytes", {"Connection": "close"}
        )
        if (request.content_length or 0) > self.limits.body:
            raise too_large
        try:
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise too_large from None

    async def _ask(self, body: bytes, kind: str) -> tuple[int, bytes]:
        """One server, and where that has died another: a question changes nothing, so it can be repeated."""
        tried = None
        for _ in range(2):
            with self.fleet.a_server(other_than=tried) as port:
                try:
                    url = f"http://127.0.0.1:{port}/invocations"
                    async with self.session.post(url, data=body, headers={"Content-Type": kind}) as answered:
                        return answered.status, await answered.read()
                except ClientConnectionError:
                    tried = port
        raise Refused(503, "no scoring server answers; it is started again", {"Retry-After": "10"})

    def _check_token(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.limits.token and not hmac.compare_digest(given.encode(), self.limits.token.encode()):
            raise Refused(
                401, "expected a header Authorization: Bearer and the token", {"WWW-Authenticate": "Bearer"}
            )
