"""A thing that may lie in several places: taken from the first that has it whole."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import warn

Found = TypeVar("Found")


def first_place(
    what: str, places: Iterable[tuple[str, Callable[[], Found]]], advice: str
) -> tuple[str, Found]:
    """The name of the first place that works, and what it gave.

    A place raises FileNotFoundError where there is nothing, and another error, which is also said at once,
    for something unusable. Where none works, GarmentError lists each with its reason, and `advice`.
    """
    failures = []
    for name, look in places:
        try:
            return name, look()
        except FileNotFoundError as error:
            failures.append(f"{name}: {error}")
        except (OSError, ValueError, GarmentError) as error:
            failures.append(f"{name}: {error}")
            warn(f"{what}, {failures[-1]}; looking further")
    listed = "\n  ".join(failures)
    raise GarmentError(f"{what}: found in none of these places:\n  {listed}\n{advice}")
