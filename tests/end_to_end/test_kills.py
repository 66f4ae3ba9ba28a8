"""kill -9 anywhere in search, final, refits, scoring, promotion and rollback, on a database and on a server.

Three lives here, 18 killed processes; for 108 of them, which take ten minutes:

    python -m pytest tests/end_to_end/test_kills.py --lives 18
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KILLS_IN_A_LIFE = 6


@pytest.mark.slow
def test_whatever_is_killed_the_same_commands_end_as_if_nothing_had_happened(
    tmp_path, empty_store, tracking_server, request
):
    lives = request.config.getoption("--lives")
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    script = Path(__file__).with_name("life_in_process.py")
    command = [sys.executable, str(script), str(tmp_path), str(lives), tracking_server]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["killed"]) == lives * KILLS_IN_A_LIFE
    for life, found, expected in told["others"]:
        assert found == expected, life
