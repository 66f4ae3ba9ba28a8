"""Work is one living process's at a time: on this machine, on others, and on whatever store."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from garment_ml.tracking import claims, lock, owner
from garment_ml.tracking.claims import claim, close_orphans, held
from garment_ml.tracking.opening import open_run
from garment_ml.tracking.owner import HEARTBEAT_TAG, OWNER_TAG, Owner, Watch
from garment_ml.tracking.run import PARENT_TAG

ROOT = Path(__file__).parents[2]
ELSEWHERE = replace(Owner.me(), host="elsewhere", place="another machine")
PATIENCE = 120  # seconds, in case a claim is never given


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.slow)])
def any_store(request, store, monkeypatch):
    """A SQLite file, and a real server."""
    if request.param == "server":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue("tracking_server"))
    monkeypatch.setattr(claims, "POLL_SECONDS", 0.05)
    return request.param


@contextmanager
def other_process():
    """One that lives as long as the block, as an owner; killed, not ended, at its end."""
    process = subprocess.Popen(["sleep", "1000"])
    try:
        yield replace(Owner.me(), process=process.pid, started=owner._started(process.pid))
    finally:
        process.kill()
        process.wait()


def left_by(owner, run, name="work", key="k"):
    """A nested run of `run` that this owner has begun, and not ended."""
    run_id = run.begin(name, "refit", {claims.KEY_TAG: key})
    run.client.set_tag(run_id, OWNER_TAG, replace(owner, heart=run.run_id).text())
    return run_id


def status(run, run_id):
    return run.client.get_run(run_id).info.status


@contextmanager
def in_background(work):
    """The thread that does it, and the list that its result comes into."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    yield thread, results
    thread.join(PATIENCE)
    assert results, "it still waits"


def test_work_of_a_living_process_is_waited_for_and_its_result_is_given(any_store, request, capsys):
    name = request.node.name
    with open_run("claims", "other", "experiment") as run, other_process() as other:
        begun = left_by(other, run, key=name)
        with in_background(lambda: claim(run, "work", "refit", name)) as (waiting, results):
            time.sleep(0.5)
            assert waiting.is_alive() and not results
            run.client.set_terminated(begun, "FINISHED")
        assert results[0].info.run_id == begun and results[0].info.status == "FINISHED"
    assert f"work: {other} is at it, in run {begun}; waiting" in capsys.readouterr().out
    assert [each.info.run_id for each in run.find(claims._of_key(name))] == [begun]


@pytest.mark.parametrize("goes_on", [False, True])
def test_what_a_killed_process_left_is_taken_over_at_once(any_store, request, goes_on):
    name = request.node.name
    with other_process() as other, open_run("claims", "other", "experiment") as run:
        begun = left_by(other, run, key=name)
    with open_run("claims", "mine", "experiment") as run:
        assert status(run, begun) == "KILLED"
        mine = claim(run, "work", "refit", name, goes_on=goes_on)
        assert (mine.info.run_id == begun) == goes_on
        assert mine.info.status == "RUNNING" and Owner.of(mine).is_me
        assert status(run, begun) == ("RUNNING" if goes_on else "KILLED")
        run.client.set_terminated(mine.info.run_id)
    assert mine.data.tags[PARENT_TAG] == (run.run_id if not goes_on else mine.data.tags[PARENT_TAG])


def test_a_process_elsewhere_is_judged_by_its_heartbeat(any_store, request, monkeypatch):
    name = request.node.name
    monkeypatch.setattr(owner, "SILENT_SECONDS", 1.0)
    with open_run("claims", "mine", "experiment") as run:
        theirs = outermost_of(ELSEWHERE, run)
        begun = left_by(ELSEWHERE, theirs, key=name)
        with in_background(lambda: claim(run, "work", "refit", name)) as (waiting, results):
            for beat in range(6):
                run.client.set_tag(theirs.run_id, HEARTBEAT_TAG, str(beat))
                time.sleep(0.3)
            assert waiting.is_alive()  # 1.8 s, and never silent for one
        assert status(run, begun) == "KILLED"
        assert results[0].info.run_id != begun
        run.client.set_terminated(results[0].info.run_id)


