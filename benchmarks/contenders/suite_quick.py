"""Ours, searching: the suite's profile quick up to the end of its studies, before it would open the test set.

Judged is what the suite would register: of the best row of finished refits the median one. When time is up
earlier, it is the best of the refits that were finished by then.
"""

import os
import tempfile
from typing import Any
from unittest.mock import patch

from benchmarks.contenders.own_cache import own_cache
from benchmarks.contenders.task import Task, time_limit
from garment_ml.base.terminal import quieten


class StudiesDone(Exception):
    """Raised where the suite would go on to compare on the test set."""


def main() -> None:
    task = Task.of_command_line()
    quieten()
    with tempfile.TemporaryDirectory() as folder, own_cache(folder):
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        suite_run: dict[str, Any] = {}
        with time_limit(task.until):
            run_studies(task, suite_run)
        if not suite_run:
            raise RuntimeError("time was up before the first study began")
        report(task, **suite_run)


def run_studies(task: Task, suite_run: dict[str, Any]) -> None:
    """Fills in the suite's tracked run and its data as soon as there are any."""
    from experiments import suite

    one_study = suite._study

    def study(tracked: Any, name: str, effort: Any, data: Any, settings: Any) -> Any:
        suite_run.update(tracked=tracked, data=data)
        return one_study(tracked, name, effort, data, settings)

    settings = suite.Settings(data=task.data, train_pictures=task.train_pictures, profile="quick")
    on_the_way = patch.object(suite, "_study", study)
    with on_the_way, patch.object(suite, "_decide", side_effect=StudiesDone):
        try:
            suite.run(settings)
        except StudiesDone:
            return


def report(task: Task, tracked: Any, data: Any) -> None:
    from benchmarks.contenders.best_so_far import predict
    from garment_ml.comparison.finalists import best_on_validation
    from garment_ml.tracking.fetched_models import fetch_servable
    from garment_ml.tracking.run import KIND_TAG

    if not tracked.find(f"tags.`{KIND_TAG}` = 'refit' and attributes.status = 'FINISHED'"):
        raise RuntimeError("time was up before the first refit was finished")
    best = best_on_validation(tracked, data)
    model = fetch_servable(tracked.store, best.model_uri).model
    trials = len(tracked.find(f"tags.`{KIND_TAG}` = 'trial'"))
    task.report(lambda pictures: predict(model, pictures), trials)


if __name__ == "__main__":
    main()
