"""The page for trying a served model: pictures in, answers, where it looked, and wrong ones kept.

    make demo
    python -m experiments.demo --endpoint http://127.0.0.1:5001
    python -m experiments.demo --data folders --data-dir photographs --audit audit.csv

It asks the endpoint and nothing else; where none answers at --endpoint, `serve` is started beside it. Wrong
answers are kept under --kept with what is right: pictures of the data set as corrections.csv for
--corrections, others as data that `--data labelled-csv` reads. The data set is what the training of the model
recorded, unless --data names another. Ctrl-C ends both.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import garment_ml
from garment_ml.base.command_line import exit_on_sigterm, make_command
from garment_ml.base.config import option
from garment_ml.base.errors import GarmentError, UserError, first_line
from garment_ml.base.secrets import TOKEN_VARIABLE
from garment_ml.base.terminal import say
from garment_ml.registry.thresholds import REGISTERED_MODEL
from garment_ml.studies.settings import DataSettings, RecordedDataSettings

if TYPE_CHECKING:
    from garment_ml.operations.asking import Client


@dataclass(frozen=True)
class Settings(RecordedDataSettings):
    endpoint: str = option("http://127.0.0.1:5001", "address of the endpoint")
    model: str = option(f"models:/{REGISTERED_MODEL}@champion", "to serve where nothing answers there")
    page_port: int = option(8501, "of the page", minimum=1, maximum=65535)
    kept: str = option("kept", "folder for wrong answers and what is right")
    audit: str = option("", "audit.csv of a prepare_data run, to go through its findings")


def run(settings: Settings) -> None:
    try:
        import streamlit  # noqa: F401
    except ImportError:
        raise UserError("the page needs streamlit: pip install 'garment-ml[demo]', or make demo") from None
    from garment_ml.operations.asking import Client

    exit_on_sigterm()
    check_free(settings.page_port)
    client = Client(settings.endpoint, os.environ.get(TOKEN_VARIABLE, ""))
    with ExitStack() as running:
        if not client.is_up():
            running.enter_context(serving(settings, client))
        data = asdict(data_shown(settings, client))
        given = {"endpoint": settings.endpoint, "kept": settings.kept, "audit": settings.audit, "data": data}
        say(f"The page: http://127.0.0.1:{settings.page_port}")
        page = running.enter_context(child(streamlit_command(settings.page_port, given)))
        if code := page.wait():
            raise GarmentError(f"the page ended with exit code {code}; is port {settings.page_port} taken?")


def check_free(port: int) -> None:
    """Before anything slow; UserError for a port that another has."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise UserError(f"--page-port {port} can't be listened on: {error.strerror}") from None


def data_shown(settings: Settings, client: Client) -> DataSettings:
    """What --data names, else what the model that answers was trained on, as far as that is known here."""
    from mlflow.exceptions import MlflowException

    from garment_ml.registry.versions import logged_model_id
    from garment_ml.studies.recorded_data import data_of_model
    from garment_ml.tracking.store import open_store

    if settings.data:
        names = [each.name for each in fields(DataSettings)]
        return DataSettings(**{name: getattr(settings, name) for name in names if name != "rank_by"})
    try:
        store = open_store(settings.experiment)
        return data_of_model(store, logged_model_id(store, client.model()))
    except (GarmentError, MlflowException) as error:
        say(f"What the model was trained on isn't known here ({first_line(error)}): give --data for its own")
        return DataSettings()


def streamlit_command(port: int, handed_over: dict[str, Any]) -> list[str]:
    options = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true"}
    options |= {"browser.gatherUsageStats": "false", "client.toolbarMode": "minimal"}
    given = [f"--{name}={value}" for name, value in options.items()]
    page = Path(garment_ml.__file__).parent / "operations" / "page.py"
    return [sys.executable, "-m", "streamlit", "run", str(page), *given, "--", json.dumps(handed_over)]


@contextmanager
def serving(settings: Settings, client: Client) -> Iterator[None]:
    """The champion behind `serve`, as long as the block lasts. GarmentError where it doesn't come up."""
    found = re.fullmatch(r"http://(127\.0\.0\.1|localhost):(\d{1,5})/?", settings.endpoint)
    if found is None:
        raise GarmentError(
            f"nothing answers at {settings.endpoint}, and it can only be started at http://127.0.0.1:PORT"
        )
    say(f"Nothing answers at {settings.endpoint}: serving {settings.model} there ...")
    command = [sys.executable, "-m", "experiments.serve", "--model", settings.model, "--port", found[2]]
    with child([*command, "--experiment", settings.experiment]) as server:
        while not client.is_up():  # ends in any case, as the server does where it can't start
            if server.poll() is not None:
                raise GarmentError(f"the endpoint ended while starting, with exit code {server.returncode}")
            time.sleep(0.2)
        yield


@contextmanager
def child(command: list[str]) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
