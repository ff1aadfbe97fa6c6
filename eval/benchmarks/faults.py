"""What survives ``kill -9``: a service is killed again and again, and its documents are compared
with what it had acknowledged.

    python -m eval.benchmarks.faults [--rounds 60] [--seed N]

Every round starts ``quoth serve`` with the real models on the same data folder. Documents are
changed over HTTP, one request after the other, while two readers search, one over HTTP and one in
this process. The service is killed at a random moment: at any time, just after a file of the index
has changed, while it starts, or while it shuts down. Then the folder is opened. It must hold what
was acknowledged, no more and no less, with the pending request carried out completely or not at
all, and ``Collection.verify`` must find nothing wrong. Every fault is printed and counted, and
makes the exit code 1.
"""

import argparse
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import httpx
from rich import box
from rich.table import Table

from corpus.errors import QuothError
from eval.benchmarks.acknowledged import OPERATIONS, Acknowledged
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.material import load_sources
from eval.benchmarks.options import positive
from eval.benchmarks.serving import StartedService, environment, http_client, started
from eval.console import print_wide, stderr, stdout
from index.collection import Collection
from index.encoding.encoder import Encoder, load_encoder
from index.encoding.identity import DEFAULT_ENCODER
from index.text.sentences import sentences
from service.settings import Settings, load_settings

KILLS = 60

_FIRST_DOCUMENTS = 12
_LONGEST_S = 4.0
_SOON_S = 0.05
_CONNECT_TIMEOUT_S = 120.0


class Moment(StrEnum):
    """When the service is killed."""

    ANY = "at any time"
    WRITING = "just after a file changed"
    STARTING = "while it starts"
    CLOSING = "while it shuts down"


@dataclass(slots=True)
class KillReport:
    """The results of all rounds.

    :param done: requests that were pending when the service was killed, and had been carried out
    :param undone: those that had not
    :param faults: what must not happen, a line each
    """

    rounds: Counter[tuple[str, Moment]] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    searches: int = 0
    faults: list[str] = field(default_factory=list)


