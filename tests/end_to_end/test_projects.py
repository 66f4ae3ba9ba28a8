"""`mlflow run` and `python -m` are two ways to the same run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("store")]
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {"data": "sample", "architecture": "dropout", "epochs": "2", "train_pictures": "500"}


def execute(*command: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_mlflow_run_and_python_give_the_same_parameters_and_metrics():
    import mlflow

    parameters = [part for name, value in SETTINGS.items() for part in ("-P", f"{name}={value}")]
    options = [part for name, value in SETTINGS.items() for part in (f"--{name.replace('_', '-')}", value)]
    as_project = execute(
        "mlflow", "run", ".", "--env-manager", "local", "-e", "scratch_cnn",
        "--experiment-name", "garments", *parameters,
    )  # fmt: skip
    assert as_project.returncode == 0, as_project.stderr[-2000:]
    as_module = execute(sys.executable, "-m", "experiments.scratch_cnn", *options)
    assert as_module.returncode == 0, as_module.stderr[-2000:]
    assert "mlflow models serve --model-uri models:/m-" in as_module.stdout
    client = mlflow.MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    (experiment,) = [each for each in client.search_experiments() if each.name == "garments"]
    first, second = client.search_runs([experiment.experiment_id])
    assert first.data.params.keys() == second.data.params.keys()
    ours = [{name for name in run.data.metrics if not name.startswith("system/")} for run in (first, second)]
    assert ours[0] == ours[1]
    assert first.data.tags["garment.split_digest"] == second.data.tags["garment.split_digest"]
    accuracies = [run.data.metrics["validation_accuracy"] for run in (first, second)]
    assert abs(accuracies[0] - accuracies[1]) <= 0.005  # the same seed, without --deterministic


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--data", "mnist"), "data: unknown 'mnist'; choose one of: fashion-mnist, sample"),
        (("--architecture", "alexnet"), "architecture: unknown 'alexnet'"),
        (("--epoch", "3"), "No such option"),
        (("--data-dir", "/nowhere", "--data", "fashion-mnist"), "/nowhere"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_code_2(options, said):
    done = execute(sys.executable, "-m", "experiments.scratch_cnn", *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
