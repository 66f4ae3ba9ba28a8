"""`experiments.demo` as people use it: in a real browser, with a real endpoint behind it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from garment_ml.data.decisions import read_corrections
from garment_ml.endpoint.server import free_port
from garment_ml.operations.asking import Client
from garment_ml.registry.versions import register
from garment_ml.studies.recorded_data import SETTINGS_TAG
from tests.endpoint.brightness import logged_model

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here")]
PATIENCE = 120_000  # milliseconds
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1000, "height": 1200}
NAME = "brightness"


def picture(path: Path, grey: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), grey, np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory, empty_store) -> Iterator[dict]:
    """A store with a champion, photographs in class folders, an audit, and the demo running on them."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copy(empty_store, folder / "mlflow.db")
    for part, greys in (("train", range(0, 250, 10)), ("test", (5, 245, 100))):
        for grey in greys:
            picture(folder / "pictures" / part / ("bright" if grey >= 128 else "dark") / f"{grey}.png", grey)
    audit = folder / "audit.csv"
    audit.write_text(
        "file,check,value,note,group,decision,digest\ntrain/dark/0.png,blank,0,nothing on it,,,\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("GARMENT_ML_CACHE", str(folder / "cache"))
        address, opened = logged_model()
        run_id = opened.client.get_logged_model(address.removeprefix("models:/")).source_run_id
        recorded = {"data": "folders", "data_dir": str(folder / "pictures")}
        opened.client.set_tag(run_id, SETTINGS_TAG, json.dumps(recorded))
        version = register(opened, address, run_id, NAME)
        opened.client.set_registered_model_alias(NAME, "champion", version.version)
        opened.client.update_model_version(
            NAME, version.version, description="# The card\nTells dark from bright."
        )
        endpoint, page = f"http://127.0.0.1:{free_port()}", free_port()
        command = [sys.executable, "-m", "experiments.demo", "--endpoint", endpoint, "--page-port", str(page)]
        command += ["--model", f"models:/{NAME}@champion", "--kept", str(folder / "kept")]
        command += ["--audit", str(audit)]
        demo = subprocess.Popen(command)
        try:
            yield {
                "folder": folder,
                "address": f"http://127.0.0.1:{page}",
                "endpoint": endpoint,
                "demo": psutil.Process(demo.pid),
            }
        finally:
            children = psutil.Process(demo.pid).children(recursive=True)
            demo.terminate()
            demo.wait(60)
            psutil.wait_procs(children, 60)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(world, browser):
    opened = browser.new_page(viewport=DESK)
    opened.set_default_timeout(PATIENCE)
    for _ in range(600):
        try:
            opened.goto(world["address"])
            break
        except Exception:
            assert world["demo"].is_running()
            opened.wait_for_timeout(200)
    opened.get_by_text("Where is the picture?").wait_for()
    yield opened
    opened.close()


def assert_accessible(page) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["html"][:200] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert not serious


def test_a_picture_of_the_test_set_is_answered_and_corrected(page, world):
    page.get_by_text("The test set").click()
    page.get_by_role("heading", name="bright, ").wait_for()
    page.get_by_text("The data set calls it bright.").wait_for()
    page.get_by_text("Orange: what spoke for bright").wait_for()
    assert page.get_by_role("table", name="Probability of each class").get_by_role("row").count() == 2
    assert page.get_by_role("img").count() >= 2
    assert_accessible(page)
    page.get_by_role("button", name="This is wrong: keep it").click()
    page.get_by_text("give it to any entry point as").wait_for()
    (decision,) = read_corrections(world["folder"] / "kept" / "corrections.csv").decisions
    assert (decision.file, decision.decision) == ("test/bright/245.png", "bright")


def test_a_file_is_answered_and_a_wrong_one_named(page, world, tmp_path):
    page.locator("input[type=file]").first.set_input_files(picture(tmp_path / "new.png", 9))
    page.get_by_role("heading", name="dark, ").wait_for()
    page.get_by_role("button", name="This is wrong: keep it").click()
    page.get_by_text("reads these pictures").wait_for()
    assert "bright,dark," in (world["folder"] / "kept" / "train.csv").read_text()
    (tmp_path / "text.txt").write_text("no picture")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "text.txt")
    page.get_by_text("This can't be answered: 10 bytes are no picture").wait_for()
    assert_accessible(page)


def test_many_files_make_a_table_and_a_csv(page, tmp_path):
    page.get_by_role("tab", name="Many pictures").click()
    files = [picture(tmp_path / f"{grey}.png", grey) for grey in (3, 250)]
    (tmp_path / "text.txt").write_text("no picture")
    page.locator("input[type=file]").last.set_input_files([*files, tmp_path / "text.txt"])
    page.get_by_role("button", name="Download as CSV").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    rows = Path(download.value.path()).read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:3]] == [["3.png", "dark"], ["250.png", "bright"]]
    assert "text.txt" in rows[3] and "no picture" in rows[3]
    assert_accessible(page)


def test_an_audits_findings_are_decided(page, world):
    page.get_by_role("tab", name="Audit").click()
    page.get_by_text("nothing on it").wait_for()
    assert_accessible(page)
    page.get_by_role("combobox", name="Decision on train/dark/0.png").click()
    page.get_by_role("option", name="drop").click()
    page.get_by_role("button", name="Save these decisions").click()
    page.get_by_text("Saved in").wait_for()
    (decision,) = read_corrections(world["folder"] / "audit.csv").decisions
    assert (decision.file, decision.decision) == ("train/dark/0.png", "drop")


def test_it_says_which_model_answers_fits_a_phone_and_works_by_keyboard(page):
    page.set_viewport_size(PHONE)
    page.get_by_text("Which model answers?").click()
    page.get_by_text(f"models:/{NAME}/1").wait_for()
    page.get_by_text("Tells dark from bright.").wait_for()
    page.get_by_role("radio", name="A file").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="bright, ").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert_accessible(page)


def test_a_second_page_in_the_same_place_is_refused(page, world):
    from click.testing import CliRunner

    from experiments.demo import main

    port = world["address"].rpartition(":")[2]
    done = CliRunner().invoke(main, ["--endpoint", world["endpoint"], "--page-port", port])
    assert done.exit_code == 2
    assert f"--page-port {port} can't be listened on: Address already in use" in done.stderr
    assert "The page:" not in done.output


def test_it_says_when_the_endpoint_is_gone(page, world):
    """The last one: the endpoint doesn't come back."""
    (server,) = (each for each in world["demo"].children() if "experiments.serve" in each.cmdline())
    server.terminate()
    while Client(world["endpoint"]).is_up():
        page.wait_for_timeout(100)
    page.get_by_text("The test set").click()
    page.get_by_text("no endpoint answers at").first.wait_for()
    page.get_by_text("python -m experiments.serve").first.wait_for()
