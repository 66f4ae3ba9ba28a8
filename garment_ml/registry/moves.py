"""Moves of the aliases `champion` and `previous`: one at a time, each on record before it begins and after.

The records are tags of the registered model: what was in production when, and why. One that was begun and
not ended is of a process that was killed; whoever comes next ends it.
"""

import getpass
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.registry.versions import CHALLENGER, CHAMPION, PREVIOUS, REGISTERED_MODEL, aliased
from garment_ml.tracking.lock import store_lock
from garment_ml.tracking.store import MISSING, Store, tolerating

MOVE_TAG, TIME = "garment.move.", "%Y-%m-%dT%H:%M:%S.%fZ"  # the tag's name ends with the time
LONGEST_WHY = 2000  # characters: a tag takes 5,000
BEGUN, DONE, TAKEN_BACK = "begun", "done", "taken back"

Aliases = Mapping[str, str | None]


@dataclass(frozen=True)
class Move:
    """One change of champion; `before` is None for the first one, `previous` as it was before."""

    action: str  # promotion or rollback
    who: str
    when: str  # ISO 8601, UTC
    before: str | None
    after: str
    why: str
    previous: str | None = None
    state: str = DONE
    run_id: str = ""  # of a rollback, that asked for it


def crown(
    store: Store, version: str, compared_with: str | None, why: str, name: str = REGISTERED_MODEL
) -> Move:
    """`version` becomes champion, the champion it was `compared_with` becomes previous.

    Raises GarmentError, and moves nothing, when another version has become champion in the meantime: the
    comparison then says nothing about it. Where `version` itself has, by another process that judged it, the
    move is that one's.
    """
    with store_lock(store, name):
        _settle(store, name)
        champion = _number(store, CHAMPION, name)
        if champion == version:
            made = [move for move in history(store, name) if move.state == DONE and move.after == version]
            if made:
                return _finish(store, name, made[-1])
        if champion != compared_with:
            raise GarmentError(
                f"version {champion or 'none'} is champion now, version {version} was compared with "
                f"{compared_with or 'none'}; nothing was moved: promote it again"
            )
        return _move(store, name, _begin(store, name, "promotion", version, why))


def roll_back(store: Store, why: str, name: str = REGISTERED_MODEL, run_id: str = "") -> Move:
    """Champion and previous change places; UserError when there is no other version to go back to.

    If the last move is a rollback whose run was cut off, or is still at it, that is the one asked for:
    another would bring back what it has taken away. It is `run_id`'s then.
    """
    with store_lock(store, name):
        _settle(store, name)
        last = next((move for move in reversed(history(store, name)) if move.state == DONE), None)
        if last and last.action == "rollback" and _has_not_ended(store, last.run_id):
            return _record(store, name, replace(last, run_id=run_id))
        champion, previous = _number(store, CHAMPION, name), _number(store, PREVIOUS, name)
        if previous is None or previous == champion:
            raise UserError(
                f"nothing to roll back: no version of {name!r} but the champion has the alias {PREVIOUS!r}"
            )
        return _move(store, name, _begin(store, name, "rollback", previous, why, run_id))


def settle(store: Store, name: str = REGISTERED_MODEL) -> None:
    """End what a killed process has begun: forward once the champion has moved, otherwise back."""
    with store_lock(store, name):
        _settle(store, name)


def history(store: Store, name: str = REGISTERED_MODEL) -> list[Move]:
    """All moves of a registered model, the earliest first."""
    tags: Mapping[str, str] = {}
    with tolerating(MISSING):
        tags = store.client.get_registered_model(name).tags
    return [Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(MOVE_TAG)]


def _begin(store: Store, name: str, action: str, after: str, why: str, run_id: str = "") -> Move:
    before, previous = _number(store, CHAMPION, name), _number(store, PREVIOUS, name)
    when, why = _after_all(history(store, name)), why[:LONGEST_WHY]
    return _record(store, name, Move(action, _who(), when, before, after, why, previous, BEGUN, run_id))


def _after_all(moves: Sequence[Move]) -> str:
    """Now, or just after the last move, if this machine's clock is behind the one that made it."""
    now = datetime.now(UTC)
    if moves:
        last = datetime.strptime(moves[-1].when, TIME).replace(tzinfo=UTC)
        now = max(now, last + timedelta(microseconds=1))
    return now.strftime(TIME)


def _has_not_ended(store: Store, run_id: str) -> bool:
    if run_id:
        with tolerating(MISSING):
            return store.client.get_run(run_id).info.status != "FINISHED"
    return False


def _move(store: Store, name: str, move: Move) -> Move:
    """Each alias; when one can't be set, those that were are put back."""
    try:
        _set(store, name, {**_old_champion(move), CHAMPION: move.after})
    except BaseException:
        _take_back(store, name, move)
        raise
    return _finish(store, name, move)


def _settle(store: Store, name: str) -> None:
    for move in history(store, name):
        if move.state == BEGUN and _number(store, CHAMPION, name) == move.after:
            _restore(store, name, _old_champion(move))
            _finish(store, name, move)
        elif move.state == BEGUN:
            _take_back(store, name, move)


def _finish(store: Store, name: str, move: Move) -> Move:
    if _number(store, CHALLENGER, name) == move.after:
        _set(store, name, {CHALLENGER: None})
    return _record(store, name, replace(move, state=DONE))


def _old_champion(move: Move) -> Aliases:
    """Of the first champion there is none, and what was previous stays so."""
    return {PREVIOUS: move.before} if move.before else {}


def _take_back(store: Store, name: str, move: Move) -> None:
    if _number(store, CHAMPION, name) in (move.before, move.after):  # otherwise someone has moved it by hand
        _restore(store, name, {CHAMPION: move.before, PREVIOUS: move.previous})
    _record(store, name, replace(move, state=TAKEN_BACK))


def _restore(store: Store, name: str, aliases: Aliases) -> None:
    """Those whose version there still is."""
    for alias, version in aliases.items():
        with tolerating(MISSING):
            _set(store, name, {alias: version})


def _set(store: Store, name: str, aliases: Aliases) -> None:
    """None takes an alias away."""
    for alias, version in aliases.items():
        if version is not None:
            store.client.set_registered_model_alias(name, alias, version)
        elif aliased(store, alias, name) is not None:
            store.client.delete_registered_model_alias(name, alias)


def _record(store: Store, name: str, move: Move) -> Move:
    store.client.set_registered_model_tag(name, MOVE_TAG + move.when, json.dumps(asdict(move)))
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


def history_text(moves: Sequence[Move]) -> str:
    """A line a move."""
    lines = []
    for move in moves:
        state = "" if move.state == DONE else f" ({move.state})"
        lines.append(
            f"{move.when[:19]} UTC  {move.before or '-':>4} -> {move.after:<4} {move.action}{state} "
            f"by {move.who}: {move.why}"
        )
    return "\n".join(lines)
