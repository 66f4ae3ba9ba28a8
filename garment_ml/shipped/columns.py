"""What the endpoint takes and answers, column by column. Shipped inside served models: nothing but Python."""

from collections.abc import Iterable
from typing import Any

IMAGE, LABEL, CONFIDENCE, ERROR = "image", "label", "confidence", "error"
# of a request, the last a column, too
TOP_K, ON_ERROR, HEAT_MAP = PARAMETERS = ("top_k", "on_error", "heat_map")
RAISE, REPORT = ON_ERRORS = ("raise", "report")


def probability_column(class_name: str) -> str:
    return f"probability_{class_name}"


def at_place(column: str, place: int) -> str:
    """Of the likeliest class, place 0, the column itself; then `label_2`, `label_3`, ..."""
    return f"{column}_{place + 1}" if place else column


def request_for(pictures: Iterable[str]) -> dict[str, Any]:
    """What is asked about pictures that are base64 texts; to be sent as JSON."""
    return {"dataframe_split": {"columns": [IMAGE], "data": [[picture] for picture in pictures]}}
