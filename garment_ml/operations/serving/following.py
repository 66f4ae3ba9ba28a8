"""Looks the alias up again and again, and puts the version that carries it behind the front."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import say
from garment_ml.operations.serving.fleet import Fleet
from garment_ml.operations.serving.front import Front


class Follower:
    """`resolve` gives the address of the version that should answer, `start` its servers; both may take long.

    A version that fails to start leaves the one that answers, and is tried again when it is asked for by
    `look_now` or another has answered in between.
    """

    def __init__(
        self, front: Front, resolve: Callable[[], str], start: Callable[[str], Fleet], seconds: float
    ) -> None:
        self.front, self.resolve, self.start, self.seconds = front, resolve, start, seconds
        self.failed = ""
        self.asked = asyncio.Event()

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
        """Once."""
        old = self.front.fleet
        try:
            wanted = await asyncio.to_thread(self.resolve)
        except (GarmentError, MlflowException) as error:
            self.front.problem = f"the registry can't be asked: {_first_line(error)}"
            return
        if wanted == old.model_uri and await asyncio.to_thread(old.is_whole):
            self.failed = self.front.problem = ""
        elif wanted != self.failed:
            await self._replace(old, wanted)

    async def _replace(self, old: Fleet, wanted: str) -> None:
        try:
            new = await asyncio.to_thread(self.start, wanted)
        except GarmentError as error:
            self.failed = wanted
            self.front.problem = f"{wanted} doesn't start, {old.model_uri} goes on: {_first_line(error)}"
            say(self.front.problem)
            return
        self.front.serve(new)
        self.failed = self.front.problem = ""
        say(f"{wanted} answers now, {old.model_uri} no longer")
        await old.retire()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0][:300]
