"""What the registry's versions have on record, for the tests to read."""

import json

from garment_ml.registry.moves import MOVE_TAG, Move
from garment_ml.registry.versions import REGISTERED_MODEL


def moves_of(store, version, name=REGISTERED_MODEL) -> list[Move]:
    """The earliest first."""
    tags = store.client.get_model_version(name, version).tags
    return [Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(MOVE_TAG)]
