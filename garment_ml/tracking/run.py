"""One MLflow run as a value: what is logged through it, and how it ends whatever happens inside."""

from __future__ import annotations

import atexit
import posixpath
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mlflow
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.utils.time import get_current_time_millis
from pandas import DataFrame

from garment_ml.base.secrets import without_passwords
from garment_ml.tracking.owner import OWNER_TAG, Owner
from garment_ml.tracking.store import MISSING, Store, tolerating

KIND_TAG = "garment.kind"  # such as suite, search, trial, refit, comparison or audit
LONGEST_TAG = 5000  # characters; MLflow takes no more
PARENT_TAG = "mlflow.parentRunId"


@dataclass(frozen=True)
class TrackedRun:
    """Logs to one run by its id; holds no state of its own, so it can be used from callbacks."""

    store: Store
    run_id: str
    heart: str = ""  # id of the outermost run, which this process beats on
    resumed: bool = False  # begun by an earlier call, which didn't come to its end

    @property
    def client(self) -> MlflowClient:
        return self.store.client

    def metrics(self) -> dict[str, float]:
        """The latest value of each, as the store has them now."""
        return dict(self.client.get_run(self.run_id).data.metrics)

    def log_parameters(self, values: Mapping[str, Any]) -> None:
        """Log those not there yet: `mlflow run` has logged its -P values, as text, before we start."""
        known = self.client.get_run(self.run_id).data.params
        new = [Param(name, str(value)) for name, value in values.items() if name not in known]
        for start in range(0, len(new), 100):  # MLflow takes 100 parameters a call
            self.client.log_batch(self.run_id, params=new[start : start + 100])

    def log_metrics(
        self, values: Mapping[str, float], step: int = 0, wait: bool = True, model_id: str | None = None
    ) -> None:
        """With `wait=False` the values are queued, and flushed at the latest when a run ends.

        With `model_id` they are also shown with that logged model, and models can be ranked by them.
        """
        now = get_current_time_millis()
        metrics = [Metric(name, float(value), now, step, model_id) for name, value in values.items()]
        self.client.log_batch(self.run_id, metrics=metrics, synchronous=wait)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        entities = [RunTag(name, str(value)[:LONGEST_TAG]) for name, value in tags.items()]
        self.client.log_batch(self.run_id, tags=entities)

    def log_report(self, report: Mapping[str, Figure | DataFrame]) -> None:
        """Figures and tables by the path they are kept under."""
        for path, item in report.items():
            if isinstance(item, Figure):
                self.client.log_figure(self.run_id, item, path)
            elif path.endswith(".csv"):
                self.client.log_text(self.run_id, item.to_csv(index=False), path)
            else:
                self.client.log_table(self.run_id, item, path)

    def log_json(self, value: Any, path: str) -> None:
        self.client.log_dict(self.run_id, value, path)

    def log_file(self, path: str, folder: str | None = None) -> None:
        self.client.log_artifact(self.run_id, path, folder)

    @contextmanager
    def artifact(self, path: str) -> Iterator[Path | None]:
        """A copy of the artifact that lasts as long as the block; None when the run has none."""
        if path not in [
            each.path for each in self.client.list_artifacts(self.run_id, posixpath.dirname(path))
        ]:
            yield None
            return
        with tempfile.TemporaryDirectory() as folder:
            yield Path(self.client.download_artifacts(self.run_id, path, folder))

    def begin(self, name: str, kind: str, tags: Mapping[str, str] | None = None) -> str:
        """Id of a new run nested in this one, RUNNING and owned by this process from its first moment."""
        tags = {**(tags or {}), KIND_TAG: kind, PARENT_TAG: self.run_id, OWNER_TAG: self._owner()}
        return self.client.create_run(self.store.experiment_id, run_name=name, tags=tags).info.run_id

    @contextmanager
    def child(
        self, name: str, kind: str, tags: Mapping[str, str] | None = None, again: str | None = None
    ) -> Iterator[TrackedRun]:
        """A nested run, the active one inside the block; `again` is the id of one to go on with.

        That one stays in the run it was begun in.
        """
        nested = replace(self, run_id=again or self.begin(name, kind, tags), resumed=again is not None)
        with active(nested, nested=True) as run:
            yield run

    def take_up(self, run: Run) -> None:
        """Make one that another process has left this one's, and RUNNING: none other will take it then."""
        self.client.set_tag(run.info.run_id, OWNER_TAG, self._owner())
        self.client.update_run(run.info.run_id, status="RUNNING")

    def _owner(self) -> str:
        return Owner.me(self.heart).text()

    def find(self, condition: str) -> list[Run]:
        """This experiment's runs that fulfil an MLflow filter, the latest first."""
        return self.store.find(condition)

    def outermost(self, run: Run) -> Run:
        """The run that `run` is nested in, at whatever depth; itself when it isn't."""
        while parent := run.data.tags.get(PARENT_TAG):
            run = self.client.get_run(parent)
        return run

    def end(self, status: str, reason: str | None = None) -> None:
        """End this run, and what an interruption left open in it, with the reason as tag `error`.

        One that has ended stays as it is.
        """
        if self.run_id not in _open:
            return
        while self.run_id in _open:
            _end_innermost(status)
        if reason is not None:  # afterwards: a second Ctrl-C may come while it is written
            self.set_tags({"error": without_passwords(reason)})

    def drop_tag(self, name: str) -> None:
        """Also where another process has done so meanwhile."""
        with tolerating(MISSING):
            self.client.delete_tag(self.run_id, name)

    def finish_left_open(self, run: Run) -> None:
        """Mark a run as FINISHED whose process ended after the work, and before it could say so."""
        replace(self, run_id=run.info.run_id).drop_tag("error")
        self.client.set_terminated(run.info.run_id, "FINISHED")

    def close_left_open(self, run: Run) -> None:
        """Mark a run as KILLED whose process ended without closing it."""
        if run.info.status == "RUNNING":
            self.client.set_tag(run.info.run_id, "error", "interrupted: its process ended without closing it")
            self.client.set_terminated(run.info.run_id, "KILLED")


_open: list[str] = []  # ids of our active runs, the innermost last


@contextmanager
def active(run: TrackedRun, nested: bool = False, system_metrics: bool = False) -> Iterator[TrackedRun]:
    """Make `run` MLflow's active one; how the block ends decides its status, unless it was ended inside."""
    begun = mlflow.start_run(run_id=run.run_id, nested=nested, log_system_metrics=system_metrics)
    _open.append(run.run_id)
    try:
        if "error" in begun.data.tags:  # it was cut off before, and goes on
            run.drop_tag("error")
        yield run
    except BaseException as error:
        status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
        run.end(status, f"{type(error).__name__}: {error}")
        raise
    run.end("FINISHED")


def _end_innermost(status: str) -> None:
    """MLflow takes it off its stack first: interrupted after that, it is closed by the next run."""
    run_id = _open.pop()
    current = mlflow.active_run()
    if current is not None and current.info.run_id == run_id:
        mlflow.end_run(status)


@atexit.register
def _end_what_is_open() -> None:
    """Before MLflow does so, which would call it FINISHED."""
    while _open:
        _end_innermost("KILLED")
