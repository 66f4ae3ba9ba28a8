"""A command's own run: opened, owned, kept alive by a heartbeat, and ended whatever happens."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from garment_ml.tracking.claims import FRESH_TAG, KEY_TAG, close_orphans, outermost_run
from garment_ml.tracking.owner import OWNER_TAG, Owner, Watch, heartbeat
from garment_ml.tracking.run import KIND_TAG, TrackedRun, active
from garment_ml.tracking.store import open_store


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised like Ctrl-C so that open runs are closed as KILLED on the way out."""


@contextmanager
def open_run(
    experiment: str, name: str, kind: str, key: str | None = None, fresh: bool = False
) -> Iterator[TrackedRun]:
    """The run that `mlflow run` started for this process, else one of this `key` cut off, else a new one.

    A `fresh` one is new in any case, and in it nothing counts that was done before. The run ends FINISHED,
    FAILED (an error) or KILLED (SIGINT, SIGTERM), with the reason as tag `error`. What processes that are no
    more left open in this experiment is closed as KILLED.
    """
    given = os.environ.pop("MLFLOW_RUN_ID", None)
    store = open_store(experiment, of_run=given)
    tags = {KIND_TAG: kind, OWNER_TAG: Owner.me().text(), "mlflow.source.name": " ".join(sys.orig_argv[1:3])}
    tags |= {KEY_TAG: key} if key else {}
    tags |= {FRESH_TAG: "true"} if fresh else {}
    run = TrackedRun(store, given, heart=given) if given else outermost_run(store, name, tags)
    close = partial(close_orphans, run, Watch(store.client))
    with _sigterm_as_interrupt(), active(run, system_metrics=True):
        run.set_tags(tags)
        close()
        with heartbeat(store.client, run.run_id, close):
            yield run


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    def stop(signal_number: int, frame: object) -> None:
        raise Terminated("SIGTERM")

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: whoever runs us there handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
