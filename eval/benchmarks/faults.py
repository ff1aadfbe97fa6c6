"""What survives ``kill -9``: a service is killed again and again, and compared with what it had
acknowledged.

    python -m eval.benchmarks.faults [--rounds 60] [--seed N]

Every round starts ``quoth serve`` with the real models on one data folder, changes documents over
HTTP one request after the other while two readers search (one over HTTP, one in this process), and
kills the service at a moment drawn at random: at any time, just after a file of the index has
changed, while it starts, or while it saves at its end. Then the folder is opened and must hold
exactly what was acknowledged, with the request that was under way done whole or not at all, and
``Collection.verify`` must find nothing. What differs is printed, counted, and makes the exit code
1."""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import httpx
from rich import box
from rich.console import Console
from rich.table import Table

from corpus.errors import QuothError
from eval.benchmarks.speed import (
    environment,
    err,
    load_sources,
    out,
    positive,
    print_machine,
    this_machine,
)
from index.collection import Collection
from index.encoding.encoder import DEFAULT_ENCODER, Encoder, load_encoder
from index.text.sentences import sentences
from service.settings import Settings, load_settings

ROUNDS = 60

_FIRST_DOCUMENTS = 12
_MOST_AT_ONCE = 4
_LONGEST_S = 4.0
_SOON_S = 0.05
_READY_TIMEOUT_S = 300.0
_TIMEOUT_S = 120.0


class Moment(StrEnum):
    """When the service is killed."""

    ANY = "at any time"
    WRITING = "just after a file changed"
    STARTING = "while it starts"
    CLOSING = "while it ends"


@dataclass(frozen=True, slots=True)
class Request:
    """A change of documents.

    :param texts: what it makes of documents: the text by id, None where there is none afterwards
    """

    method: str
    path: str
    body: object
    texts: Mapping[str, str | None]


@dataclass(slots=True)
class Books:
    """What the service has acknowledged.

    :param texts: of the documents that are there, by id
    :param gone: ids of those that were deleted
    :param under_way: the request that has not been answered
    """

    chance: random.Random
    sentences: list[str]
    texts: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    under_way: Request | None = None
    made: int = 0

    def text(self) -> str:
        """A text that no document has had."""
        self.made += 1
        return f"{self.chance.choice(self.sentences)} This is text number {self.made}."

    def settle(self, texts: Mapping[str, str | None]) -> None:
        """Take down what has become of documents."""
        for id, text in texts.items():
            if text is None:
                self.texts.pop(id, None)
                self.gone.add(id)
            else:
                self.texts[id] = text
        self.under_way = None


def _add(books: Books) -> Request:
    texts = {
        f"document-{books.made + 1}": books.text()
        for _ in range(books.chance.randint(1, _MOST_AT_ONCE))
    }
    return Request(
        "POST",
        "/v1/documents",
        {"documents": [{"id": i, "text": t} for i, t in texts.items()]},
        texts,
    )


def _update(books: Books) -> Request:
    id, text = books.chance.choice(sorted(books.texts)), books.text()
    return Request("PUT", f"/v1/documents/{id}", {"text": text}, {id: text})


def _delete(books: Books) -> Request:
    id = books.chance.choice(sorted(books.texts))
    return Request("DELETE", f"/v1/documents/{id}", None, {id: None})


OPERATIONS: dict[str, Callable[[Books], Request]] = {
    "add": _add,
    "update": _update,
    "delete": _delete,
}
"""What is going on when the service is killed: each makes the next request from what is there."""


@dataclass(slots=True)
class Tally:
    """What all rounds came to.

    :param done: requests under way when the service was killed that turned out to be done
    :param undone: those that turned out not to be
    :param faults: what must not be, a line each
    """

    rounds: Counter[tuple[str, Moment]] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    searches: int = 0
    faults: list[str] = field(default_factory=list)