class KillRounds:
    """Rounds of changes and kills on one data folder."""

    def __init__(
        self, folder: Path, encoder: Encoder, settings: Settings, draws: random.Random
    ) -> None:
        library = (source.document.text for source in load_sources(None))
        texts = [text[start:end] for text in library for start, end in sentences(text)]
        self._folder = folder
        self._encoder = encoder
        self._environment = environment(settings)
        self._random = draws
        self._acknowledged = Acknowledged(draws, texts)
        self._report = KillReport()

    def run(self, rounds: int) -> KillReport:
        """Run a number of rounds, with each pair of operation and moment in turn."""
        for number in range(rounds):
            operation = list(OPERATIONS)[number % len(OPERATIONS)]
            moment = list(Moment)[number // len(OPERATIONS) % len(Moment)]
            before = len(self._report.faults)
            self._round(operation, moment)
            self._report.rounds[operation, moment] += 1
            faults = self._report.faults[before:]
            documents = len(self._acknowledged.texts)
            stderr.print(
                f"{number + 1}: {operation}, {moment}: {documents} documents, {faults or 'sound'}"
            )
        return self._report

    def _round(self, operation: str, moment: Moment) -> None:
        log = self._folder / "serve.log"
        with started(self._folder, self._environment, log) as service:
            if moment is Moment.STARTING:
                time.sleep(self._random.uniform(0, _LONGEST_S))
            else:
                self._change_until_killed(operation, moment, service)
        # leaving the block has killed the service
        self._check(operation)

    def _change_until_killed(self, operation: str, moment: Moment, service: StartedService) -> None:
        """Send requests until the service is gone, while two readers search."""
        with http_client(service.url) as client:
            service.wait_until_ready(client)
            while len(self._acknowledged.texts) < _FIRST_DOCUMENTS:
                self._send(client, "add")
            kill = threading.Thread(
                target=_kill, args=(service, moment, self._folder, self._random.random())
            )
            readers = [
                threading.Thread(target=read, args=(service.url,))
                for read in (self._search_over_http, self._search_here)
            ]
            for thread in (*readers, kill):
                thread.start()
            try:
                while True:
                    # there must be something left to update or delete
                    few = len(self._acknowledged.texts) < _FIRST_DOCUMENTS // 2
                    self._send(client, "add" if few else operation)
            except httpx.TransportError:
                pass
            for thread in (*readers, kill):
                thread.join()

    def _send(self, client: httpx.Client, operation: str) -> None:
        request = self._acknowledged.pending = OPERATIONS[operation](self._acknowledged)
        response = client.request(request.method, request.path, json=request.body)
        if response.status_code == httpx.codes.OK:
            self._acknowledged.settle(request.texts)
            self._report.acknowledged[operation] += 1
        else:
            self._fault(f"{operation}: {response.status_code} {response.text}")

    def _search_over_http(self, url: str) -> None:
        """Search until the service is gone. It must answer, and must not return a document that
        was deleted before the search was sent.
        """
        with http_client(url) as client:
            while True:
                deleted = set(self._acknowledged.deleted)
                question = random.choice(self._acknowledged.sentences)[:900]
                try:
                    response = client.post("/v1/search", json={"question": question})
                except httpx.TransportError:
                    return
                if response.status_code != httpx.codes.OK:
                    self._fault(f"search: {response.status_code} {response.text}")
                    continue
                self._count({hit["document_id"] for hit in response.json()["hits"]}, deleted)

    def _search_here(self, url: str) -> None:
        """Search in this process, as a second process that opens the folder for reading."""
        try:
            with Collection(self._folder, self._encoder, writable=False) as collection:
                while _listens(url):
                    question = random.choice(self._acknowledged.sentences)
                    hits = collection.searcher.search(question, 10).hits
                    self._count({hit.chunk.document_id for hit in hits}, set())
        except QuothError as exc:
            self._fault(f"reader: {exc}")

    def _count(self, found: set[str], deleted: set[str]) -> None:
        self._report.searches += 1
        if found & deleted:
            self._fault(f"search: returned deleted documents: {sorted(found & deleted)}")

    def _check(self, operation: str) -> None:
        """Open the folder, as a reader or as the next writer, and compare it with what was
        acknowledged.
        """
        writable = self._random.random() < 0.5
        with Collection(self._folder, self._encoder, writable=writable) as collection:
            store = collection.store
            texts = {each.id: store.document(each.id).text for each in collection.documents()}
            for fault in collection.verify():
                self._fault(f"verify: {fault}")
            self._compare(texts, operation)
            for document_id in self._random.sample(sorted(texts), min(3, len(texts))):
                hits = collection.searcher.search(texts[document_id], 10).hits
                if document_id not in {hit.chunk.document_id for hit in hits}:
                    self._fault(f"search: does not find {document_id} by its own text")

    def _compare(self, texts: Mapping[str, str], operation: str) -> None:
        request, self._acknowledged.pending = self._acknowledged.pending, None
        if request is not None:
            done = [texts.get(document_id) == text for document_id, text in request.texts.items()]
            if any(done) and not all(done):
                self._fault(f"{operation}: carried out in part: {sorted(request.texts)}")
            if all(done):
                self._acknowledged.settle(request.texts)
            (self._report.done if all(done) else self._report.undone)[operation] += 1
        expected = self._acknowledged.texts
        for document_id in sorted(expected.keys() | texts.keys()):
            if document_id not in texts:
                self._fault(f"{document_id}: lost")
            elif document_id not in expected:
                self._fault(f"{document_id}: came back")
            elif texts[document_id] != expected[document_id]:
                self._fault(f"{document_id}: has another text")

    def _fault(self, line: str) -> None:
        self._report.faults.append(line)


def _listens(url: str) -> bool:
    address = ("127.0.0.1", int(url.rpartition(":")[2]))
    try:
        socket.create_connection(address, timeout=_CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _kill(service: StartedService, moment: Moment, folder: Path, part: float) -> None:
    """Kill the service at its moment.

    :param part: where in the time that the moment allows, 0 to 1
    """
    if moment is Moment.ANY:
        time.sleep(part * _LONGEST_S)
    else:
        time.sleep(0.5)
        before = _files(folder)
        while moment is Moment.WRITING and _files(folder) == before:
            time.sleep(0.001)
        if moment is Moment.CLOSING:
            service.process.send_signal(signal.SIGTERM)
        time.sleep(part * (_SOON_S if moment is Moment.WRITING else 0.5))
    service.process.kill()


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and modification time of each file of an index."""
    files = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.stat(os.path.join(parent, name))
            except FileNotFoundError:
                continue
            if name != "serve.log":
                files.append((name, status.st_size, status.st_mtime_ns))
    return sorted(files)


def print_report(report: KillReport) -> None:
    """Print the rounds by operation and moment, what was acknowledged, and the faults."""
    table = Table(
        "operation", *Moment, "acknowledged", "pending: done", "not done", box=box.MARKDOWN
    )
    for operation in OPERATIONS:
        rounds = [str(report.rounds[operation, moment]) for moment in Moment]
        counts = (report.acknowledged, report.done, report.undone)
        table.add_row(operation, *rounds, *(str(count[operation]) for count in counts))
    print_wide(table, width=160)
    for fault in report.faults:
        stdout.print(fault, markup=False)
    stdout.print(
        f"rounds: {report.rounds.total()}, searches meanwhile: {report.searches}, faults: "
        f"{len(report.faults)}"
    )


def main() -> None:
    """Run and print. The exit code is 1 if there was a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.faults", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rounds", type=positive, default=KILLS, help="%(default)s")
    parser.add_argument("--seed", type=int, help="repeat the moments of an earlier run")
    given = parser.parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    print_machine(this_machine(settings.threads))
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    with tempfile.TemporaryDirectory(prefix="quoth-faults-") as folder:
        rounds = KillRounds(Path(folder), encoder, settings, random.Random(given.seed))
        report = rounds.run(given.rounds)
    print_report(report)
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main()
