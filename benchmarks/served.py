"""`experiments.serve` as a process of its own, for as long as a benchmark or a test needs it."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 120


@contextmanager
def served(model_uri: str, *options: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """Its address and the process, which may have ended by the end of the block."""
    command = [sys.executable, "-m", "experiments.serve", "--model", model_uri, "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout
    try:
        found = (re.search(r"(http://[^/]+)/invoc", line) for line in process.stdout)
        address = next(match[1] for match in found if match)
        threading.Thread(target=process.stdout.read, daemon=True).start()  # or its pipe is full some time
        yield address, process
    finally:
        process.terminate()
        process.wait(PATIENCE)
