"""A benchmark's process: its output line by line, an end at its limit, and nothing left of it."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
LAST = 15  # lines


@dataclass(frozen=True)
class Ended:
    """How a process ended; `code` is below 0 when a signal ended it, as at its limit."""

    code: int
    output: list[str]
    seconds: float

    @property
    def last_lines(self) -> list[str]:
        """What is shown of a failure."""
        return [line for line in self.output if line.strip()][-LAST:] or ["it printed nothing"]


def run_process(command: Sequence[str], *, limit: float | None = None, show: bool = False) -> Ended:
    """Run until it ends or for `limit` seconds; stdout and stderr as one, shown as they come if wanted."""
    started, output = time.monotonic(), []
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    timer = threading.Timer(limit or threading.TIMEOUT_MAX, _end, [process])
    timer.daemon = True
    timer.start()
    try:
        for line in process.stdout or ():
            output.append(line.rstrip("\n"))
            if show:
                click.echo(line, nl=False)
        code = process.wait()
    finally:
        timer.cancel()
        _end(process)
    return Ended(code, output, time.monotonic() - started)


def _end(process: subprocess.Popen[str]) -> None:
    """Kill it and what it has started, which might keep our end of its output open; or all have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the group it leads: there as long as anything in it lives
