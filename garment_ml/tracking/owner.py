"""Whose is it, and does that process still live? Here its number says so, elsewhere its heartbeat."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Self

import psutil
from mlflow import MlflowClient
from mlflow.entities import Run

from garment_ml.tracking.store import MISSING, tolerating

OWNER_TAG, HEARTBEAT_TAG = "garment.owner", "garment.heartbeat"
BEAT_SECONDS = 15
SILENT_SECONDS = 90  # without a beat: what a process elsewhere left behind is taken over


@dataclass(frozen=True)
class Owner:
    """A process; `heart` is the outermost run that it beats on, empty for the run that bears the tag."""

    host: str
    place: str  # where process numbers mean the same: one boot of one machine, or a container in it
    process: int
    started: float
    heart: str = ""

    @classmethod
    def of(cls, run: Run, tag: str = OWNER_TAG) -> Self | None:
        """None for a run without one: of an older version, or not made here."""
        found = cls.read(run.data.tags.get(tag, ""))
        return replace(found, heart=found.heart or run.info.run_id) if found else None

    @classmethod
    def read(cls, text: str) -> Self | None:
        with suppress(ValueError, TypeError):
            return cls(**json.loads(text))
        return None

    @classmethod
    def me(cls, heart: str = "") -> Self:
        process = os.getpid()
        return cls(socket.gethostname(), _place(), process, _started(process) or 0.0, heart)

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"

    def text(self) -> str:
        return json.dumps(asdict(self))

    @property
    def is_me(self) -> bool:
        return self.is_same_process(Owner.me())

    def is_same_process(self, other: Owner) -> bool:
        return replace(self, heart="") == replace(other, heart="")

    def lives_here(self) -> bool | None:
        """None when it is a process elsewhere."""
        if self.place != _place():
            return None
        return _started(self.process) == self.started


class Watch:
    """Judges owners; one elsewhere lives as long as its heartbeat changes while this one watches it."""

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self._beats: dict[Owner, tuple[str, float]] = {}

    def lives(self, owner: Owner) -> bool:
        here = owner.lives_here()
        if here is not None:
            return here
        beat = self._beat(owner)
        if beat is None:
            return False
        seen, since = self._beats.get(owner, (None, 0.0))
        if beat != seen:
            self._beats[owner] = beat, time.monotonic()
            return True
        return time.monotonic() - since < SILENT_SECONDS

    def beats(self, owner: Owner) -> bool:
        """For certain: one elsewhere is watched until it beats or has been silent for long."""
        self.lives(owner)
        first = self._beats.get(owner)
        while (lives := self.lives(owner)) and first and self._beats[owner] == first:
            time.sleep(1)
        return lives

    def _beat(self, owner: Owner) -> str | None:
        """None when the run it beats on is over, or gone, or another process's by now."""
        with tolerating(MISSING):
            run = self.client.get_run(owner.heart)
            beats_for = Owner.of(run)
            if run.info.status == "RUNNING" and beats_for and beats_for.is_same_process(owner):
                return run.data.tags.get(HEARTBEAT_TAG, "")
        return None


@contextmanager
def heartbeat(client: MlflowClient, run_id: str, on_beat: Callable[[], None]) -> Iterator[None]:
    """On this run, from a thread, while the block lasts; a beat that fails is made up for by the next."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            with suppress(Exception):
                client.set_tag(run_id, HEARTBEAT_TAG, str(time.time()))
                on_beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)  # it may be waiting for a server that doesn't answer


def _started(process: int) -> float | None:
    """None for a process that is no more, even if its parent has not looked yet.

    Clock ticks since boot where the system tells; psutil's seconds since 1970 shift when the clock is set.
    """
    try:
        found = psutil.Process(process)
        if found.status() == psutil.STATUS_ZOMBIE:
            return None
        with suppress(FileNotFoundError):
            return float(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
        return round(found.create_time())
    except psutil.Error:
        return None


@cache
def _place() -> str:
    """Of one boot of one machine, seen from one container: numbers are given anew in each."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text().strip())
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)
