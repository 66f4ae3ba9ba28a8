"""Runs the front until it is told to stop: SIGTERM or Ctrl-C; SIGHUP looks the alias up at once."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket

from aiohttp import web

from garment_ml.base.errors import UserError
from garment_ml.operations.following import Follower
from garment_ml.operations.front import Front

BACKLOG, KEPT_OPEN = 1024, 75.0  # connections that wait; seconds that one is kept without a request


def check_open(host: str, token: str, is_open: bool) -> None:
    """Raise UserError for an address that others can reach, with nothing that keeps them out."""
    if not (token or is_open or _is_loopback(host)):
        raise UserError(
            f"--host {host} can be reached from other machines and no token is asked for; give --token, or "
            "--open if all of them may ask"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Before anything slow; UserError for an address that can't be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"--host {host} --port {port} can't be listened on: {reason}") from None


async def run_front(front: Front, follower: Follower, listening: socket.socket) -> None:
    """Answers, and follows the alias, until a signal; what is under way then is answered."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, follower.look_now)
    runner = web.AppRunner(
        front.application(),
        access_log=None,
        shutdown_timeout=front.limits.seconds,
        keepalive_timeout=KEPT_OPEN,
    )
    await runner.setup()
    await web.SockSite(runner, listening, backlog=BACKLOG).start()
    following = asyncio.create_task(follower.follow())
    try:
        await stopped.wait()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await runner.cleanup()
        await front.fleet.retire()
