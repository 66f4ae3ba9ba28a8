import base64
import io
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from garment_ml.shipped.base64_text import encode_picture
from garment_ml.tracking.models import MODEL_TAG, SHIPPED, log_servable
from garment_ml.tracking.opening import open_run

CLASSES = ("T-shirt/top", "Bag", "Ankle boot")
PICTURES = np.random.default_rng(0).integers(0, 256, (5, 6, 4, 1), dtype=np.uint8)


def make_servable():
    import keras

    keras.utils.set_random_seed(0)
    pictures = keras.Input((6, 4, 1), dtype="uint8", name="pictures")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pictures))
    return keras.Model(pictures, keras.layers.Softmax()(keras.layers.Dense(len(CLASSES))(x)))


@pytest.fixture(scope="module")
def servable():
    return make_servable()


@pytest.fixture(scope="module")
def model_folder(servable, empty_store, tmp_path_factory) -> Path:
    """Logged, checked on its run, and fetched as a server would."""
    import mlflow

    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
        with open_run("garments", "name", "refit") as run:
            model_uri = log_servable(run, servable, CLASSES, "tiny seed 1")
        assert model_uri.startswith("models:/m-")
        assert run.client.get_run(run.run_id).data.tags[MODEL_TAG] == model_uri
        return Path(mlflow.artifacts.download_artifacts(model_uri, dst_path=str(folder / "model")))


@pytest.fixture(scope="module")
def model(model_folder):
    import mlflow

    path = list(sys.path)
    yield mlflow.pyfunc.load_model(str(model_folder))
    sys.path[:] = path


def table(*texts):
    import pandas as pd

    return pd.DataFrame({"image": list(texts)})


def expected(servable, pictures=PICTURES) -> np.ndarray:
    return np.asarray(servable(pictures))


def assert_answers(answer, probabilities: np.ndarray, tolerance=1e-6) -> None:
    assert list(answer.columns) == ["label", "confidence", *(f"probability_{name}" for name in CLASSES)]
    assert list(answer["label"]) == [CLASSES[best] for best in probabilities.argmax(axis=1)]
    confidences = answer["confidence"].to_numpy("float64")
    np.testing.assert_allclose(confidences, probabilities.max(axis=1), atol=tolerance)
    np.testing.assert_allclose(answer.iloc[:, 2:].to_numpy("float64"), probabilities, atol=tolerance)


def test_pictures_get_labels_confidences_and_probabilities(model, servable):
    assert_answers(model.predict(table(*map(encode_picture, PICTURES))), expected(servable))


def test_more_pictures_than_fit_one_pass(model, servable):
    many = np.random.default_rng(1).integers(0, 256, (300, 6, 4, 1), dtype=np.uint8)
    assert_answers(model.predict(table(*map(encode_picture, many))), expected(servable, many))


def test_line_breaks_data_urls_and_other_sizes_and_modes_are_taken(model, servable):
    text = encode_picture(PICTURES[0])
    broken = base64.encodebytes(base64.b64decode(text)).decode()
    assert "\n" in broken[:-1]
    enlarged = Image.fromarray(PICTURES[0, ..., 0]).convert("RGB").resize((8, 12), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    enlarged.save(buffer, "PNG")
    large = base64.b64encode(buffer.getvalue()).decode()
    answer = model.predict(table(text, broken, f"data:image/png;base64,{text}", large))
    assert_answers(answer.iloc[:3], expected(servable, PICTURES[[0, 0, 0]]))
    assert np.isfinite(answer.iloc[3, 1])


def test_top_k_names_the_likeliest_instead_of_all_probabilities(model, servable):
    answer = model.predict(table(encode_picture(PICTURES[0])), params={"top_k": 2})
    first, second = np.argsort(-expected(servable)[0])[:2]
    assert list(answer) == ["label", "confidence", "label_2", "confidence_2"]
    assert answer[["label", "label_2"]].to_numpy().tolist() == [[CLASSES[first], CLASSES[second]]]


def test_with_report_good_rows_are_answered_beside_the_reasons_of_bad_ones(model, servable):
    bad = table(PNG, None, "YWJj", PNG).astype("object")
    answer = model.predict(bad, params={"on_error": "report"})
    assert_answers(answer.iloc[[0, 3]].drop(columns="error"), expected(servable, PICTURES[[0, 0]]))
    assert answer["error"].tolist()[::3] == [None, None]
    assert "holds no base64 text (expected a text" in answer["error"][1]
    assert "3 bytes are no picture" in answer["error"][2]
    assert answer.loc[1:2].drop(columns="error").isna().all(axis=None)


def test_a_heat_map_shows_what_spoke_for_the_label(model, servable):
    from garment_ml.shipped.heat_maps import HeatMaps

    params = {"heat_map": True, "on_error": "report"}
    answer = model.predict(table(PNG, "YWJj", encode_picture(PICTURES[1])), params=params)
    assert answer["heat_map"][1] is None
    maps = [np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["heat_map"][row])))) for row in (0, 2)]
    wanted = HeatMaps(servable)(PICTURES[:2], expected(servable, PICTURES[:2]).argmax(axis=1))
    assert wanted.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(maps, np.rint(255 * wanted))