def test_what_a_process_elsewhere_left_in_a_run_that_this_one_goes_on_with_is_no_longer_its_own(
    any_store, request
):
    key = request.node.name
    with pytest.raises(KeyboardInterrupt), open_run("claims", "first", "suite", key) as first:
        begun = left_by(ELSEWHERE, first, key=f"work of {key}")
        raise KeyboardInterrupt
    with open_run("claims", "again", "suite", key) as again:  # and beats on it, as the other did
        assert again.run_id == first.run_id
        mine = claim(again, "work", "refit", f"work of {key}")
        assert mine.info.run_id != begun and status(again, begun) == "KILLED"
        again.client.set_terminated(mine.info.run_id)


@pytest.mark.parametrize("beats", [True, False])
def test_a_suite_begun_elsewhere_is_gone_on_with_once_it_is_silent(store, monkeypatch, beats):
    monkeypatch.setattr(owner, "SILENT_SECONDS", 1.5)
    with open_run("claims", "looking", "experiment") as run:
        theirs = outermost_of(ELSEWHERE, run)
        run.client.set_tag(theirs.run_id, claims.KEY_TAG, "a suite")
        over = threading.Event()

        def beat():
            while not over.wait(0.2):
                run.client.set_tag(theirs.run_id, HEARTBEAT_TAG, str(time.time()))

        with in_background(beat) if beats else nullcontext():
            tags = {claims.KEY_TAG: "a suite", OWNER_TAG: Owner.me().text()}
            found = claims.outermost_run(run.store, "suite", tags)
            over.set()
        assert found.resumed != beats and (found.run_id == theirs.run_id) != beats


def outermost_of(owner, run):
    """A run that this owner has open."""
    run_id = run.client.create_run(run.store.experiment_id, tags={OWNER_TAG: owner.text()}).info.run_id
    return replace(run, run_id=run_id, heart=run_id)


def test_a_process_elsewhere_whose_outermost_run_is_over_is_not_waited_for(any_store, request):
    name = request.node.name
    with open_run("claims", "over", "experiment") as over:
        begun = left_by(replace(Owner.me(), place="another machine"), over, key=name)
    with open_run("claims", "mine", "experiment") as run:
        assert claim(run, "work", "refit", name).info.run_id != begun
        assert status(run, begun) == "KILLED"


def test_only_what_the_dead_left_is_closed_and_not_what_was_taken_up_meanwhile(store, monkeypatch):
    with open_run("claims", "mine", "experiment") as run, other_process() as living:
        with other_process() as dead:
            kept, orphan, taken_up = (left_by(each, run) for each in (living, dead, dead))
        mine = run.begin("mine", "refit")
        close = run.close_left_open

        def close_and_take_up(left):
            close(left)
            run.client.set_tag(taken_up, OWNER_TAG, living.text())

        monkeypatch.setattr(type(run), "close_left_open", lambda _, left: close_and_take_up(left))
        monkeypatch.setattr(type(run.store), "find", lambda *_: [run.client.get_run(orphan), left_then])
        left_then = run.client.get_run(taken_up)
        close_orphans(run, Watch(run.client))
        assert [status(run, each) for each in (kept, orphan, taken_up, mine)] == [
            "RUNNING",
            "KILLED",
            "RUNNING",
            "RUNNING",
        ]


def test_an_outermost_run_is_gone_on_with_only_when_its_process_is_dead(any_store, request):
    key = request.node.name
    with pytest.raises(KeyboardInterrupt), open_run("claims", "first", "suite", key) as first:
        raise KeyboardInterrupt
    with other_process() as other:
        first.client.update_run(first.run_id, status="RUNNING")
        first.client.set_tag(first.run_id, OWNER_TAG, other.text())
        with open_run("claims", "at once", "suite", key) as second:
            assert second.run_id != first.run_id and not second.resumed
            second.client.delete_tag(second.run_id, claims.KEY_TAG)
    with open_run("claims", "after", "suite", key) as third:
        assert third.run_id == first.run_id and third.resumed
    assert status(third, first.run_id) == "FINISHED"


