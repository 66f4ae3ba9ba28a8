import subprocess
import sys

import pytest
from mlflow.exceptions import MlflowException

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.registry.moves import crown, roll_back
from garment_ml.registry.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    REGISTERED_MODEL,
    aliased,
    find_version,
    register,
)
from garment_ml.tracking.store import open_store
from tests.registry.recorded_moves import moves_of
from tests.toys import EXPERIMENT


@pytest.fixture
def registry(store):
    """A store with three registered versions, whose models are of no interest here."""
    opened = open_store(EXPERIMENT)
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


def test_rollback_swaps_and_a_second_one_swaps_back(registry):
    crown(registry, "1", None, "first")
    crown(registry, "2", "1", "better")
    roll_back(registry, "complaints")
    assert aliases(registry) == {CHAMPION: "1", PREVIOUS: "2"}
    roll_back(registry, "it was the other thing")
    assert aliases(registry) == {CHAMPION: "2", PREVIOUS: "1"}


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
def test_two_promotions_at_once_leave_one_champion(registry):
    crown(registry, "1", None, "first")
    command = [sys.executable, "-c", PROMOTE_AT_ONCE]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([*command, version], **pipes) for version in ("2", "3")]
    assert [process.stdout.readline() for process in both] == ["ready\n", "ready\n"]
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=300)[0].strip() for process in both]
    assert sorted(said) == ["moved", "refused"]
    winner = ("2", "3")[said.index("moved")]
    assert aliases(registry) == {CHAMPION: winner, PREVIOUS: "1"}
    assert len(moves_of(registry, "1")) == 2


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