def test_large_pictures_are_decoded_side_by_side_and_answered_in_order(model, servable):
    noise = [np.random.default_rng(seed).integers(0, 256, (600, 400, 1), np.uint8) for seed in range(4)]
    for picture, brightness in zip(noise, (0, 80, 160, 240), strict=True):
        picture //= 16
        picture += np.uint8(brightness)
    texts = [encode_picture(picture) for picture in noise]
    assert sum(map(len, texts)) > 500_000
    together = model.predict(table(*texts)).iloc[:, 2:]
    alone = [model.predict(table(text)).iloc[0, 2:].tolist() for text in texts]
    np.testing.assert_allclose(together.to_numpy("float64"), alone, atol=1e-6)
    assert together.nunique().min() == 4


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"top_k": -1}, "top_k is -1, expected 0"),
        ({"top_k": "many"}, "top_k"),
        ({"heat_map": "red"}, "heat_map"),
        ({"on_error": "ignore"}, "on_error is 'ignore', expected raise or report"),
    ],
)
def test_an_unknown_wish_is_refused(model, params, sentence):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=sentence) as caught:
        model.predict(table(PNG), params=params)
    assert caught.value.get_http_status_code() == 400


def test_a_request_has_no_more_rows_than_a_batch_of_spark(model):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="10,001 rows in one request, expected at most 10,000"):
        model.predict(table(*["AAAA"] * 10_001))
    with pytest.raises(MlflowException, match="65 rows in one request, expected at most 64"):
        model.predict(table(*["AAAA"] * 65), params={"heat_map": True})


PNG = encode_picture(PICTURES[0])


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ((PNG, "no base64!"), "row 1: column 'image' holds no base64 text"),
        ((PNG, PNG, "YWJj"), "row 2: 3 bytes are no picture, expected one of: PNG"),
        ((PNG[:-40],), "row 0: the picture .* is damaged|row 0: column 'image' holds no base64"),
        (("",), "row 0: 0 bytes are no picture"),
        (("é",), "row 0: .*ASCII"),
        ((PNG, None), "row 1: column 'image' holds no base64 text"),
        ((), "no pictures: expected at least one row with a base64 text in column 'image'"),
    ],
)
def test_what_is_no_picture_is_refused_by_row(model, texts, sentence):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=sentence) as caught:
        model.predict(table(*texts).astype("object"))
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"  # the server answers it with status 400
    assert caught.value.get_http_status_code() == 400


def test_a_table_without_the_column_is_refused(model):
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="image"):
        model.predict(table(PNG).rename(columns={"image": "picture"}))


def test_requirements_are_pinned_and_class_names_travel_along(model_folder):
    requirements = (model_folder / "requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in requirements} == {
        "mlflow", "tensorflow", "keras", "numpy", "pandas", "pillow"
    }  # fmt: skip
    assert all("==" in line for line in requirements)
    assert json.loads((model_folder / "artifacts" / "class_names.json").read_text()) == list(CLASSES)


IN_A_CLEAN_PROCESS = textwrap.dedent(
    """
    import json, sys
    from importlib.machinery import PathFinder

    class OnlyShipped:
        '''Finds this project in folders that come onto the path from now on: those of the model.'''
        here = list(sys.path)

        def find_spec(self, name, path=None, target=None):
            if name not in ("garment_ml", "experiments"):
                return None
            found = PathFinder.find_spec(name, [each for each in sys.path if each not in self.here])
            if found is None:
                raise ModuleNotFoundError(name)
            return found

    sys.meta_path.insert(0, OnlyShipped())
    try:
        import garment_ml
        sys.exit("the project can be imported")
    except ModuleNotFoundError:
        pass
    import mlflow, pandas
    model = mlflow.pyfunc.load_model(sys.argv[1])
    answer = model.predict(pandas.DataFrame({"image": json.load(sys.stdin)}))
    ours = {name: module.__file__ for name, module in sys.modules.items() if name.startswith("garment_ml")}
    print(json.dumps({"answer": answer.to_dict("list"), "ours": ours}))
    """
)


@pytest.mark.slow
def test_it_answers_in_a_clean_process_elsewhere_that_cannot_import_the_project(
    model_folder, servable, tmp_path
):
    import pandas as pd

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", IN_A_CLEAN_PROCESS, str(model_folder)],
        input=json.dumps([encode_picture(picture) for picture in PICTURES]),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert_answers(pd.DataFrame(said["answer"]), expected(servable), tolerance=1e-5)
    files = SHIPPED.glob("[a-z]*.py")
    shipped = {f"garment_ml.shipped.{file.stem}" for file in files if file.stem != "endpoint_model"}
    assert set(said["ours"]) == {"garment_ml", "garment_ml.shipped", *shipped}
    assert all(Path(file).is_relative_to(model_folder) for file in said["ours"].values())


def test_a_picture_of_another_shape_is_brought_to_the_models_as_in_training(store, tmp_path):
    import keras
    import mlflow

    pictures = keras.Input((4, 4, 1), dtype="uint8")
    corner = keras.layers.Flatten()(
        keras.layers.Cropping2D(((0, 3), (0, 3)))(keras.layers.Rescaling(1.0)(pictures))
    )
    light = keras.Model(pictures, keras.ops.concatenate([corner / 255, 1 - corner / 255], axis=1))
    wide = encode_picture(np.full((2, 8, 1), 255, np.uint8))
    answers = {}
    for fit in ("stretch", "pad"):
        with open_run("garments", "name", "refit") as run:
            address = log_servable(run, light, ("white", "black"), fit, fit)
        answers[fit] = mlflow.pyfunc.load_model(address).predict([{"image": wide}])["label"].tolist()
    assert answers == {"stretch": ["white"], "pad": ["black"]}
