"""What the endpoint takes and answers, column by column. Shipped inside served models: nothing but Python."""

from collections.abc import Iterable
from typing import Any

IMAGE, LABEL, CONFIDENCE = "image", "label", "confidence"


def probability_column(class_name: str) -> str:
    return f"probability_{class_name}"


def request_for(pictures: Iterable[str]) -> dict[str, Any]:
    """What is asked about pictures that are base64 texts; to be sent as JSON."""
    return {"dataframe_split": {"columns": [IMAGE], "data": [[picture] for picture in pictures]}}
