"""Load: how many questions a service answers when many ask at once, and how it refuses the others.

    python -m eval.benchmarks.load [--askers 1 4 16 64 256] [--uploaders 4] [--seconds 15] \
        [--against CHECKOUT] [--json FILE]

The service is a process of its own over the shipped library, and the askers are another process.
Each asker asks one question after another. No question is asked twice, so stored answers do not
count. An asker that gets 503 comes back after ``Retry-After`` seconds. Uploaders replace a document
of 5 kB again and again. With ``--against``, every round is run on another checkout too, in turn, so
that both sides see the same machine.
"""

import argparse
import asyncio
import json
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import count, cycle
from pathlib import Path

import numpy as np
from rich import box
from rich.table import Table

from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.options import positive
from eval.benchmarks.serving import environment, quoth_add, serving
from eval.console import print_wide, stderr, stdout
from eval.sets.question import read_set
from eval.sets.shipped import KNOWN_FACTS, LIBRARY
from service.settings import load_settings

ASKERS = (1, 4, 16, 64, 256)
UPLOADERS = 4
SECONDS = 15
UPLOAD_CHARACTERS = 5_000


@dataclass(frozen=True, slots=True)
class Load:
    """One round of askers, and perhaps uploaders.

    :param side: which code was run
    :param uploaders: number of clients that add documents meanwhile
    :param per_second: questions answered in a second
    :param p50_ms: the median time of an accepted question; ``p95_ms`` and ``p99_ms`` likewise
    :param refused: the share of requests that got 503 with Retry-After, 0 to 1
    :param errors: responses of other kinds, and broken connections, by kind
    :param uploads_per_second: documents stored in a second
    """

    side: str
    askers: int
    uploaders: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    refused: float
    errors: dict[str, int]
    uploads_per_second: float


class Line:
    """One client with a connection of its own, which it opens again when the service closes it.

    It does little, because it takes its share of the same cores as the service.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, body: object) -> tuple[int, dict[str, str]]:
        """Send a request, and return the status and the headers of its response.

        :raises OSError: the connection broke
        :raises asyncio.IncompleteReadError: the service closed it before the response was complete
        """
        content = json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            if self._streams is None or self._streams[0].at_eof():
                self.close()
                self._streams = await asyncio.open_connection(self._host, self._port)
            reader, writer = self._streams
            writer.write(head.encode() + content)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            await reader.readexactly(int(headers["content-length"]))
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            raise
        return int(lines[0].split()[1]), headers

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


class Crowd:
    """Clients that ask and upload for some time."""

    def __init__(self, host: str, port: int, questions: Iterator[str], seconds: float) -> None:
        self._address = host, port
        self._questions = questions
        self._seconds = seconds
        self._end = 0.0
        self.times_ms: list[float] = []
        self.refused = 0
        self.uploaded = 0
        self.errors: Counter[str] = Counter()

    async def run(self, askers: int, uploaders: int, text: str) -> None:
        """Ask and upload until the time is over."""
        self._end = time.monotonic() + self._seconds
        await asyncio.gather(
            *(self._ask(Line(*self._address)) for _ in range(askers)),
            *(self._upload(Line(*self._address), number, text) for number in range(uploaders)),
        )

    async def _ask(self, line: Line) -> None:
        while (now := time.monotonic()) < self._end:
            try:
                status, headers = await line.send(
                    "POST", "/v1/ask", {"question": next(self._questions)}
                )
            except (OSError, asyncio.IncompleteReadError) as exc:
                self.errors[type(exc).__name__] += 1
                continue
            took_s = time.monotonic() - now
            if status == HTTPStatus.OK:
                # Answers that come after the time is over would make the rate too high.
                if now + took_s < self._end:
                    self.times_ms.append(1_000 * took_s)
            elif status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in headers:
                self.refused += 1
                line.close()  # as long as it waits, somebody else may have the connection
                wait_s = float(headers["retry-after"])
                await asyncio.sleep(min(wait_s, max(0.0, self._end - time.monotonic())))
            else:
                self.errors[str(status)] += 1
        line.close()

    async def _upload(self, line: Line, number: int, text: str) -> None:
        for version in count():
            if time.monotonic() > self._end:
                break
            body = {"text": f"{text}\n\nThis is version {version} of upload {number}."}
            try:
                status, _ = await line.send("PUT", f"/v1/documents/upload-{number}", body)
            except (OSError, asyncio.IncompleteReadError) as exc:
                self.errors[type(exc).__name__] += 1
                continue
            if status == HTTPStatus.OK:
                self.uploaded += 1
            else:
                self.errors[f"upload {status}"] += 1
        line.close()


def loaded(
    side: str, port: int, questions: Sequence[str], askers: int, uploaders: int, seconds: float
) -> Load:
    """One round, run in this process.

    :param questions: every one is asked as often as is necessary, each time in other words
    """
    # What is in brackets changes the question, but hardly what it costs to answer it.
    distinct = (f"{question} ({time.time_ns():x})" for question in cycle(questions))
    crowd = Crowd("127.0.0.1", port, distinct, seconds)
    text = (LIBRARY / "power-of-siberia-1.md").read_text()[:UPLOAD_CHARACTERS]
    asyncio.run(crowd.run(askers, uploaders, text))
    asked = len(crowd.times_ms) + crowd.refused + crowd.errors.total()
    p50, p95, p99 = np.percentile(crowd.times_ms or [float("nan")], [50, 95, 99])
    return Load(
        side=side,
        askers=askers,
        uploaders=uploaders,
        per_second=round(len(crowd.times_ms) / seconds, 1),
        p50_ms=round(float(p50), 1),
        p95_ms=round(float(p95), 1),
        p99_ms=round(float(p99), 1),
        refused=round(crowd.refused / asked, 3) if asked else 0.0,
        errors=dict(crowd.errors),
        uploads_per_second=round(crowd.uploaded / seconds, 1),
    )


def print_loads(loads: Sequence[Load]) -> None:
    """Print the figures as a table."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("side", "askers", "uploaders", "answers/s", "p50", "p95", "p99"):
        table.add_column(name, justify="left" if name == "side" else "right")
    for name in ("503", "uploads/s", "errors"):
        table.add_column(name, justify="right")
    for load in loads:
        table.add_row(
            load.side,
            str(load.askers),
            str(load.uploaders),
            f"{load.per_second:.1f}",
            *(f"{time_ms:.0f} ms" for time_ms in (load.p50_ms, load.p95_ms, load.p99_ms)),
            f"{100 * load.refused:.0f} %",
            f"{load.uploads_per_second:.1f}" if load.uploaders else "",
            ", ".join(f"{number} {kind}" for kind, number in load.errors.items()) or "none",
        )
    print_wide(table)


