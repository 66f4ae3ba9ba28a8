"""What serving costs beyond the model: pictures per second and waiting times, beside the bare model.

    python -m benchmarks.serving
    python -m benchmarks.serving --approach scratch_cnn

One model with random weights, which are as fast as any: bare, that is decoding and one compiled call, behind
`mlflow models serve`, and behind `serve` before that. In turns, one client, 1 and 64 pictures a request. The
aims are 0.7 of the bare pictures per second with 64, and 12 ms on top of the bare model with one.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmarks.result import say_result
from benchmarks.served import served

if TYPE_CHECKING:
    import keras

    from garment_ml.data.split_dataset import SplitDataset

Ask = Callable[[list[str]], object]
SIZES = {1: 200, 64: 20}  # pictures of a request, and how many such requests
TURNS = 4  # in which these are sent
APPROACHES = ("bottleneck", "scratch_cnn")
WAYS = ("bare", "mlflow models serve", "serve")


@click.command()
@click.option("--approach", type=click.Choice(APPROACHES), default="bottleneck", show_default=True)
@click.option("--data", default="fashion-mnist", show_default=True)
@click.option("--requests", default=1.0, show_default=True, help="of the usual number, such as 0.1")
def main(approach: str, data: str, requests: float) -> None:
    from garment_ml.base.terminal import quieten

    quieten()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        loaded, servable = untrained(approach, data)
        texts = encoded(loaded, max(SIZES))
        ways = dict(zip(WAYS, running.enter_context(asked(loaded, servable)), strict=True))
        seconds = measure(ways, texts, requests)
    lines = [line for size in SIZES for line in table(size, seconds)]
    say_result([f"{approach}, untrained, pictures {'x'.join(map(str, loaded.picture_shape))}", *lines])


def untrained(approach: str, data: str) -> tuple[SplitDataset, keras.Model]:
    from garment_ml.approaches.catalogue import make_approach
    from garment_ml.approaches.hyperparameter import default_values
    from garment_ml.studies.load import load_data
    from garment_ml.studies.settings import DataSettings

    loaded = load_data(DataSettings(data=data))
    made = make_approach(approach, {"architecture": "fast", "weights": "none"}, loaded)
    model = made.build(default_values(made.hyperparameters()))
    return loaded, made.servable(made.calibrated(made.as_served(model)))


def encoded(data: SplitDataset, count: int) -> list[str]:
    from garment_ml.shipped.base64_text import encode_picture

    return [encode_picture(picture) for picture in data.train.pictures.images[:count]]


@contextmanager
def asked(data: SplitDataset, servable: keras.Model) -> Iterator[list[Ask]]:
    """The model bare, and behind both servers while the block lasts."""
    from garment_ml.endpoint.server import running_endpoint
    from garment_ml.tracking.fetched_files import fetched
    from garment_ml.tracking.models import log_servable
    from garment_ml.tracking.opening import open_run

    with open_run("serving", "untrained", "refit") as run:
        model_uri = log_servable(run, servable, data.class_names, "untrained")
    with (
        fetched(run.store, model_uri) as model,
        running_endpoint(model) as stock,
        served(model_uri) as (address, _),
    ):
        yield [bare(servable), over_http(f"http://127.0.0.1:{stock.port}"), over_http(address)]


def bare(servable: keras.Model) -> Ask:
    """Decoding, as any server has to, and one call."""
    from garment_ml.shipped.base64_text import read_base64
    from garment_ml.shipped.compiled import compiled
    from garment_ml.shipped.picture_decoding import decode_picture

    answer = compiled(servable)
    height, width, channels = servable.input_shape[1:]
    size = (height, width)
    return lambda texts: answer(
        np.stack([decode_picture(read_base64(text), size, channels) for text in texts])
    )


def over_http(address: str) -> Ask:
    import requests

    from garment_ml.shipped.columns import request_for

    session = requests.Session()
    headers = {"Content-Type": "application/json"}

    def ask(texts: list[str]) -> None:
        answered = session.post(f"{address}/invocations", json.dumps(request_for(texts)), headers=headers)
        assert len(answered.json()["predictions"]) == len(texts)

    return ask


def measure(ways: dict[str, Ask], texts: list[str], share: float) -> dict[tuple[str, int], list[float]]:
    """Seconds of each request by way and number of pictures; the first of each aren't counted."""
    seconds: dict[tuple[str, int], list[float]] = {(way, size): [] for way in ways for size in SIZES}
    for _ in range(TURNS):
        for way, ask in ways.items():
            for size, count in SIZES.items():
                ask(texts[:size])
                for _ in range(max(2, int(share * count / TURNS))):
                    started = time.perf_counter()
                    ask(texts[:size])
                    seconds[way, size].append(time.perf_counter() - started)
    return seconds


def table(size: int, seconds: dict[tuple[str, int], list[float]]) -> Iterator[str]:
    bare_seconds = float(np.median(seconds["bare", size]))
    for way in WAYS:
        median, slow = np.percentile(seconds[way, size], [50, 99])
        told = f"{way:20} {size:3} a request: {size / median:7.0f} pictures/s, p50 {1000 * median:6.1f} ms, "
        told += f"p99 {1000 * slow:6.1f} ms"
        beside = f", {bare_seconds / median:.2f} of bare, {1000 * (median - bare_seconds):+.1f} ms"
        yield told + (beside if way != "bare" else "")


if __name__ == "__main__":
    main()
