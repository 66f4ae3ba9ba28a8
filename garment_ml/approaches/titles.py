"""An approach or an ensemble in words, from its name and settings as a run's record has them; light."""

from collections.abc import Mapping
from typing import Any

ENSEMBLE = "ensemble"
Described = Mapping[str, Any]  # name first, then settings; an ensemble has "members", each described


def title_of(described: Described) -> str:
    """Name and first setting, which tell most: the architecture, the backbone, or how many vote."""
    if described["name"] == ENSEMBLE:
        return f"{ENSEMBLE} of {len(described['members'])}"
    return " ".join(map(str, [*described.values()][:2]))


def settings_in_words(described: Described) -> dict[str, Any]:
    """Without the name and what is empty; members by their titles."""
    settings = {name: value for name, value in described.items() if name != "name" and value != ""}
    if described["name"] == ENSEMBLE:
        settings["members"] = " + ".join(map(title_of, described["members"]))
    return settings
