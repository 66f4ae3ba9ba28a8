import os
import sys
import time

import psutil

from benchmarks.processes import run_process

# Tells the number of a child that would outlive everybody's patience, and waits for it.
WITH_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
child.wait()
"""


def is_running(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_output_and_errors_come_in_one_with_the_exit_code(capfd):
    program = "import sys; print('found'); print('lost', file=sys.stderr); sys.exit(3)"
    ended = run_process([sys.executable, "-c", program], show=True)
    assert (ended.code, ended.output, ended.last_lines) == (3, ["found", "lost"], ["found", "lost"])
    assert capfd.readouterr().out == "found\nlost\n"


def test_at_its_limit_a_process_ends_with_its_children():
    ended = run_process([sys.executable, "-c", WITH_A_CHILD], limit=10)
    assert ended.code < 0
    while any(map(is_running, map(int, ended.output))):
        time.sleep(0.05)  # until the system has got round to it


def test_a_silent_failure_is_said_to_be_one():
    ended = run_process([sys.executable, "-c", f"raise SystemExit({os.EX_SOFTWARE})"])
    assert (ended.code, ended.last_lines) == (os.EX_SOFTWARE, ["it printed nothing"])
