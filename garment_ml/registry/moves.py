"""Moves of the aliases `champion` and `previous`: whole or not at all, one at a time, each on record."""

import getpass
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.registry.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    REGISTERED_MODEL,
    aliased,
    registry_lock,
)
from garment_ml.tracking.store import Store

MOVE_TAG = "garment.move."  # followed by the time


@dataclass(frozen=True)
class Move:
    """One change of champion, as both versions record it; `before` is None for the first champion."""

    action: str  # promotion or rollback
    who: str
    when: str  # ISO 8601, UTC
    before: str | None
    after: str
    why: str


def crown(
    store: Store, version: str, compared_with: str | None, why: str, name: str = REGISTERED_MODEL
) -> Move:
    """`version` becomes champion, the champion it was `compared_with` becomes previous.

    Raises GarmentError, and moves nothing, when another version has become champion in the meantime: the
    comparison then says nothing about it.
    """
    with registry_lock(store):
        champion = _number(store, CHAMPION, name)
        if champion != compared_with:
            raise GarmentError(
                f"version {champion or 'none'} is champion now, version {version} was compared with "
                f"{compared_with or 'none'}; nothing was moved: promote it again"
            )
        aliases: dict[str, str | None]
        aliases = {CHAMPION: version} if champion is None else {PREVIOUS: champion, CHAMPION: version}
        if _number(store, CHALLENGER, name) == version:
            aliases[CHALLENGER] = None
        _move(store, name, aliases)
        return _record(store, name, "promotion", champion, version, why)


def roll_back(store: Store, why: str, name: str = REGISTERED_MODEL) -> Move:
    """Champion and previous change places; UserError when there is no other version to go back to."""
    with registry_lock(store):
        champion, previous = _number(store, CHAMPION, name), _number(store, PREVIOUS, name)
        if previous is None or previous == champion:
            raise UserError(
                f"nothing to roll back: no version of {name!r} but the champion has the alias {PREVIOUS!r}"
            )
        _move(store, name, {PREVIOUS: champion, CHAMPION: previous})
        return _record(store, name, "rollback", champion, previous, why)


def _move(store: Store, name: str, aliases: Mapping[str, str | None]) -> None:
    """Set each alias (None: take it away); when one can't be set, put back those that were."""
    before = {alias: _number(store, alias, name) for alias in aliases}
    try:
        for alias, version in aliases.items():
            _set(store, name, alias, version)
    except BaseException:
        for alias, version in before.items():
            _set(store, name, alias, version)
        raise


def _set(store: Store, name: str, alias: str, version: str | None) -> None:
    if version is None:
        store.client.delete_registered_model_alias(name, alias)
    else:
        store.client.set_registered_model_alias(name, alias, version)


def _record(store: Store, name: str, action: str, before: str | None, after: str, why: str) -> Move:
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    move = Move(action, _who(), when, before, after, why)
    for version in filter(None, (before, after)):
        store.client.set_model_version_tag(name, version, MOVE_TAG + when, json.dumps(asdict(move)))
    return move


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown"


def _number(store: Store, alias: str, name: str) -> str | None:
    """As text, which is what all other calls take; MLflow's SQL store gives a number."""
    version = aliased(store, alias, name)
    return None if version is None else str(version.version)