def test_in_a_fresh_run_nothing_older_counts_even_when_it_is_gone_on_with(store):
    with open_run("claims", "old", "suite", "suite") as old:
        old.client.set_terminated(claim(old, "work", "refit", "k").info.run_id)
    time.sleep(0.01)  # times are in milliseconds
    with pytest.raises(KeyboardInterrupt), open_run("claims", "anew", "suite", "suite", fresh=True) as fresh:
        anew = claim(fresh, "work", "refit", "k")
        assert anew.info.status == "RUNNING"
        fresh.client.set_terminated(anew.info.run_id)
        raise KeyboardInterrupt
    with open_run("claims", "going on", "suite", "suite") as again:
        assert again.run_id == fresh.run_id
        assert claim(again, "work", "refit", "k").info.run_id == anew.info.run_id
        assert claim(again, "work", "refit", "k2").info.status == "RUNNING"


def test_leaving_a_held_block_leaves_another_processs_claim_alone(store):
    with open_run("claims", "refit", "refit") as run, other_process() as other:
        with held(run, "garment.held", "scoring"):
            run.client.set_tag(run.run_id, "garment.held", other.text())  # it took us for dead
        assert run.client.get_run(run.run_id).data.tags["garment.held"] == other.text()
        with held(run, "garment.free", "scoring"):
            run.drop_tag("garment.free")
        run.drop_tag("garment.free")


def test_only_one_process_at_a_time_is_in_a_held_block(any_store, capsys):
    tag = "garment.test_scored_by"
    with open_run("claims", "refit", "refit") as run:
        with other_process() as other:
            run.client.set_tag(run.run_id, tag, other.text())

            def enter():
                with held(run, tag, "scoring"):
                    return run.client.get_run(run.run_id).data.tags[tag]

            with in_background(enter) as (waiting, results):
                time.sleep(0.5)
                assert waiting.is_alive() and not results
                run.client.delete_tag(run.run_id, tag)
        assert Owner.read(results[0]).is_me
        assert tag not in run.client.get_run(run.run_id).data.tags
    assert f"scoring: {other} is at it; waiting" in capsys.readouterr().out


@pytest.mark.slow
def test_of_processes_that_ask_at_once_one_begins_and_all_get_its_run(any_store, request):
    script = (
        "import sys, time\n"
        "from garment_ml.tracking.opening import open_run\n"
        "from garment_ml.tracking.claims import claim\n"
        "with open_run('claims', 'one of many', 'experiment') as run:\n"
        "    for number in range(3):\n"
        "        mine = claim(run, 'work', 'refit', f'{sys.argv[1]} {number}')\n"
        "        if mine.info.status == 'RUNNING':\n"
        "            time.sleep(0.3)\n"
        "            run.client.set_terminated(mine.info.run_id)\n"
        "        print(mine.info.run_id)\n"
    )
    command = [sys.executable, "-c", script, "at once"]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=PATIENCE)[0].split() for process in processes]
    got = [[word for word in words if len(word) == 32] for words in told]
    assert all(process.returncode == 0 for process in processes)
    with open_run("claims", "looking", "experiment") as run:
        for number in range(3):
            (made,) = run.find(claims._of_key(f"at once {number}"))
            assert {made.info.run_id} < {word for words in got for word in words}


@pytest.mark.slow
def test_a_lock_whose_holder_was_killed_is_taken_over_at_once(tracking_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_server)
    with open_run("claims", "mine", "experiment") as run:
        with other_process() as dead:
            tags = {lock.TOKEN: "theirs", lock.HOLDER: dead.text()}
            run.client.create_registered_model("left.lock", tags)
        with lock.store_lock(run.store, "left"):
            assert run.client.get_registered_model("left.lock").tags[lock.TOKEN] != "theirs"
