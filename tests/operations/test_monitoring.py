"""From a server's record to a verdict, with a model whose features are plain to see."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from experiments import monitor
from garment_ml.operations.monitoring import compare, read_window, said_of
from garment_ml.shipped import recording
from garment_ml.shipped.compiled import compiled
from garment_ml.shipped.features import with_features
from garment_ml.shipped.recording import Recorder
from garment_ml.tracking.fetched_models import fetch_servable
from garment_ml.tracking.run import KIND_TAG
from tests.endpoint.brightness import CLASSES, logged_model

pytestmark = pytest.mark.slow


def pictures(count: int, share_bright: float, noise: float = 20, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    level = np.where(random.random(count) < share_bright, 200, 60)[:, None, None, None]
    return np.clip(level + random.normal(0, noise, (count, 4, 4, 1)), 0, 255).astype(np.uint8)


@pytest.fixture
def served(store, monkeypatch):
    """The model's address, the store, and a function that records its answers to pictures."""
    monkeypatch.setattr(Recorder, "_write_again_and_again", lambda self: None)
    address, opened = logged_model()
    servable = fetch_servable(opened, address)

    def record(folder: Path, images: np.ndarray) -> None:
        kept = Recorder(folder, address.removeprefix("models:/"), CLASSES)
        kept.add(compiled(with_features(servable.model))(images), lambda _: b"")
        kept.write()

    return address, servable, record


def data_folder(folder: Path) -> Path:
    for number, image in enumerate(pictures(1_200, 0.5)):
        name = "bright" if image.mean() > 128 else "dark"
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / name / f"{number}.png")
    return folder


def test_features_come_after_the_very_probabilities(served):
    _, servable, _ = served
    images = pictures(10, 0.5)
    rows = compiled(with_features(servable.model))(images)
    np.testing.assert_allclose(rows[:, :2], compiled(servable.model)(images), atol=1e-6)
    np.testing.assert_allclose(rows[:, 2], images.mean(axis=(1, 2, 3)) / 255, atol=1e-5)


def test_the_window_is_drawn_from_all_servers_by_what_they_answered(served, tmp_path, monkeypatch):
    address, _, record = served
    monkeypatch.setattr(recording, "MOST_ROWS", 100)
    record(tmp_path, pictures(900, 1.0))
    record(tmp_path, pictures(100, 0.0))
    window = read_window(tmp_path, address.removeprefix("models:/"), CLASSES, long_ago())
    assert window.labels.tolist() == [100, 900] and len(window.hours) in (1, 2)
    assert 0.05 < (window.features < 0.5).mean() < 0.15


def long_ago():
    from datetime import UTC, datetime

    return datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("images", "drifted"),
    [
        (partial(pictures, 500, 0.5, seed=1), set()),
        (partial(pictures, 500, 0.9, seed=1), {"class_mix", "two_samples"}),
        (lambda: pictures(500, 0.5, seed=1) // 2 + 60, {"far_away"}),
    ],
    ids=["as before", "another mix", "paler"],
)
def test_what_changed_is_named(served, tmp_path, images, drifted):
    address, servable, record = served
    record(tmp_path, images())
    reference, labels = said_of(servable, FakePictures(pictures(1_000, 0.5, seed=2)))
    window = read_window(tmp_path, address.removeprefix("models:/"), CLASSES, long_ago())
    found = {each.name for each in compare(reference, labels, window)[0] if each.is_drift}
    assert found >= drifted if drifted else not found


class FakePictures:
    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)


def test_the_command_says_writes_a_run_and_exits_with_the_verdict(served, tmp_path):
    address, _, record = served
    data = data_folder(tmp_path / "pictures")
    options = ["--data", "folders", "--data-dir", str(data), "--model", address]
    for share, code, word in ((0.5, 0, "No drift."), (0.98, 1, "Drift: class_mix")):
        record(tmp_path / f"{share}", pictures(400, share, seed=3))
        done = CliRunner().invoke(monitor.main, [*options, "--record", str(tmp_path / f"{share}")])
        assert done.exit_code == code, done.output
        assert word in done.output and "400 answers of" in done.output
    from garment_ml.tracking.store import open_store

    client = open_store("garments").client
    runs = client.search_runs(
        [client.get_experiment_by_name("garments").experiment_id], f"tags.`{KIND_TAG}` = 'monitoring'"
    )
    assert {each.data.tags["garment.verdict"] for each in runs} == {"drift", "no drift"}
    paths = {each.path for each in client.list_artifacts(runs[0].info.run_id, "monitor")}
    assert {"monitor/tests.csv", "monitor/class_mix.png", "monitor/distance.png"} <= paths


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--record is empty"),
        (["--record", "nowhere"], "has nothing of the model"),
    ],
)
def test_without_a_record_the_sentence_says_what_to_do(served, tmp_path, options, words):
    address, _, _ = served
    data = data_folder(tmp_path / "pictures")
    given = ["--data", "folders", "--data-dir", str(data), "--model", address]
    done = CliRunner().invoke(monitor.main, [*given, *options])
    assert done.exit_code == 2 and words in done.output
