import os
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.registry import moves
from garment_ml.registry.moves import crown, history, history_text, roll_back
from garment_ml.registry.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    REGISTERED_MODEL,
    aliased,
    find_version,
    register,
)
from garment_ml.tracking import lock
from garment_ml.tracking.lock import store_lock
from garment_ml.tracking.store import open_store
from tests.deaths import Killed, Mortal
from tests.registry.recorded_moves import moves_of
from tests.toys import EXPERIMENT


@pytest.fixture(params=["a database", "a server"])
def registry(request, store, monkeypatch):
    """A store with three registered versions, whose models are of no interest here."""
    if request.param == "a server":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue("tracking_server"))
    opened = open_store(EXPERIMENT)
    with suppress(MlflowException):  # the server is shared
        opened.client.delete_registered_model(REGISTERED_MODEL)
    run_id = opened.client.create_run(opened.experiment_id).info.run_id
    for _ in range(3):
        model = opened.client.create_logged_model(opened.experiment_id, source_run_id=run_id)
        register(opened, model.model_uri, run_id)
    return opened


def aliases(store):
    found = {alias: aliased(store, alias) for alias in (CHAMPION, PREVIOUS, CHALLENGER)}
    return {alias: str(version.version) for alias, version in found.items() if version is not None}


def test_the_first_champion_has_no_previous_and_is_no_challenger_any_more(registry):
    registry.client.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, "1")
    crown(registry, "1", None, "first")
    assert aliases(registry) == {CHAMPION: "1"}


def test_the_old_champion_becomes_previous_and_another_challenger_stays(registry):
    crown(registry, "1", None, "first")
    registry.client.set_registered_model_alias(REGISTERED_MODEL, CHALLENGER, "3")
    crown(registry, "2", "1", "better")
    assert aliases(registry) == {CHAMPION: "2", PREVIOUS: "1", CHALLENGER: "3"}


def test_a_champion_that_came_meanwhile_is_not_replaced(registry):
    crown(registry, "1", None, "first")
    with pytest.raises(GarmentError, match="version 1 is champion now, version 2 was compared with none"):
        crown(registry, "2", None, "compared before version 1 was champion")
    assert aliases(registry) == {CHAMPION: "1"}


def test_a_move_that_fails_half_way_is_taken_back(registry):
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "better")
    with pytest.raises(MlflowException, match="99"):  # there is no such version; `previous` has moved by then
        crown(registry, "99", "2", "a mistake")
    assert aliases(registry) == {CHAMPION: "2", PREVIOUS: "1"}
    assert history(registry)[-1].state == "taken back"


def test_rollback_swaps_and_a_second_one_swaps_back(registry):
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "better")
    roll_back(registry, "complaints")
    assert aliases(registry) == {CHAMPION: "1", PREVIOUS: "2"}
    roll_back(registry, "it was the other thing")
    assert aliases(registry) == {CHAMPION: "2", PREVIOUS: "1"}


def test_a_rollback_whose_run_was_cut_off_is_the_one_asked_for_next_and_only_then(registry):
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "better")
    cut_off, next_one, last = (
        registry.client.create_run(registry.experiment_id).info.run_id for _ in range(3)
    )
    roll_back(registry, "complaints", run_id=cut_off)
    registry.client.set_terminated(cut_off, "KILLED")
    roll_back(registry, "complaints about shirts", run_id=next_one)
    assert aliases(registry) == {CHAMPION: "1", PREVIOUS: "2"}
    registry.client.set_terminated(next_one, "FINISHED")
    roll_back(registry, "it was the other thing", run_id=last)
    assert aliases(registry) == {CHAMPION: "2", PREVIOUS: "1"}
    assert [move.action for move in history(registry)] == ["promotion", "promotion", "rollback", "rollback"]


def test_a_version_deleted_after_a_kill_blocks_no_later_move(registry, monkeypatch):
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "better")
    monkeypatch.setattr(lock, "LEASE_SECONDS", 0)
    with monkeypatch.context() as patch, suppress(Killed):
        Mortal(patch, WRITES, 2 if registry.uri.startswith("http") else 1)
        roll_back(registry, "killed")
    assert history(registry)[-1].state == "begun"
    registry.client.delete_model_version(REGISTERED_MODEL, "1")
    crown(registry, "3", "2", "the best")
    assert aliases(registry) == {CHAMPION: "3", PREVIOUS: "2"}
    assert [move.state for move in history(registry)] == ["done", "done", "taken back", "done"]


def test_moves_stay_in_order_when_a_clock_is_behind(registry, monkeypatch):
    class Behind(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.now(zone) - timedelta(minutes=5)

    crown(registry, "1", None, "first")
    monkeypatch.setattr(moves, "datetime", Behind)
    crown(registry, "2", "1", "better")
    roll_back(registry, "complaints")
    assert [move.why for move in history(registry)] == ["first", "better", "complaints"]


def test_nothing_to_roll_back(registry):
    with pytest.raises(UserError, match="nothing to roll back"):
        roll_back(registry, "why not")
    crown(registry, "1", None, "first")
    with pytest.raises(UserError, match="nothing to roll back"):
        roll_back(registry, "why not")
    assert aliases(registry) == {CHAMPION: "1"}


def test_each_move_is_on_record_with_both_versions(registry):
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "better")
    roll_back(registry, "complaints")
    kept = [(move.action, move.before, move.after, move.why) for move in moves_of(registry, "1")]
    assert kept == [
        ("promotion", None, "1", "first"),
        ("promotion", "1", "2", "better"),
        ("rollback", "2", "1", "complaints"),
    ]
    assert moves_of(registry, "2") == moves_of(registry, "1")[1:]
    assert all(move.who and move.when.endswith("Z") for move in moves_of(registry, "1"))


