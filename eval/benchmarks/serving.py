"""``quoth`` as a process of its own: started, asked over HTTP, stopped. Needs psutil."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from eval.benchmarks.timing import WALL
from service.settings import Settings

SERVICE_QUESTIONS = (
    "Who received Mishustin in Beijing on 4 November 2025?",
    "Where did Li Qiang and Mikhail Mishustin meet?",
    "How long is Power of Siberia?",
    "How much gas did Gazprom deliver to China in 2024?",
    "What is the design capacity of Power of Siberia?",
    "What price does China seek for the gas?",
    "What do European buyers pay for gas?",
    "How much gas is Power of Siberia 2 to carry?",
    "Which country will Power of Siberia 2 cross?",
    "When was the memorandum on Power of Siberia 2 signed?",
    "What was agreed for the Far Eastern Route?",
    "How large was trade between China and Russia in 2024?",
    "By how much did trade fall in 2025?",
    "Which companies are under sanctions of the United States?",
    "What did TASS report before the visit?",
    "When did the joint patrols begin?",
    "What does China's new Five-Year Plan say?",
    "Who is Alexander Novak?",
    "How did rail freight develop?",
    "What is the capital of Peru?",
)
"""Questions about the shipped library."""

TORCH_PACKAGES = frozenset({"torch", "transformers", "sentence_transformers"})
"""Heavy packages that no process is to import while it answers."""

_POLL_S = 0.01
_READY_TIMEOUT_S = 300.0
_STOP_TIMEOUT_S = 15.0
_REQUEST_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class StartedService:
    """A running ``quoth serve`` that may not be ready yet.

    :param log: the file that it writes to
    :param started: when the process was started, on the clock of ``time.perf_counter``
    """

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path
    started: float

    def wait_until_ready(self, client: httpx.Client) -> float:
        """Wait for the first 200 of ``/health/ready``.

        :return: seconds since the process was started
        :raises SystemExit: the process ended, or took too long
        """
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if client.get("/health/ready").status_code == httpx.codes.OK:
                    return time.perf_counter() - self.started
            except httpx.TransportError:
                pass  # it does not listen yet
            time.sleep(_POLL_S)
        raise SystemExit(
            f"quoth serve did not get ready in {_READY_TIMEOUT_S:.0f} s: "
            f"{self.log.read_text()[-2_000:]}"
        )


@dataclass(frozen=True, slots=True)
class ReadyService:
    """A service that is ready for questions.

    :param ready_s: seconds from starting the process to the first 200 of ``/health/ready``
    """

    process: psutil.Process
    client: httpx.Client
    ready_s: float

    def ask(self, question: str) -> tuple[float, int]:
        """Ask a question.

        :return: the milliseconds it took, and the bytes that were resident afterwards
        """
        took = WALL.milliseconds(
            lambda: self.client.post("/v1/ask", json={"question": question}).raise_for_status()
        )
        return took, self.process.memory_info().rss


def environment(settings: Settings) -> dict[str, str]:
    """The environment that gives a ``quoth`` process the settings of this one.

    Compiled code is kept: an installed Quoth is compiled, and a checkout is compiled after its
    first run.
    """
    own = {
        "QUOTH_ENCODER": settings.encoder,
        "QUOTH_MODELS_DIR": str(settings.models_dir),
        "QUOTH_THREADS": str(settings.threads),
    }
    inherited = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return inherited | own


def quoth(*arguments: str, python: Sequence[str] = ()) -> list[str]:
    """The command line of ``quoth``, run by this interpreter from this code.

    :param python: options for the interpreter
    """
    return [sys.executable, *python, "-m", "service.cli", *arguments]


def http_client(url: str) -> httpx.Client:
    """A client for a service on this machine; it ignores proxies."""
    return httpx.Client(base_url=url, timeout=_REQUEST_TIMEOUT_S, trust_env=False)


def quoth_add(
    folder: Path, source: Path, environment: Mapping[str, str], *, checkout: Path | None = None
) -> None:
    """Index files in a data folder.

    :param checkout: whose code to run, this one's by default
    """
    command = quoth("add", "--data", str(folder), str(source))
    subprocess.run(command, env=dict(environment), cwd=checkout, check=True, capture_output=True)


@contextmanager
def started(
    folder: Path, environment: Mapping[str, str], log: Path, *, checkout: Path | None = None
) -> Iterator[StartedService]:
    """``quoth serve`` on a free port, as soon as its process exists. It is killed at the end
    if it still runs.

    :param checkout: whose code to run, this one's by default
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    command = quoth("serve", "--data", str(folder), "--port", str(port))
    began = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=checkout,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield StartedService(process, f"http://127.0.0.1:{port}", log, began)
    finally:
        process.kill()
        process.wait()


@contextmanager
def serving(
    folder: Path, environment: Mapping[str, str], log: Path, *, checkout: Path | None = None
) -> Iterator[ReadyService]:
    """``quoth serve`` on a free port, ready for questions. It is stopped at the end.

    :param checkout: whose code to run, this one's by default
    """
    with (
        started(folder, environment, log, checkout=checkout) as service,
        http_client(service.url) as client,
    ):
        ready_s = service.wait_until_ready(client)
        yield ReadyService(psutil.Process(service.process.pid), client, ready_s)
        service.process.terminate()
        try:
            service.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            service.process.kill()
