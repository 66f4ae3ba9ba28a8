"""Every way that MLflow has to a model leads to the same answers."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from garment_ml.endpoint.server import running_endpoint
from garment_ml.shipped.base64_text import encode_picture
from garment_ml.shipped.columns import request_for
from garment_ml.tracking.fetched_files import fetched
from tests.endpoint.brightness import logged_model

pytestmark = pytest.mark.slow

TEXTS = [encode_picture(np.full((4, 4, 1), grey, np.uint8)) for grey in (10, 240)]
LABELS = ["dark", "bright"]
CSV = "image\n" + "\n".join(TEXTS) + "\n"


@pytest.fixture(scope="module")
def model(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("ways")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shutil.copy(empty_store, folder / 'mlflow.db')}")
        address, store = logged_model()
        with fetched(store, address) as logged:
            yield logged


@pytest.fixture(scope="module")
def loaded(model: Path):
    import mlflow

    path = list(sys.path)
    yield mlflow.pyfunc.load_model(str(model))
    sys.path[:] = path


@pytest.fixture(scope="module")
def port(model: Path) -> Iterator[int]:
    with running_endpoint(model) as endpoint:
        yield endpoint.port


def test_in_python_a_table_a_list_of_rows_and_one_row(loaded):
    import pandas as pd

    assert loaded.predict(pd.DataFrame({"image": TEXTS}))["label"].tolist() == LABELS
    assert loaded.predict([{"image": text} for text in TEXTS])["label"].tolist() == LABELS
    assert loaded.predict({"image": TEXTS[1]})["label"].tolist() == LABELS[1:]


def test_its_serving_input_is_valid(model):
    from mlflow.models import validate_serving_input

    answers = validate_serving_input(str(model), json.dumps(request_for(TEXTS)))
    assert answers["label"].tolist() == LABELS


@pytest.mark.parametrize(
    "body",
    [
        request_for(TEXTS),
        {"dataframe_records": [{"image": text} for text in TEXTS]},
        {"inputs": {"image": TEXTS}},
        {"inputs": [{"image": text} for text in TEXTS]},
        {"instances": [{"image": text} for text in TEXTS]},
    ],
    ids=["dataframe_split", "dataframe_records", "inputs by column", "inputs by row", "instances"],
)
def test_over_http_every_form_of_json(port, body):
    answered = requests.post(f"http://127.0.0.1:{port}/invocations", json=body, timeout=60)
    assert answered.status_code == 200, answered.text
    assert [each["label"] for each in answered.json()["predictions"]] == LABELS


def test_over_http_csv(port):
    headers = {"Content-Type": "text/csv"}
    answered = requests.post(f"http://127.0.0.1:{port}/invocations", CSV, headers=headers, timeout=60)
    assert [each["label"] for each in answered.json()["predictions"]] == LABELS


def test_over_http_the_client_of_mlflows_image_example(port):
    """examples/flower_classifier/score_images_rest.py: encodebytes, which breaks lines."""
    pictures = [base64.b64decode(text) for text in TEXTS]
    data = [[base64.encodebytes(picture).decode("utf-8")] for picture in pictures]
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": data}})
    headers = {"Content-Type": "application/json"}
    answered = requests.post(f"http://127.0.0.1:{port}/invocations", body, headers=headers, timeout=60)
    assert [each["label"] for each in answered.json()["predictions"]] == LABELS


def test_over_http_parameters_and_json_without_nan(port):
    body = request_for([TEXTS[1], "no picture"]) | {"params": {"top_k": 1, "on_error": "report"}}
    answered = requests.post(f"http://127.0.0.1:{port}/invocations", json=body, timeout=60)
    assert "NaN" not in answered.text
    good, bad = answered.json()["predictions"]
    assert good.keys() == bad.keys() == {"label", "confidence", "error"}
    assert (good["label"], good["error"]) == ("bright", None)
    assert (bad["label"], bad["confidence"]) == (None, None) and "no base64" in bad["error"]


@pytest.mark.parametrize(("kind", "content"), [("json", json.dumps(request_for(TEXTS))), ("csv", CSV)])
def test_mlflow_models_predict(model, tmp_path, kind, content):
    asked, answered = tmp_path / f"asked.{kind}", tmp_path / "answered.json"
    asked.write_text(content)
    mlflow("models", "predict", "-m", model, "-i", asked, "-t", kind, "-o", answered)
    assert [each["label"] for each in json.loads(answered.read_text())["predictions"]] == LABELS


def test_mlflow_models_generate_dockerfile(model, tmp_path):
    mlflow("models", "generate-dockerfile", "-m", model, "-d", tmp_path / "image")
    (copied,) = (tmp_path / "image" / "model_dir").iterdir()
    assert f"COPY model_dir/{copied.name} " in (tmp_path / "image" / "Dockerfile").read_text()
    assert (copied / "artifacts" / "model.keras").read_bytes() == (
        model / "artifacts" / "model.keras"
    ).read_bytes()


def test_spark_udf(spark, model):
    import mlflow
    from pyspark.sql import functions as F

    answer = mlflow.pyfunc.spark_udf(spark, str(model), env_manager="local")
    asked = spark.createDataFrame([(text,) for text in TEXTS], ["image"])
    assert [
        row.label for row in asked.select(answer(F.struct("image")).label.alias("label")).collect()
    ] == LABELS


def mlflow(*arguments: object) -> None:
    command = [sys.executable, "-m", "mlflow", *map(str, arguments), "--env-manager", "local"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