class Ordeal:
    """The rounds, on one data folder."""

    def __init__(
        self, folder: Path, encoder: Encoder, settings: Settings, chance: random.Random
    ) -> None:
        library = (source.document.text for source in load_sources(None))
        texts = [text[start:end] for text in library for start, end in sentences(text)]
        self._folder = folder
        self._encoder = encoder
        self._environment = environment(settings)
        self._chance = chance
        self._books = Books(chance, texts)
        self.tally = Tally()

    def run(self, rounds: int) -> Tally:
        """So many rounds, operations and moments in turn."""
        for number in range(rounds):
            operation = list(OPERATIONS)[number % len(OPERATIONS)]
            moment = list(Moment)[number // len(OPERATIONS) % len(Moment)]
            faults = len(self.tally.faults)
            self._round(operation, moment)
            self.tally.rounds[operation, moment] += 1
            found = self.tally.faults[faults:]
            err.print(
                f"{number + 1}: {operation}, {moment}: {len(self._books.texts)} documents, "
                f"{found or 'sound'}"
            )
        return self.tally

    def _round(self, operation: str, moment: Moment) -> None:
        with started(self._folder, self._environment) as (process, url):
            if moment is Moment.STARTING:
                time.sleep(self._chance.uniform(0, _LONGEST_S))
            else:
                self._trouble(operation, moment, process, url)
            process.kill()
        self._check(operation)

    def _trouble(
        self, operation: str, moment: Moment, process: "subprocess.Popen[bytes]", url: str
    ) -> None:
        """Requests until the service is gone."""
        with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as client:
            _wait_until_ready(client, process)
            while len(self._books.texts) < _FIRST_DOCUMENTS:
                self._send(client, "add")
            killing = threading.Thread(
                target=_kill, args=(process, moment, self._folder, self._chance.random())
            )
            readers = [
                threading.Thread(target=read, args=(url,))
                for read in (self._search_over_http, self._search_here)
            ]
            for thread in (*readers, killing):
                thread.start()
            try:
                while True:
                    self._send(
                        client,
                        operation if len(self._books.texts) >= _FIRST_DOCUMENTS // 2 else "add",
                    )
            except httpx.TransportError:
                pass
            for thread in (*readers, killing):
                thread.join()

    def _send(self, client: httpx.Client, operation: str) -> None:
        request = self._books.under_way = OPERATIONS[operation](self._books)
        answer = client.request(request.method, request.path, json=request.body)
        if answer.status_code == httpx.codes.OK:
            self._books.settle(request.texts)
            self.tally.acknowledged[operation] += 1
        else:
            self._fault(f"{operation}: {answer.status_code} {answer.text}")

    def _search_over_http(self, url: str) -> None:
        """Search until the service is gone; it must answer, and never with what was deleted before
        it was asked.
        """
        with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as client:
            while True:
                gone = set(self._books.gone)
                try:
                    answer = client.post(
                        "/v1/search", json={"question": random.choice(self._books.sentences)[:900]}
                    )
                except httpx.TransportError:
                    return
                if answer.status_code != httpx.codes.OK:
                    self._fault(f"search: {answer.status_code} {answer.text}")
                    continue
                self._count({hit["document_id"] for hit in answer.json()["hits"]}, gone)

    def _search_here(self, url: str) -> None:
        """The same beside the service, as a second process does that opens its folder for
        reading.
        """
        try:
            with Collection(self._folder, self._encoder, writable=False) as collection:
                while _listens(url):
                    question = random.choice(self._books.sentences)
                    self._count(
                        {
                            hit.chunk.document_id
                            for hit in collection.searcher.search(question, 10).hits
                        },
                        set(),
                    )
        except QuothError as exc:
            self._fault(f"reader: {exc}")

    def _count(self, found: set[str], gone: set[str]) -> None:
        self.tally.searches += 1
        if found & gone:
            self._fault(f"search: found what was deleted before: {sorted(found & gone)}")

    def _check(self, operation: str) -> None:
        """Open the folder, as a reader or as the next writer, and compare it with the books."""
        with Collection(
            self._folder, self._encoder, writable=self._chance.random() < 0.5
        ) as collection:
            found = {
                each.id: collection.store.document(each.id).text for each in collection.documents()
            }
            for fault in collection.verify():
                self._fault(f"verify: {fault}")
            self._compare(found, operation)
            for id in self._chance.sample(sorted(found), min(3, len(found))):
                hits = collection.searcher.search(found[id], 10).hits
                if id not in {hit.chunk.document_id for hit in hits}:
                    self._fault(f"search: does not find {id} by its own text")

    def _compare(self, found: Mapping[str, str], operation: str) -> None:
        request, self._books.under_way = self._books.under_way, None
        if request is not None:
            done = [found.get(id) == text for id, text in request.texts.items()]
            if any(done) and not all(done):
                self._fault(f"{operation}: done by half: {sorted(request.texts)}")
            if all(done):
                self._books.settle(request.texts)
            (self.tally.done if all(done) else self.tally.undone)[operation] += 1
        for id in sorted(self._books.texts.keys() | found.keys()):
            if found.get(id) != self._books.texts.get(id):
                what = (
                    "lost"
                    if id not in found
                    else "came back"
                    if id not in self._books.texts
                    else "has another text"
                )
                self._fault(f"{id}: {what}")

    def _fault(self, line: str) -> None:
        self.tally.faults.append(line)


@contextmanager
def started(
    folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """``quoth serve`` as a process of its own, and its address; killed at the end where it is not
    yet.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "service.cli",
        "serve",
        "--data",
        str(folder),
        "--port",
        str(port),
    ]
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/health/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:  # it does not listen yet
            time.sleep(_SOON_S)
    raise SystemExit("quoth serve does not start; serve.log in the data folder says why")


def _listens(url: str) -> bool:
    try:
        socket.create_connection(
            ("127.0.0.1", int(url.rpartition(":")[2])), timeout=_TIMEOUT_S
        ).close()
    except OSError:
        return False
    return True


def _kill(process: "subprocess.Popen[bytes]", moment: Moment, folder: Path, part: float) -> None:
    """Kill the process at its moment.

    :param part: 0 to 1, of the time within which that may be
    """
    if moment is Moment.ANY:
        time.sleep(part * _LONGEST_S)
    else:
        time.sleep(0.5)
        before = _files(folder)
        while moment is Moment.WRITING and _files(folder) == before:
            time.sleep(0.001)
        if moment is Moment.CLOSING:
            process.send_signal(signal.SIGTERM)
        time.sleep(part * (_SOON_S if moment is Moment.WRITING else 0.5))
    process.kill()


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of each file of an index."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.stat(os.path.join(parent, name))
            except FileNotFoundError:
                continue
            if name != "serve.log":
                found.append((name, status.st_size, status.st_mtime_ns))
    return sorted(found)


def print_tally(tally: Tally) -> None:
    """The rounds by operation and moment, what was acknowledged, and what must not be."""
    table = Table(
        "operation", *Moment, "acknowledged", "under way: done", "not done", box=box.MARKDOWN
    )
    for operation in OPERATIONS:
        rounds = [str(tally.rounds[operation, moment]) for moment in Moment]
        counts = (tally.acknowledged, tally.done, tally.undone)
        table.add_row(operation, *rounds, *(str(count[operation]) for count in counts))
    Console(highlight=False, width=160).print(table)
    for fault in tally.faults:
        out.print(fault, markup=False)
    out.print(
        f"rounds: {tally.rounds.total()}, searches meanwhile: {tally.searches}, faults: "
        f"{len(tally.faults)}"
    )


def main() -> None:
    """Run, print; exit code 1 where something was lost or wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.faults", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rounds", type=positive, default=ROUNDS, help="%(default)s")
    parser.add_argument("--seed", type=int, help="draws the moments again that it drew before")
    given = parser.parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    print_machine(this_machine(settings.threads))
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    with tempfile.TemporaryDirectory(prefix="quoth-faults-") as folder:
        tally = Ordeal(Path(folder), encoder, settings, random.Random(given.seed)).run(given.rounds)
    print_tally(tally)
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
