"""Looks the alias up again and again, and puts the version that carries it behind the front."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError, first_line
from garment_ml.base.terminal import say, warn
from garment_ml.operations.fleet import Fleet
from garment_ml.operations.front import Front

Result = TypeVar("Result")


class Follower:
    """`resolve` gives the address of the version that should answer, `start` its servers; both may take long.

    A version that fails to start leaves the one that answers, and is tried again after `look_now`, or when
    another has been asked for in between. Servers that died are started again at every look.
    """

    def __init__(
        self, front: Front, resolve: Callable[[], str], start: Callable[[str], Fleet], seconds: float
    ) -> None:
        self.front, self.resolve, self.start, self.seconds = front, resolve, start, seconds
        self.failed = self.failure = ""  # which version, and why
        self.asked = asyncio.Event()
        front.on_dead_server = self.asked.set

    def look_now(self) -> None:
        self.failed = ""
        self.asked.set()

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.asked.wait(), self.seconds)
            self.asked.clear()
            await self.look()

    async def look(self) -> None:
        """Once. Whatever goes wrong is the front's `problem`, and the next look comes."""
        try:
            problem = await self._look()
        except Exception as error:  # a full disk, no more files or processes
            problem = first_line(error)
        if problem and problem != self.front.problem:
            warn(problem)
        self.front.problem = problem

    async def _look(self) -> str:
        """Gives what is wrong."""
        old = self.front.fleet
        try:
            wanted = await _beside(self.resolve)
        except (GarmentError, MlflowException) as error:
            problem = f"the registry can't be asked: {first_line(error)}"
        else:
            problem = await self._serve(old, wanted)
        if self.front.fleet is old and not await asyncio.to_thread(old.is_whole):
            problem = await self._replace(old, old.model_uri)
        return problem

    async def _serve(self, old: Fleet, wanted: str) -> str:
        if wanted == old.model_uri:
            self.failed = ""
            return ""
        return self.failure if wanted == self.failed else await self._replace(old, wanted)

    async def _replace(self, old: Fleet, wanted: str) -> str:
        try:
            new = await _beside(lambda: self.start(wanted))
        except GarmentError as error:
            if wanted == old.model_uri:
                return f"a server of {wanted} ended and can't be started again: {first_line(error)}"
            self.failed = wanted
            self.failure = f"{wanted} doesn't start, {old.model_uri} goes on: {first_line(error)}"
            return self.failure
        self.front.serve(new)
        self.failed = ""
        say(f"{wanted} answers now" + (", with new servers" if wanted == old.model_uri else ""))
        await old.retire()
        return ""


async def _beside(call: Callable[[], Result]) -> Result:
    """As asyncio.to_thread, but nobody waits for it who is told to stop: servers end with their starter."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            result = call()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=work, daemon=True).start()
    return await asyncio.wrap_future(future)
