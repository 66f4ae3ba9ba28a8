"""Serves a registered model in the open: with limits, a token, metrics, and promotions that lose no request.

    mlflow run . --env-manager local -e serve --experiment-name garments
    python -m experiments.serve
    GARMENT_ML_TOKEN=... python -m experiments.serve --host 0.0.0.0 --servers 2

It stands in front of MLflow's own scoring servers, which answer as under `mlflow models serve`: the same
/invocations, with a limit to body and time, errors in a sentence without stack trace or what was sent,
/health with the version that answers, /metrics for Prometheus, and a line of JSON for each request. The alias
is looked up every --refresh seconds and on SIGHUP; another version's servers are started beside the old,
which go when the new answer, and stay when they don't.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from garment_ml.base.command_line import exit_on_sigterm, make_command
from garment_ml.base.config import Config, option
from garment_ml.base.errors import UserError
from garment_ml.base.secrets import TOKEN_VARIABLE
from garment_ml.base.terminal import say
from garment_ml.registry.thresholds import REGISTERED_MODEL
from garment_ml.shipped.recording import FOLDER, SAMPLE
from garment_ml.studies.settings import EXPERIMENT


@dataclass(frozen=True)
class Settings(Config):
    model: str = option(f"models:/{REGISTERED_MODEL}@champion", "address of a registered or logged model")
    host: str = option("127.0.0.1", "address to listen on; others can reach 0.0.0.0")
    port: int = option(5001, "to listen on", minimum=0, maximum=65535)
    servers: int = option(1, "scoring servers, each a process with a copy of the model", minimum=1)
    token: str = option(
        "", f"that requests must have; unseen by others in the variable {TOKEN_VARIABLE}", secret=True
    )
    open: bool = option(False, "let other machines ask without a token")
    largest_body: float = option(32, "of a request, in megabytes", minimum=0.001, maximum=1024)
    seconds: float = option(60, "that a request may take", minimum=0.1, maximum=3600)
    record: str = option("", "folder for what `monitor` reads of each hour; no pictures are kept")
    sample: int = option(0, "with --record: least certain pictures to keep, a day and server", minimum=0)
    refresh: float = option(30, "seconds between two looks at the alias", minimum=0.1, maximum=86400)
    experiment: str = option(
        EXPERIMENT, "MLflow experiment (under `mlflow run`: give --experiment-name there)"
    )


def run(settings: Settings) -> None:
    from garment_ml.operations.running import check_open, listen

    if settings.sample and not settings.record:
        raise UserError("--sample keeps pictures under --record, which is empty")
    if settings.record:
        os.environ |= {FOLDER: str(Path(settings.record).absolute()), SAMPLE: str(settings.sample)}
    token = settings.token or os.environ.get(TOKEN_VARIABLE, "")
    check_open(settings.host, token, settings.open)
    listening = listen(settings.host, settings.port)
    from garment_ml.operations.fleet import start_fleet
    from garment_ml.operations.following import Follower
    from garment_ml.operations.front import Front, Limits
    from garment_ml.operations.running import run_front
    from garment_ml.registry.versions import pinned
    from garment_ml.tracking.store import open_store

    # Until `run_front` listens to them: a model that was fetched goes with whoever fetched it.
    exit_on_sigterm()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    store = open_store(settings.experiment)
    start = partial(start_fleet, store, servers=settings.servers, seconds=settings.seconds)
    fleet = start(pinned(store, settings.model))
    try:
        limits = Limits(int(settings.largest_body * 1e6), settings.seconds, token)
        front = Front(fleet, limits)
        follower = Follower(front, partial(pinned, store, settings.model), start, settings.refresh)
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        say(f"{fleet.model_uri} answers at http://{shown}:{port}/invocations; /health, /metrics")
        asyncio.run(run_front(front, follower, listening))
    finally:
        fleet.resources.close()


main = make_command(Settings, run, __doc__)

if __name__ == "__main__":
    main()
