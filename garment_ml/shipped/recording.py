"""What was answered, hour by hour, for a monitor to read. Shipped inside served models: numpy only.

Of each hour and server one small file: counts of all answers, probabilities and features of at most MOST_ROWS
drawn from them. No picture is kept, unless the least certain of each day are asked for.
"""

import csv
import hashlib
import heapq
import io
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

FOLDER, SAMPLE = "GARMENT_ML_RECORD", "GARMENT_ML_RECORD_SAMPLE"  # variables that a server is started with
MOST_ROWS = 1_000  # of an hour
SECONDS = (
    1  # between two writings: what an end may cost, as uvicorn ends by the signal and runs no exit handler
)
BINS = 20  # of confidence, from 0 to 1
LARGEST = float(np.finfo(np.float16).max)
UNCERTAIN = "uncertain"  # folder of the pictures kept, a folder for each day


class Recorder:
    """Of one server, whose threads may all add to it."""

    def __init__(self, folder: Path, model_id: str, class_names: Sequence[str], sample: int = 0) -> None:
        self.folder, self.model_id, self.class_names, self.sample = (
            folder,
            model_id,
            list(class_names),
            sample,
        )
        self.name = f"{model_id}-{os.getpid()}-{time.time_ns()}"
        self.hour = self.day = ""
        self._lock, self._changed = threading.Lock(), False
        self._random = np.random.default_rng()
        threading.Thread(target=self._write_again_and_again, daemon=True).start()

    def add(self, rows: np.ndarray, file: Callable[[int], bytes]) -> None:
        """`rows` are probabilities and features, as `features.with_features` gives them; `file` is each's."""
        with self._lock:
            self._begin(datetime.now(UTC))
            confidence = rows[:, : len(self.class_names)].max(axis=1)
            labels = rows[:, : len(self.class_names)].argmax(axis=1)
            self.labels += np.bincount(labels, minlength=len(self.class_names))
            bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
            self.confidences += np.bincount(bins, minlength=BINS)
            for row in np.clip(rows, -LARGEST, LARGEST).astype(np.float16):
                self._draw(row)
            self._changed = True
            with suppress(OSError):  # a full disk is no reason not to answer
                for number in np.argsort(confidence)[: self.sample]:
                    self._keep(file(number), float(confidence[number]), self.class_names[labels[number]])

    def _begin(self, now: datetime) -> None:
        hour, day = now.strftime("%Y-%m-%dT%H"), now.strftime("%Y-%m-%d")
        if hour != self.hour:
            if self.hour:
                with suppress(OSError):
                    self._write()
            self.hour, self.seen = hour, 0
            self.labels, self.confidences = np.zeros(len(self.class_names), int), np.zeros(BINS, int)
            self.rows: list[np.ndarray] = []
        if day != self.day:
            self.day = day
            self.uncertain: list[tuple[float, str, str]] = []  # -confidence, id, label

    def _draw(self, row: np.ndarray) -> None:
        """A uniform sample of all that came in this hour (Vitter's algorithm R, 1985)."""
        self.seen += 1
        if len(self.rows) < MOST_ROWS:
            self.rows.append(row)
        elif (place := int(self._random.integers(self.seen))) < MOST_ROWS:
            self.rows[place] = row

    def _keep(self, file: bytes, confidence: float, label: str) -> None:
        entry = (-confidence, hashlib.blake2b(file, digest_size=8).hexdigest(), label)
        is_full = len(self.uncertain) == self.sample
        if (is_full and entry < self.uncertain[0]) or any(entry[1] == each[1] for each in self.uncertain):
            return
        heapq.heappush(self.uncertain, entry)
        folder = self.folder / UNCERTAIN / f"{self.day}-{self.name}" / "train"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / entry[1]).write_bytes(file)
        if len(self.uncertain) > self.sample:
            (folder / heapq.heappop(self.uncertain)[1]).unlink(missing_ok=True)
        self._list_kept(folder.parent)

    def _list_kept(self, folder: Path) -> None:
        """`train.csv`, whose column `label` is for people to fill in."""
        text = io.StringIO()
        rows = [(id, "", label, f"{-order:.4f}") for order, id, label in sorted(self.uncertain, reverse=True)]
        csv.writer(text, lineterminator="\n").writerows([("id", "label", "answered", "confidence"), *rows])
        _write_whole(folder / "train.csv", text.getvalue().encode())

    def _write_again_and_again(self) -> None:
        while True:
            time.sleep(SECONDS)
            self.write()

    def write(self) -> None:
        with self._lock:
            if self._changed:
                with suppress(OSError):  # the next time, perhaps
                    self._write()

    def _write(self) -> None:
        file = io.BytesIO()
        np.savez(
            file,
            model_id=self.model_id,
            class_names=self.class_names,
            labels=self.labels,
            confidences=self.confidences,
            rows=np.stack(self.rows),
        )
        _write_whole(self.folder / f"{self.hour}-{self.name}.npz", file.getvalue())
        self._changed = False


def recorder(model_id: str, class_names: Sequence[str]) -> Recorder | None:
    """As the server's variables ask for."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    return Recorder(Path(folder), model_id, class_names, int(os.environ.get(SAMPLE, "0")))


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)
