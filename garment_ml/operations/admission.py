"""How much is let in at once: bodies that arrive, slowly or not, and requests that are being answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import HttpVersion11, web

from garment_ml.operations.refusals import Refused

MOST_AT_ONCE = 64  # requests under way, whose bodies are in memory
MOST_ARRIVING = 8  # as many of the largest bodies may be in memory in part: who is slow stops no other
SMALL = 32  # of the largest body this part is always let in


class Admission:
    """`largest_body` in bytes."""

    def __init__(self, largest_body: int) -> None:
        self.largest_body = largest_body
        self.under_way = self.arriving = 0  # requests; bytes of bodies that aren't whole yet

    async def body_of(self, request: web.Request) -> bytes:
        """Raises Refused for one that is too large, at best before it is sent, and where too much arrives."""
        if (request.content_length or 0) > self.largest_body:
            raise self._too_large()
        awaited = request.headers.get("Expect", "").lower() == "100-continue"
        if awaited and request.body_exists and request.version >= HttpVersion11 and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = bytearray()
        try:
            async for chunk in request.content.iter_any():
                body += chunk
                self.arriving += len(chunk)
                self._check(len(body))
            return bytes(body)
        finally:
            self.arriving -= len(body)

    def _check(self, length: int) -> None:
        if length > self.largest_body:
            raise self._too_large()
        is_small = length <= self.largest_body // SMALL
        if self.arriving > MOST_ARRIVING * self.largest_body and not is_small:
            raise Refused(503, "too much is arriving at once", {"Retry-After": "1"})

    def _too_large(self) -> Refused:
        close = {"Connection": "close"}
        return Refused(413, f"the body is larger than {self.largest_body:,} bytes", close)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """It counts as under way while the block lasts; Refused where too many are."""
        if self.under_way >= MOST_AT_ONCE:
            raise Refused(503, f"{self.under_way} requests are under way", {"Retry-After": "1"})
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1


async def asked_for_first(request: web.Request) -> None:
    """`Expect: 100-continue` is answered by `body_of`, when nothing else speaks against the request."""
