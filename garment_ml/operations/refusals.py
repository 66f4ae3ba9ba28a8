"""What a request is refused with: a sentence and a status, never the pictures sent nor a stack trace."""

import json
from typing import Any

from aiohttp import web

from garment_ml.shipped.columns import PARAMETERS

MOST_LEVELS = 8  # of nested JSON; what MLflow takes has four
MOST_VALUES = 200_000  # 10,000 pictures have 20,000; all others wait while it is parsed
MOST_COLUMNS = 100  # the model has one; a table has a cell for each of them in every row
LONGEST = 500  # characters of a sentence


class Refused(Exception):
    """Answered as JSON in MLflow's form."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, headers or {}

    def answer(self) -> web.Response:
        code = "BAD_REQUEST" if self.status < 500 else "TEMPORARILY_UNAVAILABLE"
        told = {"error_code": code, "message": str(self)[:LONGEST]}
        return web.json_response(told, status=self.status, headers=self.headers)


def check_json(body: bytes) -> None:
    """Refuse what MLflow's parser answers with status 500: other than an object, or nested deeply."""
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise Refused(400, f"the body has more than {MOST_VALUES:,} values")
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(400, f"the body is no JSON: {reason}") from None
    if not isinstance(parsed, dict):
        raise Refused(400, f"the body is a JSON {type(parsed).__name__}, expected an object")
    _check_names(parsed.get("params"))
    _check_width(_widest(parsed))
    level: list[Any] = [parsed]
    for _ in range(MOST_LEVELS):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return
    raise Refused(400, f"the body's JSON is nested deeper than {MOST_LEVELS} levels")


def _check_names(params: Any) -> None:
    """MLflow drops what it doesn't know with a line in its log: `topk` would be answered without a word."""
    unknown = set(params) - set(PARAMETERS) if isinstance(params, dict) else ()
    if unknown:
        known = ", ".join(PARAMETERS)
        raise Refused(400, f"there is no parameter {min(unknown)[:50]!r}, expected some of: {known}")


def check_csv(body: bytes) -> None:
    """Refuse rows that pandas would widen all others to."""
    _check_width(max((line.count(b",") for line in body.splitlines()), default=0))


def _check_width(columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise Refused(400, f"the table has {columns:,} columns, expected one, at most {MOST_COLUMNS}")


def _widest(parsed: dict[str, Any]) -> int:
    """Of the tables in all forms that MLflow takes: columns, or names of any row."""
    split = parsed.get("dataframe_split")
    tables = [parsed.get(form) for form in ("dataframe_records", "instances", "inputs")]
    if isinstance(split, dict):
        tables += [split.get("data"), [split.get("columns")]]
    return max(map(_width, tables))


def _width(table: Any) -> int:
    if isinstance(table, dict):
        return len(table)
    rows = table if isinstance(table, list) else []
    names = {name for row in rows if isinstance(row, dict) for name in row}
    return max(len(names), max((len(row) for row in rows if isinstance(row, list)), default=0))


def _containers(outer: Any) -> list[Any]:
    values = outer.values() if isinstance(outer, dict) else outer
    return [each for each in values if isinstance(each, dict | list)]


def told_by_mlflow(status: int, text: str) -> Refused:
    """Of an answer that is an error its sentence, without the request that it repeats and the stack trace."""
    if status == 504:
        return Refused(504, "no answer in time")
    if status >= 500:
        return Refused(502, "the scoring server failed at this request")
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        message = text if status == 415 else "the request can't be understood"
    return Refused(415 if status == 415 else 400, message.rpartition("Error: ")[2])
