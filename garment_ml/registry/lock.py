"""One process at a time changes aliases: MLflow's own are last-writer-wins."""

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from filelock import FileLock, Timeout
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError
from garment_ml.tracking.store import SQLITE, Store

LOCK_SECONDS = 60  # that another may take
LEASE_SECONDS = 120  # after which one whose holder is gone is taken over
TOKEN, HOLDER = "garment.token", "garment.holder"


def registry_lock(store: Store, name: str) -> AbstractContextManager[None]:
    """Beside a SQLite store a file. On a server a registered model `<name>.lock`, for as long as it is held.

    A server has no lock to offer, but it lets only one create a name, from whatever machine. GarmentError
    when the file isn't free in time; the server's is waited for, at the most LEASE_SECONDS for each holder.
    """
    if store.uri.startswith(SQLITE):
        return _file_lock(f"{store.uri.removeprefix(SQLITE)}.registry.lock")
    return _server_lock(store, f"{name}.lock")


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    try:
        with FileLock(path, timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise GarmentError(
            f"{path} has been locked for {LOCK_SECONDS} s by another promotion; try again"
        ) from error


@contextmanager
def _server_lock(store: Store, lock: str) -> Iterator[None]:
    token = uuid.uuid4().hex
    _take(store, lock, token)
    try:
        yield
    finally:
        if _tags(store, lock).get(TOKEN) == token:
            store.client.delete_registered_model(lock)


def _take(store: Store, lock: str, token: str) -> None:
    """Whoever waits judges by its own clock how long one holder has had it: clocks of machines differ."""
    seen, since = None, time.monotonic()
    while not _create(store, lock, token):
        holder = _tags(store, lock)
        if holder.get(TOKEN) != seen:
            seen, since = holder.get(TOKEN), time.monotonic()
        elif seen and time.monotonic() - since > LEASE_SECONDS:  # killed while it had it
            store.client.delete_registered_model(lock)
        time.sleep(0.2)


def _create(store: Store, lock: str, token: str) -> bool:
    tags = {TOKEN: token, HOLDER: socket.gethostname()}
    try:
        store.client.create_registered_model(lock, tags, "held while aliases move; it goes by itself")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return False
    return True


def _tags(store: Store, lock: str) -> dict[str, str]:
    """None at all when it was given back meanwhile."""
    try:
        return dict(store.client.get_registered_model(lock).tags)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}
