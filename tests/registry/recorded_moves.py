"""What the registry has on record of a version, for the tests to read."""

from garment_ml.registry.moves import Move, history
from garment_ml.registry.versions import REGISTERED_MODEL


def moves_of(store, version, name=REGISTERED_MODEL) -> list[Move]:
    """The earliest first."""
    return [move for move in history(store, name) if version in (move.before, move.after)]
