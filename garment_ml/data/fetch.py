"""Bytes from the network: a web address, or a Debian package through apt."""

import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence
from http.client import HTTPException
from pathlib import Path

from garment_ml.base.errors import GarmentError
from garment_ml.base.terminal import progress_bar

SECONDS_WITHOUT_ANSWER = 10
SECONDS_FOR_A_COMMAND = 600
PART = 1 << 18


def download(address: str) -> bytes:
    """All bytes at `address`; GarmentError where they cannot all be had."""
    received = bytearray()
    try:
        with urllib.request.urlopen(address, timeout=SECONDS_WITHOUT_ANSWER) as response:
            expected = response.length
            with progress_bar(expected, f"download of {address.rpartition('/')[2]}", "B") as advance:
                while part := response.read(PART):
                    received += part
                    advance(len(part))
    except (OSError, HTTPException, ValueError) as error:
        raise GarmentError(f"{address}: {getattr(error, 'reason', None) or error}") from error
    if expected is not None and len(received) != expected:
        raise GarmentError(f"{address}: ended after {len(received):,} of {expected:,} bytes")
    return bytes(received)


def debian_package_files(download_command: Sequence[str], names: Collection[str]) -> dict[str, bytes]:
    """The named files of the package that `download_command` leaves in its working directory; needs no root.

    Raises GarmentError where a command fails or the package lacks a file.
    """
    with tempfile.TemporaryDirectory(prefix="garment-ml-") as scratch:
        run_in(Path(scratch), download_command)
        packages = list(Path(scratch).glob("*.deb"))
        if not packages:
            raise GarmentError(f"`{' '.join(download_command)}` left no .deb file")
        run_in(Path(scratch), ["dpkg-deb", "-x", str(packages[0]), scratch])
        found = {name: path for name in names for path in list(Path(scratch).rglob(name))[:1]}
        missing = [name for name in names if name not in found]
        if missing:
            raise GarmentError(f"{packages[0].name} holds no {', '.join(missing)}")
        return {name: path.read_bytes() for name, path in found.items()}


def run_in(directory: Path, command: Sequence[str]) -> None:
    """Raises GarmentError, with what the command said, unless it ends well and in time."""
    try:
        subprocess.run(
            command, cwd=directory, capture_output=True, text=True, check=True, timeout=SECONDS_FOR_A_COMMAND
        )
    except subprocess.CalledProcessError as error:
        said = " ".join((error.stderr or error.stdout).split()) or "nothing"
        raise GarmentError(f"`{' '.join(command)}` ended with {error.returncode} and said: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GarmentError(f"`{' '.join(command)}`: {error}") from error
