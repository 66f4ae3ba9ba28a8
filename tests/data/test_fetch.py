import shutil
import socket
import threading

import pytest

from garment_ml.base.errors import GarmentError
from garment_ml.data.fetch import debian_package_files, download


@pytest.fixture
def answering():
    """A factory of addresses whose server gives one fixed answer and hangs up."""
    listeners = []

    def answer(response: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(response)
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/file.gz"

    yield answer
    for listener in listeners:
        listener.close()


def test_whole_answer_is_returned(answering):
    assert download(answering(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabcd")) == b"abcd"


def test_answer_that_ends_early_is_an_error(answering):
    address = answering(b"HTTP/1.0 200 OK\r\nContent-Length: 4000\r\n\r\nabcd")
    with pytest.raises(GarmentError, match=r"file\.gz: .*ended after 4 of 4,000 bytes"):
        download(address)


def test_refusal_is_an_error(answering):
    with pytest.raises(GarmentError, match=r"file\.gz: Not Found"):
        download(answering(b"HTTP/1.0 404 Not Found\r\n\r\n"))


def test_answer_that_is_no_http_is_an_error(answering):
    with pytest.raises(GarmentError, match=r"file\.gz"):
        download(answering(b"220 ftp ready\r\n"))


def test_missing_program_is_an_error():
    with pytest.raises(GarmentError, match=r"`no-such-program fm`: .*No such file"):
        debian_package_files(["no-such-program", "fm"], [])


def test_command_that_leaves_no_package_is_an_error():
    with pytest.raises(GarmentError, match=r"`true` left no \.deb file"):
        debian_package_files(["true"], [])


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_broken_package_is_an_error():
    with pytest.raises(GarmentError, match=r"`dpkg-deb -x .*fm\.deb .* ended with 2"):
        debian_package_files(["sh", "-c", "echo broken > fm.deb"], [])
