"""Serves a model in a clean process and keeps what it answered, and how fast."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from garment_ml.base.errors import GarmentError
from garment_ml.endpoint.server import running_endpoint

SINGLE_REQUESTS = 20
Answer = dict[str, Any]


@dataclass(frozen=True)
class EndpointAnswers:
    """Answers to all pictures in one request, and to the first ones in requests of their own.

    `failure` says why there are none, or not all.
    """

    together: tuple[Answer, ...] = ()
    one_by_one: tuple[Answer, ...] = ()
    milliseconds: tuple[float, ...] = ()  # of each single request, from encoding to decoding
    started: bool = False
    failure: str = ""


def probe_endpoint(model: Path, pictures: np.ndarray) -> EndpointAnswers:
    """`model` is the folder of a logged model, `pictures` uint8 (n, height, width, channels)."""
    started = False
    try:
        with running_endpoint(model) as endpoint:
            started = True
            together = endpoint.ask(pictures)
            one_by_one, milliseconds = [], []
            for index in range(min(SINGLE_REQUESTS, len(pictures))):
                begun = time.perf_counter()
                one_by_one += endpoint.ask(pictures[index : index + 1])
                milliseconds.append(1000 * (time.perf_counter() - begun))
    except GarmentError as error:
        return EndpointAnswers(started=started, failure=str(error))
    return EndpointAnswers(tuple(together), tuple(one_by_one), tuple(milliseconds), started=True)
