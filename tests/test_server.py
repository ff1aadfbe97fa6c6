"""The server: slow clients, too many connections, and an end that loses nothing."""

import json
import multiprocessing
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
import pytest
import uvicorn

from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.cli.console import exit_on_sigterm
from service.http import server
from service.http.app import create_app
from service.http.server import Connection, run_server
from service.reader.passage import PassageReader
from service.settings import Settings
from tests.conftest import ToyEncoder, ToyPassageReader

pytestmark = pytest.mark.processes

HEAD = b"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
BIG = "word " * 2_000_000


@pytest.fixture
def port(
    tmp_path: Path,
    encoder: Encoder,
    passages: PassageReader,
    make: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[int]:
    """A server in this process that is patient for one second and serves four connections."""
    monkeypatch.setattr(server, "HEAD_S", 1.0)
    monkeypatch.setattr(server, "BODY_S", 1.0)
    monkeypatch.setattr(server, "STALL_S", 2.0)
    monkeypatch.setattr(server, "_TICK_S", 0.1)
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as service:
        service.collection.put([make("otter", "The Otter Bridge is 90 m long.")])  # type: ignore[list-item]  # the fixture makes documents
        running = uvicorn.Server(
            uvicorn.Config(
                create_app(service, Settings(threads=2)),
                log_config=None,
                http=Connection,
                limit_concurrency=4,
            )
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=running.run, args=([listening],))
            thread.start()
            while not running.started:
                time.sleep(0.01)
            yield int(listening.getsockname()[1])
            running.should_exit = True
            thread.join()


def connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(10)
    return connection


def seconds_until_closed(connection: socket.socket, trickle: bytes = b"") -> float:
    """Send a byte at a time, and wait for the server to close the connection."""
    started = time.monotonic()
    left = iter(trickle)
    connection.settimeout(0.2)
    while time.monotonic() - started < 10:
        try:
            byte = next(left, None)
            if byte is not None:
                connection.sendall(bytes([byte]))
            if not connection.recv(1):
                return time.monotonic() - started
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - started
    raise AssertionError("the connection is still open")


@pytest.mark.parametrize(
    ("begun", "trickle"),
    [
        (b"", b""),
        (b"GET / HT", b""),
        (b"", HEAD * 10),
        (HEAD, b"X-Slow: " + b"a" * 1_000),
        (HEAD + b"Content-Length: 100\r\n\r\n{", b""),
        (HEAD + b"Content-Length: 100\r\n\r\n", b'{"question": "' + b" " * 90),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n" * 90),
    ],
    ids=["nothing", "half a line", "slow line", "slow head", "no body", "slow body", "slow chunks"],
)
def test_a_client_that_sends_too_slowly_is_cut_off(begun: bytes, trickle: bytes, port: int) -> None:
    with closing(connected(port)) as connection:
        connection.sendall(begun)
        assert 0.5 < seconds_until_closed(connection, trickle) < 4


def test_a_client_that_does_not_read_is_cut_off(port: int) -> None:
    url = f"http://127.0.0.1:{port}/v1/documents/big"
    httpx.put(url, json={"text": BIG}, timeout=60, trust_env=False).raise_for_status()
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"GET /v1/documents/big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(4)
        assert 0 < received_until_closed(connection) < len(BIG)


def received_until_closed(connection: socket.socket) -> int:
    """The number of bytes that were on their way when the server closed the connection."""
    received = 0
    try:
        while part := connection.recv(65_536):
            received += len(part)
    except ConnectionError:
        pass  # it was reset
    return received


def test_a_client_that_reads_slowly_gets_everything(port: int) -> None:
    url = f"http://127.0.0.1:{port}/v1/documents/big"
    httpx.put(url, json={"text": BIG}, timeout=60, trust_env=False).raise_for_status()
    with httpx.stream("GET", url, timeout=60, trust_env=False) as response:
        received = b""
        for number, part in enumerate(response.iter_raw(500_000)):
            received += part
            if number % 3 == 0:
                time.sleep(0.3)
    assert json.loads(received)["text"] == BIG


def test_too_many_connections_are_refused_with_a_problem(port: int) -> None:
    idle = [connected(port) for _ in range(4)]
    time.sleep(0.2)
    response = httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False)
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert response.headers["content-type"] == "application/problem+json"
    more = [connected(port) for _ in range(20)]
    for connection in idle + more:
        connection.close()
    time.sleep(0.3)
    assert httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success


# -- the end of a process


def serve(folder: Path, port: int, files: int) -> None:
    """Run a server of the toys until SIGTERM, with few files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    exit_on_sigterm()
    with AnswerService(folder, ToyEncoder(), ToyPassageReader(), writable=True) as service:
        run_server(create_app(service, Settings(threads=2)), "127.0.0.1", port, "warning")


@contextmanager
def served(folder: Path, files: int = 256) -> Iterator[tuple[BaseProcess, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(folder, port, files))
    process.start()
    try:
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.join()


def ended(process: BaseProcess) -> float:
    """Seconds from SIGTERM to the end of a process, which has to exit with 0."""
    process.terminate()
    started = time.monotonic()
    process.join(30)
    assert process.exitcode == 0
    return time.monotonic() - started


def test_sigterm_closes_and_saves_everything(tmp_path: Path) -> None:
    with served(tmp_path) as (process, port):
        url = f"http://127.0.0.1:{port}/v1/documents/otter"
        httpx.put(url, json={"text": "The bridge is 90 m long."}, trust_env=False)
        halves = [connected(port) for _ in range(3)]
        halves[0].sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        halves[1].sendall(b"PUT /v1/documents/x HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        halves[2].sendall(
            b"PUT /v1/documents/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        assert ended(process) < 10
        for connection in halves:
            connection.close()
    names = {path.name for path in tmp_path.iterdir()}
    # SQLite removes its log when the last connection is closed, and vectors are saved on closing.
    assert not any(name.endswith(("-wal", "-shm")) for name in names)
    assert any(name.startswith("vectors-") for name in names)


def test_a_process_without_files_left_stays_silent_and_recovers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path, files=128) as (process, port):
        crowd = []
        for _ in range(400):
            try:
                crowd.append(socket.create_connection(("127.0.0.1", port), timeout=0.2))
            except OSError:
                break
        time.sleep(3)
        for connection in crowd:
            connection.close()
        time.sleep(1.5)
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False).is_success
        assert ended(process) < 10
    assert len(capfd.readouterr().err) < 20_000


def test_a_second_signal_does_not_break_the_end(tmp_path: Path) -> None:
    with served(tmp_path) as (process, port):
        httpx.get(f"http://127.0.0.1:{port}/health/ready", trust_env=False)
        process.terminate()
        for _ in range(20):
            time.sleep(0.02)
            if process.is_alive():
                process.terminate()
        process.join(30)
        assert process.exitcode == 0


@pytest.mark.models
def test_sigterm_ends_the_server_of_assistants(tmp_path: Path) -> None:
    folder, paper = tmp_path / "data", tmp_path / "otter.txt"
    paper.write_text("The Otter Bridge is 90 m long.")
    quoth = [sys.executable, "-m", "service.cli"]
    subprocess.run([*quoth, "add", "--data", str(folder), str(paper)], check=True)
    command = [*quoth, "mcp", "--data", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 0
    assert not list(folder.glob("*-wal"))
