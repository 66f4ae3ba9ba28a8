"""Work is done by one process at a time, on whatever machine: others wait, and take over what the dead left.

Claims are made under the store's lock, and held by the owner's tag until the run has ended.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from mlflow.entities import Run

from garment_ml.base.terminal import say
from garment_ml.tracking.lock import store_lock
from garment_ml.tracking.owner import Owner, Watch
from garment_ml.tracking.run import TrackedRun
from garment_ml.tracking.store import Store

Found = TypeVar("Found")

KEY_TAG = "garment.key"  # the digest by which finished or interrupted work is found again
FRESH_TAG = "garment.fresh"  # of an outermost run in which nothing older counts
LOCK = "garment.claims"
POLL_SECONDS = 1
AT_ONCE = 50  # orphans to look at: the heartbeat waits meanwhile


def claim(
    parent: TrackedRun,
    name: str,
    kind: str,
    key: str,
    *,
    goes_on: bool = False,
    is_whole: Callable[[Run], bool] = lambda _: True,
) -> Run:
    """The FINISHED run of this key that `is_whole`, or one that is now RUNNING, this process's alone to do.

    Waits for another process that is at it. What a dead one left is closed; with `goes_on` the latest that
    didn't come to its end is given, to be gone on with. In a command's run that was asked to be fresh nothing
    counts that is older than it.
    """
    command = parent.client.get_run(parent.heart or parent.run_id)
    since = command.info.start_time if FRESH_TAG in command.data.tags else 0

    def look(watch: Watch) -> Run | str:
        found = [run for run in parent.find(_of_key(key)) if run.info.start_time >= since]
        if finished := [run for run in found if run.info.status == "FINISHED" and is_whole(run)]:
            return finished[0]
        if at_it := next((run for run in found if _lives(run, watch)), None):
            return f"{name}: {Owner.of(at_it)} is at it, in run {at_it.info.run_id}; waiting"
        left = found[0] if goes_on and found else None
        if left:
            parent.take_up(left)
        for run in found[1 if left else 0 :]:
            parent.close_left_open(run)
        run_id = left.info.run_id if left else parent.begin(name, kind, {KEY_TAG: key})
        return parent.client.get_run(run_id)

    return _once_free(parent.store, look)


def _once_free(store: Store, look: Callable[[Watch], Found | str]) -> Found:
    """What `look`, under the store's lock, gives at last; a text says for whom it has to wait."""
    watch, told = Watch(store.client), ""
    while True:
        with store_lock(store, LOCK):
            found = look(watch)
        if not isinstance(found, str):
            return found
        if found != told:  # once, not with every look
            say(found)
        told = found
        time.sleep(POLL_SECONDS)


def outermost_run(store: Store, name: str, tags: Mapping[str, str]) -> TrackedRun:
    """The latest that has the key in `tags`, if it was cut off and nobody is at it, else a new one.

    If that is to be fresh, it is new in any case.
    """
    watch = Watch(store.client)
    left = _left_of(store, tags)
    owner = Owner.of(left) if left else None
    if left and owner and _lives(left, watch) and owner.lives_here() is None:
        say(f"{owner} began the same, in run {left.info.run_id}; looking whether it is still at it")
        watch.beats(owner)
    with store_lock(store, LOCK):
        left = _left_of(store, tags)
        if left and not _lives(left, watch):
            run = TrackedRun(store, left.info.run_id, heart=left.info.run_id, resumed=True)
            run.take_up(left)
            return run
        run_id = store.client.create_run(store.experiment_id, run_name=name, tags=dict(tags)).info.run_id
    return TrackedRun(store, run_id, heart=run_id)


def _left_of(store: Store, tags: Mapping[str, str]) -> Run | None:
    """The latest run of the key, unless it came to its end or nothing older is to count."""
    if KEY_TAG not in tags or FRESH_TAG in tags:
        return None
    latest = next(iter(store.find(_of_key(tags[KEY_TAG]))), None)
    return latest if latest and latest.info.status != "FINISHED" else None


@contextmanager
def held(run: TrackedRun, tag: str, what: str) -> Iterator[None]:
    """Of all processes only one at a time is in such a block, for this run and tag; others wait."""

    def look(watch: Watch) -> bool | str:
        owner = Owner.of(run.client.get_run(run.run_id), tag)
        if owner and not owner.is_me and watch.lives(owner):
            return f"{what}: {owner} is at it; waiting"
        run.client.set_tag(run.run_id, tag, Owner.me(run.heart).text())
        return True

    _once_free(run.store, look)
    try:
        yield
    finally:
        with store_lock(run.store, LOCK):
            owner = Owner.of(run.client.get_run(run.run_id), tag)
            if owner is not None and owner.is_me:  # not another's that took us for dead
                run.drop_tag(tag)


def close_orphans(run: TrackedRun, watch: Watch) -> None:
    """Mark as KILLED what processes of this experiment left open that are no more."""
    for orphan in run.find("attributes.status = 'RUNNING'")[:AT_ONCE]:
        if _is_orphan(orphan, watch):
            with store_lock(run.store, LOCK):  # somebody may have taken it up by now
                now = run.client.get_run(orphan.info.run_id)
                if _is_orphan(now, watch):
                    run.close_left_open(now)


def _is_orphan(run: Run, watch: Watch) -> bool:
    owner = _other_owner(run)
    return owner is not None and not watch.lives(owner)


def _lives(run: Run, watch: Watch) -> bool:
    """Another process is at it."""
    owner = _other_owner(run)
    return run.info.status == "RUNNING" and owner is not None and watch.lives(owner)


def _other_owner(run: Run) -> Owner | None:
    """None for this process's own, and for one that has none."""
    owner = Owner.of(run)
    return None if owner is None or owner.is_me else owner


def _of_key(key: str) -> str:
    return f"tags.`{KEY_TAG}` = '{key}'"
