"""One process at a time claims work or moves aliases: MLflow itself lets the last writer win."""

import random
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from filelock import FileLock, Timeout

from garment_ml.base.errors import GarmentError
from garment_ml.tracking.owner import Owner
from garment_ml.tracking.store import MISSING, SQLITE, TAKEN, Store, tolerating

LOCK_SECONDS = 60  # that others may take
LEASE_SECONDS = 60  # after which one of another machine, whose holder is gone, is taken over
TOKEN, HOLDER = "garment.token", "garment.holder"


def store_lock(store: Store, name: str) -> AbstractContextManager[None]:
    """Beside a SQLite store a file. On a server a registered model `<name>.lock`, for as long as it is held.

    A server has no lock to offer, but it lets only one create a name, from whatever machine. To be held for
    moments. GarmentError when the file isn't free in time; the server's is waited for, at the most
    LEASE_SECONDS for each holder.
    """
    if store.uri.startswith(SQLITE):
        return _file_lock(f"{store.uri.removeprefix(SQLITE)}.claims.lock")
    return _server_lock(store, f"{name}.lock")


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    try:
        with FileLock(path, timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise GarmentError(
            f"{path} has been locked for {LOCK_SECONDS} s by another process; try again"
        ) from error


@contextmanager
def _server_lock(store: Store, lock: str) -> Iterator[None]:
    token = uuid.uuid4().hex
    _take(store, lock, token)
    try:
        yield
    finally:
        _delete(store, lock, token)


def _take(store: Store, lock: str, token: str) -> None:
    """Whoever waits judges by its own clock how long one holder has had it: clocks of machines differ."""
    seen, since = None, time.monotonic()
    while not _create(store, lock, token):
        tags = _tags(store, lock)
        holder = Owner.read(tags.get(HOLDER, ""))
        if tags.get(TOKEN) != seen:
            seen, since = tags.get(TOKEN), time.monotonic()
        died = holder is not None and holder.lives_here() is False
        if seen and (died or time.monotonic() - since > LEASE_SECONDS):  # killed while it had it
            with _server_lock(store, f"{lock}.{seen[:8]}"):  # of those that wait only one breaks it
                _delete(store, lock, seen)
        time.sleep(0.05 + random.random() / 10)


def _delete(store: Store, lock: str, token: str) -> None:
    """Unless it has another holder, or none, by now."""
    if _tags(store, lock).get(TOKEN) == token:
        with tolerating(MISSING):
            store.client.delete_registered_model(lock)


def _create(store: Store, lock: str, token: str) -> bool:
    tags = {TOKEN: token, HOLDER: Owner.me().text()}
    with tolerating(TAKEN):
        store.client.create_registered_model(lock, tags, "held for a moment; it goes by itself")
        return True
    return False


def _tags(store: Store, lock: str) -> dict[str, str]:
    """None at all when it was given back meanwhile."""
    with tolerating(MISSING):
        return dict(store.client.get_registered_model(lock).tags)
    return {}