def main() -> None:
    """Start the services, let the crowds ask, print."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.load", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--askers", type=positive, nargs="+", default=list(ASKERS))
    parser.add_argument(
        "--uploaders", type=int, default=UPLOADERS, help="0 to leave those rounds out (%(default)s)"
    )
    parser.add_argument(
        "--seconds", type=positive, default=SECONDS, help="of a round (%(default)s)"
    )
    parser.add_argument("--against", type=Path, help="another checkout of Quoth to compare with")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    settings = load_settings()
    print_machine(this_machine(settings.threads))
    questions = [question.text for question in read_set(KNOWN_FACTS).questions]
    sides: dict[str, Path | None] = {"this code": None}
    if given.against is not None:
        sides[given.against.name] = given.against
    rounds = [(askers, 0) for askers in given.askers]
    if given.uploaders:
        rounds += [(askers, given.uploaders) for askers in given.askers]
    loads = []
    spawning = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="quoth-load-") as scratch,
        ProcessPoolExecutor(1, mp_context=spawning) as clients,
    ):
        for number, (askers, uploaders) in enumerate(rounds):
            for side, checkout in sides.items():
                stderr.print(f"{side}: {askers} askers, {uploaders} uploaders")
                folder = Path(scratch) / f"{number} {side}"
                own = environment(settings)
                quoth_add(folder, LIBRARY, own, checkout=checkout)
                log = Path(scratch) / "serve.log"
                with serving(folder, own, log, checkout=checkout) as service:
                    for question in questions[:20]:
                        service.ask(question)
                    port = service.client.base_url.port or 0
                    loads.append(
                        clients.submit(
                            loaded, side, port, questions, askers, uploaders, given.seconds
                        ).result()
                    )
    print_loads(loads)
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(load) for load in loads], indent=2) + "\n")
        stdout.print(f"written to {given.json}")


if __name__ == "__main__":
    main()
