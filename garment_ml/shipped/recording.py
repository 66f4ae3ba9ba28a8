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
SECONDS = 1  # between two writings; uvicorn ends by the signal, without what would run at an exit
BINS = 20  # of confidence, from 0 to 1
LARGEST = float(np.finfo(np.float16).max)
UNCERTAIN = "uncertain"  # folder of the pictures kept, a folder for each day and server
Kept = tuple[float, str, str, bytes]  # -confidence, id, label, file
COLUMNS = ("id", "label", "answered", "confidence")  # of their list, whose labels people fill in


def histogram(confidence: np.ndarray) -> np.ndarray:
    """Counts of `(n,)` in BINS bins."""
    return np.bincount(np.minimum((confidence * BINS).astype(int), BINS - 1), minlength=BINS)


def as_kept(rows: np.ndarray) -> np.ndarray:
    """In half precision, finite."""
    return np.clip(rows, -LARGEST, LARGEST).astype(np.float16)


def picture_key(picture: bytes) -> str:
    """By which a picture file is known among those kept, here and where people keep them by hand."""
    return hashlib.blake2b(picture, digest_size=8).hexdigest()


class Hour:
    """What one server answered in it."""

    def __init__(self, name: str, classes: int) -> None:
        self.name, self.seen, self._random = name, 0, np.random.default_rng()
        self.labels, self.confidences = np.zeros(classes, int), np.zeros(BINS, int)
        self.rows: list[np.ndarray] = []

    def add(self, rows: np.ndarray, labels: np.ndarray, confidence: np.ndarray) -> None:
        """`rows` are drawn uniformly from all that come in this hour (Vitter's algorithm R, 1985)."""
        self.labels += np.bincount(labels, minlength=len(self.labels))
        self.confidences += histogram(confidence)
        for row in as_kept(rows):
            self.seen += 1
            if len(self.rows) < MOST_ROWS:
                self.rows.append(row)
            elif (place := int(self._random.integers(self.seen))) < MOST_ROWS:
                self.rows[place] = row


class LeastCertain:
    """The `most` pictures of one day that were answered with the least confidence."""

    def __init__(self, day: str, most: int) -> None:
        self.day, self.most = day, most
        self._kept: list[Kept] = []  # a heap: the surest first

    def add(self, labels: Sequence[str], confidence: np.ndarray, file: Callable[[int], bytes]) -> bool:
        """Whether any of these is among them."""
        added = False
        for number in np.argsort(confidence)[: self.most]:
            if len(self._kept) >= self.most and -confidence[number] <= self._kept[0][0]:
                break
            content = file(int(number))
            id = picture_key(content)
            if all(id != each[1] for each in self._kept):
                heapq.heappush(self._kept, (-float(confidence[number]), id, labels[number], content))
                added = True
            if len(self._kept) > self.most:
                heapq.heappop(self._kept)
        return added

    def now(self) -> list[Kept]:
        return list(self._kept)


class Recorder:
    """Of one server: all its threads add to it, and a thread of its own writes, so that no request waits."""

    def __init__(self, folder: Path, model_id: str, class_names: Sequence[str], sample: int = 0) -> None:
        self.folder, self.sample = folder, sample
        self.model_id, self.class_names = model_id, list(class_names)
        self.name = f"{model_id}-{os.getpid()}-{time.time_ns()}"
        self._lock = threading.Lock()
        self._hours: list[Hour] = []  # that have something to be written; the last may go on
        self._days: list[LeastCertain] = []
        self._hour, self._day = Hour("", len(class_names)), LeastCertain("", sample)
        threading.Thread(target=self._write_again_and_again, daemon=True).start()

    def add(self, rows: np.ndarray, file: Callable[[int], bytes]) -> None:
        """`rows` are probabilities and features, as `features.with_features` gives them; `file` is each's."""
        probabilities = rows[:, : len(self.class_names)]
        confidence, labels = probabilities.max(axis=1), probabilities.argmax(axis=1)
        with self._lock:
            self._begin(datetime.now(UTC))
            self._hour.add(rows, labels, confidence)
            if self._hour not in self._hours:
                self._hours.append(self._hour)
            named = [self.class_names[label] for label in labels]
            if self.sample and self._day.add(named, confidence, file) and self._day not in self._days:
                self._days.append(self._day)

    def _begin(self, now: datetime) -> None:
        hour, day = now.strftime("%Y-%m-%dT%H"), now.strftime("%Y-%m-%d")
        if hour != self._hour.name:
            self._hour = Hour(hour, len(self.class_names))
        if day != self._day.day:
            self._day = LeastCertain(day, self.sample)

    def write(self) -> None:
        """What is new, outside the lock; what can't be written, as on a full disk, is tried the next time."""
        with self._lock:
            hours = [(each, self._content(each)) for each in self._hours]
            days = [(each, each.now()) for each in self._days]
            self._hours, self._days = [], []
        for hour, content in hours:
            try:
                _write_whole(self.folder / f"{hour.name}-{self.name}.npz", content)
            except OSError:
                self._again(self._hours, hour)
        for day, kept in days:
            try:
                _write_kept(self.folder / UNCERTAIN / f"{day.day}-{self.name}", kept)
            except OSError:
                self._again(self._days, day)

    def _again(self, waiting: list, each: Hour | LeastCertain) -> None:
        with self._lock:
            if each not in waiting:
                waiting.insert(0, each)

    def _content(self, hour: Hour) -> bytes:
        file = io.BytesIO()
        np.savez(
            file,
            model_id=self.model_id,
            class_names=self.class_names,
            labels=hour.labels,
            confidences=hour.confidences,
            rows=np.stack(hour.rows),
        )
        return file.getvalue()

    def _write_again_and_again(self) -> None:
        while True:
            time.sleep(SECONDS)
            self.write()


def recorder(model_id: str, class_names: Sequence[str]) -> Recorder | None:
    """As the server's variables ask for."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return None
    return Recorder(Path(folder), model_id, class_names, int(os.environ.get(SAMPLE, "0")))


def _write_kept(folder: Path, kept: Sequence[Kept]) -> None:
    """Pictures into `train/`, their list as `train.csv`; what people labelled there stays."""
    labelled = {row["id"]: row for row in _listed(folder / "train.csv") if row["label"]}
    rows = dict(labelled)
    for order, id, answered, content in sorted(kept, key=lambda each: each[:2], reverse=True):
        if not (folder / "train" / id).exists():
            _write_whole(folder / "train" / id, content)
        rows.setdefault(id, dict(zip(COLUMNS, (id, "", answered, f"{-order:.4f}"), strict=True)))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    _write_whole(folder / "train.csv", text.getvalue().encode())
    for file in (folder / "train").iterdir():
        if file.name not in rows:
            file.unlink(missing_ok=True)


def _listed(table: Path) -> list[dict[str, str]]:
    with suppress(FileNotFoundError), table.open(newline="", encoding="utf-8-sig") as file:
        return [row for row in csv.DictReader(file, restval="") if set(COLUMNS) <= row.keys()]
    return []


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)
