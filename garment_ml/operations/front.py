"""The web application in front of the scoring servers: who may ask, how much, how long, and who answers."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, TCPConnector, web

from garment_ml.base.terminal import LOGGER
from garment_ml.endpoint.server import HOST
from garment_ml.operations.admission import Admission, asked_for_first
from garment_ml.operations.fleet import Fleet
from garment_ml.operations.refusals import Refused, check_csv, check_json, told_by_mlflow
from garment_ml.operations.request_numbers import Numbers, Request

JSON, CSV = "application/json", "text/csv"
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
        self.on_dead_server: Callable[[], object] = lambda: None
        self.admission = Admission(limits.body)
        self.serve(fleet)

    def serve(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.numbers.now_serves(fleet.model_uri)

    def application(self) -> web.Application:
        app = web.Application(client_max_size=self.limits.body, middlewares=[self._counted])
        app.router.add_get("/ping", self._ping)
        app.router.add_get("/health", self._health)
        app.router.add_get("/card", self._card)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/invocations", self._invocations, expect_handler=asked_for_first)
        app.cleanup_ctx.append(self._session)
        return app

    async def _session(self, app: web.Application) -> AsyncIterator[None]:
        # A kept connection may have been closed by the server a moment ago, and a POST isn't sent twice.
        connector = TCPConnector(force_close=True, limit=0)
        timeout = ClientTimeout(total=self.limits.seconds)
        async with ClientSession(connector=connector, timeout=timeout) as self.session:
            yield

    @web.middleware
    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        request["model"] = self.fleet.model_uri
        response = await _answered(request, handler)
        body = getattr(response, "body", None) or b""
        answers = 0
        if request.path == "/invocations" and response.status == 200:
            answers = body.count(b'"label":') - body.count(b'"label": null')
        self.numbers.count(
            Request(
                method=request.method,
                path=request.path if request.match_info.route.resource else "other",
                status=response.status,
                seconds=round(time.perf_counter() - started, 4),
                bytes_in=request.content_length or 0,
                bytes_out=len(body),
                answers=answers,
                model=request["model"],
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

    async def _card(self, request: web.Request) -> web.Response:
        self._check_token(request)
        return web.json_response({"model": self.fleet.model_uri, "card": self.fleet.card})

    async def _metrics(self, request: web.Request) -> web.Response:
        self._check_token(request)
        return web.Response(body=self.numbers.as_text(), content_type="text/plain")

    async def _invocations(self, request: web.Request) -> web.Response:
        self._check_token(request)
        kind = request.headers.get("Content-Type", "")
        mime = kind.partition(";")[0].strip().lower()
        if mime not in (JSON, CSV):
            raise Refused(415, f"the Content-Type is {kind[:100]!r}, expected {JSON} or {CSV}")
        try:
            async with asyncio.timeout(self.limits.seconds):
                body = await self.admission.body_of(request)
                with self.admission.counted():
                    await asyncio.to_thread(check_json if mime == JSON else check_csv, body)
                    status, answer = await self._ask(request, body, kind)
        except TimeoutError:
            raise Refused(504, f"no answer within {self.limits.seconds:g} seconds") from None
        if status != 200:
            raise told_by_mlflow(status, answer.decode(errors="replace"))
        return web.Response(body=answer, content_type=JSON)

    async def _ask(self, request: web.Request, body: bytes, kind: str) -> tuple[int, bytes]:
        """The least busy server that lives. What one died over is not asked of the others."""
        fleet, dead = self.fleet, set[int]()
        request["model"] = fleet.model_uri
        while (port := fleet.least_busy(dead)) is not None:
            with fleet.asking(port):
                try:
                    url = f"http://{HOST}:{port}/invocations"
                    async with self.session.post(url, data=body, headers={"Content-Type": kind}) as answered:
                        return answered.status, await answered.read()
                except ClientConnectorError:
                    dead.add(port)
                except ClientError:
                    break
        self.on_dead_server()
        raise Refused(503, "the scoring server has ended; it is started again", {"Retry-After": "10"})

    def _check_token(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(given.encode(errors="surrogateescape"), self.limits.token.encode())
        if self.limits.token and not (same and scheme.lower() == "bearer"):
            sentence = "expected a header Authorization: Bearer and the token"
            raise Refused(401, sentence, {"WWW-Authenticate": "Bearer"})


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """By the handler, or with the sentence that says why not."""
    try:
        return await handler(request)
    except Refused as refused:
        return refused.answer()
    except web.HTTPException as error:  # no such path, no such method
        allowed = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return Refused(error.status, error.reason, allowed).answer()
    except web.RequestPayloadError as error:
        return Refused(400, f"the body can't be read: {error}").answer()
    except ConnectionError:  # nobody is there any more to be answered
        raise
    except Exception:
        LOGGER.exception("a request failed")
        return Refused(500, "this is a mistake of the server; its log says more").answer()
