"""keras-tuner's loop with MLflow as its memory: one nested run per trial, kept in step with the oracle.

The oracle's files are the truth about which trials ended, and MLflow follows them: a trial's run is closed
after the oracle has saved the trial's end, and `_reconcile` closes what a killed process left open.
"""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError, FatalError
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError
from garment_ml.search.oracles import OBJECTIVE
from garment_ml.search.result import last_line
from garment_ml.search.state import keep_state
from garment_ml.tracking.run import PARENT_TAG, TrackedRun

TRIAL_TAG = "garment.trial"

# Trains one trial and gives its metrics by name, the objective's among them.
RunTrial = Callable[[Trial, TrackedRun], Mapping[str, float]]


class TrackingLostError(GarmentError, FatalError):
    """MLflow has waited and tried again in vain: no fault of the trial's, so it isn't counted."""


class TrackedTuner(BaseTuner):
    """Runs an oracle's trials through `run_one` and records each as a nested run of `run`."""

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        directory: Path,
        run: TrackedRun,
        run_one: RunTrial,
        max_attempts: int,
        on_end: Callable[[Trial], None],
        score: str = "validation_accuracy",
    ) -> None:
        self.run, self.run_one, self.max_attempts, self.on_end = run, run_one, max_attempts, on_end
        self.score = score  # the metric that trials are ranked by
        self._trial_scope = contextlib.ExitStack()
        with contextlib.redirect_stdout(None):  # it announces a reload; search.py says it with numbers
            super().__init__(oracle, directory=str(directory.parent), project_name=directory.name)
        self._reconcile()

    # The oracle holds all the state there is, so its file is the tuner's file too.
    def _get_tuner_fname(self) -> str:
        return self.oracle._get_oracle_fname()

    # A worker has none: its oracle is the chief's, and a reload would delete the chief's newest trial.
    def save(self) -> None:
        if not self._is_worker():
            self.oracle.save()

    def reload(self) -> None:
        if not self._is_worker():
            self.oracle.reload()

    def search(self) -> None:
        """Run what is left; an interruption closes the trial in hand as KILLED, an error as FAILED."""
        with self._trial_scope:
            super().search()

    def on_trial_begin(self, trial: Trial) -> None:
        super().on_trial_begin(trial)
        self._attempts = len(self._runs_of(f"tags.`{TRIAL_TAG}` = '{trial.trial_id}'"))
        scope = self.run.child(f"trial {trial.trial_id}", "trial", {TRIAL_TAG: trial.trial_id})
        self._trial_run = self._trial_scope.enter_context(scope)
        self._keep_state()

    def run_trial(self, trial: Trial) -> dict[str, float]:
        if self._attempts >= self.max_attempts:
            raise FailedTrialError(
                f"given up after {self._attempts} attempts that were interrupted or failed"
            )
        try:
            metrics = dict(self.run_one(trial, self._trial_run))
            self._trial_run.log_metrics(metrics)
        except MlflowException as error:
            raise TrackingLostError(
                f"the MLflow store doesn't answer: {last_line(str(error))}; what was finished is kept, and "
                "the same command goes on from there"
            ) from error
        return {OBJECTIVE.name: metrics[self.score]}

    def on_trial_end(self, trial: Trial) -> None:
        super().on_trial_end(trial)  # saves; from here on the trial will not run again
        self._keep_state()
        ended = self.oracle.get_trial(trial.trial_id)
        if ended.status != "COMPLETED":
            self._trial_run.end("FAILED", last_line(ended.message))
        self._trial_scope.close()
        self.on_end(ended)

    def _keep_state(self) -> None:
        if not self._is_worker():  # a worker's oracle is the chief's
            keep_state(self.run, Path(self.project_dir))

    def _reconcile(self) -> None:
        """Close the runs that a killed process left open, by what the oracle knows of their trials.

        Another process may have marked them as KILLED meanwhile, which knows no oracle.
        """
        runs = self._runs_of("attributes.status != 'FAILED'")
        finished = {run.data.tags.get(TRIAL_TAG) for run in runs if run.info.status == "FINISHED"}
        for left in (run for run in runs if run.info.status != "FINISHED"):  # the latest first
            number = left.data.tags.get(TRIAL_TAG)
            trial = self.oracle.trials.get(number)
            if trial is not None and trial.status == "COMPLETED" and number not in finished:
                finished.add(number)
                self.run.finish_left_open(left)
            else:
                self.run.close_left_open(left)

    def _runs_of(self, condition: str) -> list[Run]:
        return self.run.find(f"tags.`{PARENT_TAG}` = '{self.run.run_id}' and {condition}")
