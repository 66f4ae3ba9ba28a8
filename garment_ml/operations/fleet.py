"""The scoring servers of one version of a model: MLflow's own, each a process, asked in turns."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from garment_ml.endpoint.server import Endpoint, running_endpoints
from garment_ml.registry.versions import card_of
from garment_ml.tracking.fetched_files import fetched
from garment_ml.tracking.store import Store


@dataclass(eq=False)
class Fleet:
    """`model_uri` is of the one version that all of them serve, `card` what the registry says of it."""

    model_uri: str
    endpoints: list[Endpoint]
    card: str = ""
    resources: ExitStack = field(default_factory=ExitStack)
    busy: Counter[int] = field(default_factory=Counter)  # requests under way by port

    def least_busy(self, dead: Collection[int]) -> int | None:
        """The port of one that isn't among the `dead`."""
        ports = [each.port for each in self.endpoints if each.port not in dead]
        return min(ports, key=self.busy.__getitem__, default=None)

    @contextmanager
    def asking(self, port: int) -> Iterator[None]:
        """It counts as busy while the block lasts."""
        self.busy[port] += 1
        try:
            yield
        finally:
            self.busy[port] -= 1

    def is_whole(self) -> bool:
        return all(endpoint.is_up() for endpoint in self.endpoints)

    async def retire(self) -> None:
        """End the servers when what was asked of them is answered."""
        while self.busy.total():
            await asyncio.sleep(0.05)
        await asyncio.to_thread(self.resources.close)


def start_fleet(store: Store, model_uri: str, servers: int, seconds: float) -> Fleet:
    """Fetches the model and waits until all answer; GarmentError when one doesn't.

    A request that takes more than `seconds` is ended by them.
    """
    card = card_of(store, model_uri)
    with ExitStack() as resources:
        model = resources.enter_context(fetched(store, model_uri))
        endpoints = resources.enter_context(running_endpoints(model, servers, request_seconds=seconds))
        kept = resources.pop_all()
    return Fleet(model_uri, endpoints, card, kept)
