"""`mlflow run` and `python -m` are two ways to the same run."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from garment_ml.registry.versions import CHAMPION, REGISTERED_MODEL
from garment_ml.tracking.run import KIND_TAG

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("store")]
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"data": "sample", "architecture": "dropout", "epochs": "2", "train_pictures": "500"}


def execute(*command: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def mlflow_run(entry_point: str, **parameters: str) -> subprocess.CompletedProcess:
    """By `mlflow run`, as a user would; it must end well."""
    given = [part for name, value in parameters.items() for part in ("-P", f"{name}={value}")]
    project = ("mlflow", "run", ".", "--env-manager", "local", "-e", entry_point)
    done = execute(*project, "--experiment-name", "garments", *given)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done


def of_kind(client: mlflow.MlflowClient, kind: str) -> list[mlflow.entities.Run]:
    """The latest first."""
    experiment = client.get_experiment_by_name("garments").experiment_id
    return list(client.search_runs([experiment], f"tags.`{KIND_TAG}` = '{kind}'"))


def test_a_projects_runs_keep_their_values_and_are_compared_and_promoted_over_a_tracking_server(
    tracking_server, monkeypatch
):
    """The data are named once: what comes later reads them from a record that MLflow has not been first at.

    MLflow logs its -P values before the script starts, shell-quoted, and a registered version over HTTP wants
    more than SQLite does.
    """
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_server)
    client = mlflow.MlflowClient(tracking_server)
    mlflow_run("scratch_cnn", **SETTINGS)
    options = [part for name, value in SETTINGS.items() for part in (f"--{name.replace('_', '-')}", value)]
    as_module = execute(sys.executable, "-m", "experiments.scratch_cnn", *options, "--fresh")
    assert as_module.returncode == 0, as_module.stderr[-2000:]
    assert "mlflow models serve --model-uri models:/m-" in as_module.stdout

    by_module, by_project = of_kind(client, "refit")
    assert by_project.data.params == by_module.data.params
    expected = {"learning_rate": "0.001", "dropout": "0.3", "epochs": "2", "batch_size": "128", "seed": "1"}
    assert expected.items() <= by_project.data.params.items()
    ours = [set(run.data.metrics) for run in (by_project, by_module)]
    assert ours[0] == ours[1]
    accuracies = [run.data.metrics["validation_accuracy"] for run in (by_project, by_module)]
    assert abs(accuracies[0] - accuracies[1]) <= 0.02  # the same seed, without --deterministic

    compared = mlflow_run("compare")
    assert "scratch_cnn dropout" in compared.stdout
    lenient = {"lowest_recall": "0", "highest_calibration_error": "1", "longest_latency": "100000"}
    mlflow_run("promote", **lenient)
    champion = client.get_model_version_by_alias(REGISTERED_MODEL, CHAMPION)
    assert champion.run_id in {by_project.info.run_id, by_module.info.run_id}
    (promotion,) = of_kind(client, "promotion")
    assert promotion.data.metrics["gate/passed"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--data", "mnist"), "'--data': 'mnist' is not one of 'fashion-mnist', 'sample'"),
        (("--architecture", "alexnet"), "'--architecture': 'alexnet' is not one of"),
        (("--epoch", "3"), "No such option"),
        (("--data-dir", "/nowhere", "--data", "fashion-mnist"), "/nowhere"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_code_2(options, said):
    done = execute(sys.executable, "-m", "experiments.scratch_cnn", *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