WRITES = (
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_registered_model_tag",
    "create_registered_model",
    "delete_registered_model",
)


@pytest.mark.parametrize("action", ["promotion", "rollback"])
def test_killed_after_any_write_the_next_move_finds_a_consistent_champion(registry, monkeypatch, action):
    """Whatever the last write was, the champion has a record, and `previous` is the champion before it."""
    monkeypatch.setattr(lock, "LEASE_SECONDS", 0)  # the dead hold it no longer
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "second")
    killed_at = 0
    while True:
        killed_at += 1
        champion, previous = aliases(registry)[CHAMPION], aliases(registry)[PREVIOUS]
        other = {"1": "2", "2": "1"}[champion]
        with monkeypatch.context() as patch:
            process = Mortal(patch, WRITES, killed_at)
            with suppress(Killed):
                if action == "promotion":
                    crown(registry, other, champion, f"attempt {killed_at}")
                else:
                    roll_back(registry, f"attempt {killed_at}")
        with store_lock(registry, REGISTERED_MODEL):
            moves._settle(registry, REGISTERED_MODEL)
        kept = history(registry)
        assert not [move for move in kept if move.state == "begun"]
        last = [move for move in kept if move.state == "done"][-1]
        assert aliases(registry) == {CHAMPION: last.after, PREVIOUS: last.before}
        assert aliases(registry) in (
            {CHAMPION: champion, PREVIOUS: previous},
            {CHAMPION: other, PREVIOUS: champion},
        )
        if not process.dead:
            break
    assert killed_at > 4


def test_an_alias_moved_by_hand_after_a_kill_is_left_alone(registry, monkeypatch):
    crown(registry, "1", None, "first")
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(lock, "LEASE_SECONDS", 0)
        Mortal(patch, WRITES, 3 if registry.uri.startswith("http") else 2)
        crown(registry, "2", "1", "killed")
    registry.client.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, "3")
    monkeypatch.setattr(lock, "LEASE_SECONDS", 0)
    crown(registry, "2", "3", "again")
    assert aliases(registry) == {CHAMPION: "2", PREVIOUS: "3"}
    assert [move.state for move in history(registry)] == ["done", "taken back", "done"]


def test_the_history_is_a_line_a_move(registry):
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "better")
    first, second = history_text(history(registry)).splitlines()
    assert "- -> 1    promotion by" in first and first.endswith(": first")
    assert "1 -> 2    promotion by" in second


def test_a_quote_in_a_name_is_only_a_letter(registry):
    (version, *_) = registry.client.search_model_versions(f"name = '{REGISTERED_MODEL}'")
    for _ in range(2):
        assert find_version(registry, version.source, "shop's").version in (1, "1")
    assert len(registry.client.search_model_versions('name = "shop\'s"')) == 1


PROMOTE_AT_ONCE = """
import sys
from garment_ml.base.errors import GarmentError
from garment_ml.registry.moves import crown
from garment_ml.tracking.store import open_store
store = open_store("toys")
store.client.search_experiments()
print("ready", flush=True)
sys.stdin.readline()
try:
    crown(store, sys.argv[1], "1", "at once")
    print("moved")
except GarmentError as error:
    print("refused" if "nothing was moved" in str(error) else error)
"""


@pytest.mark.slow
def test_two_promotions_at_once_leave_one_champion(registry, tmp_path):
    crown(registry, "1", None, "first")
    command = [sys.executable, "-c", PROMOTE_AT_ONCE]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = []
    for version in ("2", "3"):  # from two machines: nothing but the store is shared
        environment = {**os.environ, "GARMENT_ML_CACHE": str(tmp_path / version)}
        both.append(subprocess.Popen([*command, version], env=environment, **pipes))
    assert [process.stdout.readline() for process in both] == ["ready\n", "ready\n"]
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=600)[0].strip() for process in both]
    assert sorted(said) == ["moved", "refused"]
    winner = ("2", "3")[said.index("moved")]
    assert aliases(registry) == {CHAMPION: winner, PREVIOUS: "1"}
    assert len(moves_of(registry, "1")) == 2


def test_a_version_that_another_process_has_crowned_meanwhile_is_champion_and_moved_once(registry):
    first = crown(registry, "1", None, "by one process")
    registry.client.set_registered_model_alias(
        REGISTERED_MODEL, CHALLENGER, "1"
    )  # the other's, still judging
    assert crown(registry, "1", None, "by the other") == first
    assert aliases(registry) == {CHAMPION: "1"} and len(history(registry)) == 1


def test_registering_a_model_again_gives_its_version(registry):
    second = registry.client.get_model_version(REGISTERED_MODEL, "2")
    assert (
        find_version(registry, second.source).version == find_version(registry, "2").version == second.version
    )
    assert len(registry.client.search_model_versions(f"name = '{REGISTERED_MODEL}'")) == 3


@pytest.mark.parametrize("candidate", ["17", "models:/m-nothing", "nonsense"])
def test_an_unknown_candidate_is_named(registry, candidate):
    with pytest.raises(UserError, match=f"candidate '{candidate}' is neither a version"):
        find_version(registry, candidate)
