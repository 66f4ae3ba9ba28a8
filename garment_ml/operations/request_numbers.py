"""What is counted of the requests, in Prometheus's text form, and a line of JSON for each."""

import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


@dataclass(frozen=True)
class Request:
    """One that was answered."""

    method: str
    path: str
    status: int
    seconds: float
    bytes_in: int
    bytes_out: int
    answers: int
    model: str
    client: str


class Numbers:
    """Of this process since it started."""

    def __init__(self) -> None:
        self.registry = here = CollectorRegistry()
        self.requests = Counter("garment_requests", "by path and status", ["path", "status"], registry=here)
        self.seconds = Histogram("garment_request_seconds", "of answers", buckets=SECONDS, registry=here)
        self.answers = Counter("garment_pictures", "answered, by model", ["model"], registry=here)
        self.serving = Gauge("garment_serving", "1 for the version that answers", ["model"], registry=here)

    def count(self, request: Request) -> None:
        """Counted, and written to the log."""
        self.requests.labels(request.path, request.status).inc()
        if request.answers:
            self.seconds.observe(request.seconds)
            self.answers.labels(request.model).inc(request.answers)
        told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **asdict(request)}
        with suppress(OSError):  # a log that can't be written is no reason not to answer
            print(json.dumps(told), file=sys.stdout, flush=True)

    def now_serves(self, model_uri: str) -> None:
        self.serving.clear()
        self.serving.labels(model_uri).set(1)

    def as_text(self) -> bytes:
        return generate_latest(self.registry)
