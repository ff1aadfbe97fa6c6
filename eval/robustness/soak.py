"""Mixed work on a real service for a long time: nothing may grow, fail or be quoted wrongly.

    python -m eval.robustness.soak [--minutes 20] [--seed 15]

Starts ``quoth serve`` over the shipped library with a watched folder. Workers ask, stream, search,
verify, give feedback, chat, read pages, upload files, and add, update and delete documents, each in
a thread of its own, while the folder changes too. Every quote of every answer is compared with the
text of the version that it names. After a quarter of the time for warming up, resident memory may
grow by 5 % at most (the slope of the line with the least squares, over the rest of the run), and
the numbers of file descriptors and of threads by 16. At the end the service is stopped by SIGTERM,
has to end within 15 seconds, and ``quoth verify`` has to find the index sound. A breach makes the
exit code 1.
"""

import argparse
import hashlib
import io
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from docx import Document as WordDocument
from rich import box
from rich.table import Table

from eval.benchmarks.acknowledged import OPERATIONS, Acknowledged
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.material import load_sources
from eval.benchmarks.serving import environment, http_client, quoth
from eval.console import print_wide, stderr, stdout
from eval.robustness.attacked import AttackedService, attacked_service
from eval.robustness.resources import Growth, Sampler
from eval.sets.question import read_set
from eval.sets.shipped import KNOWN_FACTS
from index.text.sentences import sentences
from service.settings import Settings, load_settings

_FEWEST_DOCUMENTS = 20
_MOST_DOCUMENTS = 60
_MOST_FILES = 20
_STOP_TIMEOUT_S = 15.0
_TENTHS_PAUSE = (0, 1, 2, 5)


@dataclass(slots=True)
class SoakReport:
    """What was done.

    :param done: number of completed steps of each kind of work
    :param busy: number of responses 503 with Retry-After
    :param quotes: number of quotes compared with the text of their version
    :param gone: number of quotes whose version had been replaced or deleted meanwhile
    :param faults: what must not happen, a line each
    :param slowest: seconds of the slowest step of each kind
    """

    done: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    quotes: int = 0
    gone: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)


class BusyError(Exception):
    """The service asked to come back later."""


class SoakRun:
    """Work on one service, by several threads."""

    def __init__(self, attacked: AttackedService, watched: Path, seed: int) -> None:
        self.report = SoakReport()
        self._attacked = attacked
        self._watched = watched
        self._seed = seed
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        library = [source.document for source in load_sources(None)]
        self._texts = {document.version: document.text for document in library}
        self._lines = [
            document.text[start:end]
            for document in library
            for start, end in sentences(document.text)
        ]
        self._questions = [question.text for question in read_set(KNOWN_FACTS).questions]
        self._acknowledged = Acknowledged(random.Random(seed), self._lines)
        self._answers: list[tuple[str, bytes]] = []

    def run(self, minutes: float) -> None:
        """Work for some minutes."""
        deadline = time.monotonic() + 60 * minutes
        threads = [
            threading.Thread(target=self._work, args=(name, number, step))
            for number, (name, step) in enumerate(WORK)
        ]
        for thread in threads:
            thread.start()
        while time.monotonic() < deadline and self._attacked.service.process.poll() is None:
            time.sleep(min(30, max(0, deadline - time.monotonic())))
            stderr.print(f"{self.report.done.total()} steps, {self.report.faults.total()} faults")
        self._stopped.set()
        for thread in threads:
            thread.join()
        if self._attacked.service.process.poll() is not None:
            self._fault(f"the service has ended: {self._attacked.log[-500:]}")

    def _work(self, name: str, number: int, step: "Step") -> None:
        draws = random.Random(f"{self._seed}/{number}")
        with http_client(self._attacked.service.url) as client:
            while not self._stopped.is_set():
                started = time.perf_counter()
                try:
                    step(self, client, draws)
                except BusyError:
                    with self._lock:
                        self.report.busy += 1
                except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as exc:
                    self._fault(f"{name}: {type(exc).__name__}: {str(exc)[:200]}")
                with self._lock:
                    self.report.done[name] += 1
                    took = time.perf_counter() - started
                    self.report.slowest[name] = max(self.report.slowest.get(name, 0), took)
                self._stopped.wait(draws.choice(_TENTHS_PAUSE) / 10)

    # -- work

    def ask(self, client: httpx.Client, draws: random.Random) -> None:
        """A question, of which every quote is compared."""
        question = draws.choice(self._questions)
        if draws.random() < 0.3:
            question = f"{question} ({draws.randrange(10_000)})"  # not answered before
        body: dict[str, Any] = {"question": question, "min_confidence": draws.choice([0.0, 0.5])}
        if draws.random() < 0.2:
            body["conversation_id"] = f"soak-{draws.randrange(20)}"
        response = self._send(client, "POST", "/v1/ask", body)
        self._compare(client, response.json())
        with self._lock:
            self._answers = [*self._answers[-50:], (response.json()["id"], response.content)]

    def stream(self, client: httpx.Client, draws: random.Random) -> None:
        """A streamed answer, read to the end or left."""
        body = {"question": f"{draws.choice(self._questions)} {draws.randrange(10_000)}"}
        is_left = draws.random() < 0.3
        event, headers = "", {"Accept": "text/event-stream"}
        with client.stream("POST", "/v1/ask", json=body, headers=headers) as response:
            self._check(response, "POST /v1/ask as a stream")
            for line in response.iter_lines():
                if is_left:
                    return
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == "answer":
                    self._compare(client, json.loads(line.removeprefix("data: ")))
                elif line.startswith("data: ") and event == "error":
                    self._fault(f"stream: {line[:200]}")

    def search(self, client: httpx.Client, draws: random.Random) -> None:
        """A search, whose passages are compared."""
        body = {"question": draws.choice(self._lines)[:900], "top_k": draws.choice([1, 10, 50])}
        for hit in self._send(client, "POST", "/v1/search", body).json()["hits"]:
            self._compare_quote(client, hit, hit["text"])

    def change(self, client: httpx.Client, _draws: random.Random) -> None:
        """A document that is added, updated or deleted, and read afterwards."""
        documents = len(self._acknowledged.texts)
        operation = self._acknowledged.random.choice(list(OPERATIONS))
        if documents < _FEWEST_DOCUMENTS:
            operation = "add"
        elif documents > _MOST_DOCUMENTS:
            operation = "delete"
        request = OPERATIONS[operation](self._acknowledged)
        for text in request.texts.values():
            if text is not None:
                self._texts[hashlib.sha256(text.encode()).hexdigest()] = text
        self._send(client, request.method, request.path, request.body)
        self._acknowledged.settle(request.texts)
        for document_id, text in request.texts.items():
            response = client.get(f"/v1/documents/{document_id}")
            found = response.json()["text"] if response.is_success else None
            if found != text:
                self._fault(f"{operation}: {document_id} does not read as it was written")

    def upload(self, client: httpx.Client, draws: random.Random) -> None:
        """Files of several formats, of which the oldest are deleted again."""
        name = f"upload-{draws.randrange(_MOST_FILES)}"
        suffix, content = _file(draws, self._lines)
        files = [("files", (f"{name}{suffix}", content))]
        receipt = self._check(client.post("/v1/documents", files=files), "upload").json()
        if draws.random() < 0.5:
            path = f"/v1/documents/{quote(receipt['documents'][0]['id'], safe='')}"
            response = client.delete(path)
            if response.status_code != httpx.codes.NOT_FOUND:
                self._check(response, "DELETE of an upload")

    def verify(self, client: httpx.Client, draws: random.Random) -> None:
        """A quote of the library, which is where it was."""
        document_id = draws.choice(list(self._attacked.versions))
        version = self._attacked.versions[document_id]
        text = self._texts[version]
        start = draws.randrange(len(text) - 20)
        body = {
            "document_id": document_id,
            "version": version,
            "start": start,
            "end": start + 20,
            "quote": text[start : start + 20],
        }
        status = self._send(client, "POST", "/v1/verify", body).json()["status"]
        if status != "found":
            self._fault(f"verify: a quote of the library is {status}")

    def give_feedback(self, client: httpx.Client, draws: random.Random) -> None:
        """A kept answer, which is the same bytes, and feedback on it."""
        with self._lock:
            answers = list(self._answers)
        if not answers:
            return
        answer_id, body = draws.choice(answers)
        response = client.get(f"/v1/answers/{answer_id}")
        # Deleting a document deletes the answers that quote it.
        if response.status_code == httpx.codes.NOT_FOUND:
            return
        if self._check(response, "GET /v1/answers").content != body:
            self._fault("a kept answer is not the same bytes")
        feedback = {"answer_id": answer_id, "helpful": draws.random() < 0.5, "comment": "soaked"}
        response = client.post("/v1/feedback", json=feedback)
        if response.status_code != httpx.codes.NOT_FOUND:
            self._check(response, "POST /v1/feedback")

    def chat(self, client: httpx.Client, draws: random.Random) -> None:
        """A chat completion, whose answer is compared."""
        question = draws.choice(self._questions)
        body = {"model": "quoth", "messages": [{"role": "user", "content": question}]}
        completion = self._send(client, "POST", "/v1/chat/completions", body).json()
        self._compare(client, completion["quoth"])

    def read(self, client: httpx.Client, draws: random.Random) -> None:
        """Pages, lists and metrics."""
        document_id = draws.choice(list(self._attacked.versions))
        path = draws.choice(
            (
                *("/", "/metrics", "/health/ready", "/v1/documents", "/v1/ingestion"),
                *("/v1/models", f"/documents/{document_id}", "/page/collection"),
            )
        )
        self._check(client.get(path), f"GET {path}")

    def touch_folder(self, _client: httpx.Client, draws: random.Random) -> None:
        """A file of the watched folder that appears, changes or goes."""
        path = self._watched / f"file-{draws.randrange(_MOST_FILES)}"
        for old in self._watched.glob(f"{path.name}.*"):
            old.unlink()
        if draws.random() < 0.7:
            suffix, content = _file(draws, self._lines)
            path.with_suffix(suffix).write_bytes(content)
        self._stopped.wait(1)

    # -- checks

    def _send(
        self, client: httpx.Client, method: str, path: str, body: object = None
    ) -> httpx.Response:
        more = {} if body is None else {"json": body}
        return self._check(client.request(method, path, **more), f"{method} {path}")  # type: ignore[arg-type]  # json is any object

    def _check(self, response: httpx.Response, what: str) -> httpx.Response:
        """The response, if it is a success.

        :raises BusyError: it is 503 with Retry-After
        :raises ValueError: it is something else
        """
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            response.read()
            if "retry-after" in response.headers:
                raise BusyError
        if not response.is_success:
            response.read()
            raise ValueError(f"{what}: {response.status_code} {response.text[:200]}")
        return response

    def _compare(self, client: httpx.Client, answer: Mapping[str, Any]) -> None:
        """Compare every quote of an answer with the text of the version that it names."""
        statements = [answer, *answer["alternatives"]]
        for citation in (citation for each in statements for citation in each["citations"]):
            self._compare_quote(client, citation, citation["quote"])
            sentence = {**citation, **citation["sentence"]}
            self._compare_quote(client, sentence, citation["sentence"]["text"])

    def _compare_quote(
        self, client: httpx.Client, location: Mapping[str, Any], quoted: str
    ) -> None:
        text = self._texts.get(location["version"])
        if text is None:
            path = f"/v1/documents/{quote(location['document_id'], safe='')}"
            response = client.get(path, params={"version": location["version"]})
            if response.status_code == httpx.codes.NOT_FOUND:
                with self._lock:
                    self.report.gone += 1
                return
            text = self._check(response, "GET of a version").json()["text"]
        with self._lock:
            self.report.quotes += 1
        if text[location["start"] : location["end"]] != quoted:
            self._fault(f"a quote is not in its document: {location['document_id']}")

    def _fault(self, line: str) -> None:
        with self._lock:
            self.report.faults[line] += 1


Step = Callable[[SoakRun, httpx.Client, random.Random], None]

WORK: tuple[tuple[str, Step], ...] = (
    ("ask", SoakRun.ask),
    ("ask", SoakRun.ask),
    ("stream", SoakRun.stream),
    ("search", SoakRun.search),
    ("change documents", SoakRun.change),
    ("upload files", SoakRun.upload),
    ("verify", SoakRun.verify),
    ("feedback", SoakRun.give_feedback),
    ("chat", SoakRun.chat),
    ("read", SoakRun.read),
    ("change the folder", SoakRun.touch_folder),
)
"""What the threads do, one each."""


def _file(draws: random.Random, lines: list[str]) -> tuple[str, bytes]:
    """The suffix and content of a small file of one of several formats."""
    chosen = draws.choices(lines, k=draws.choice([1, 3, 20]))
    chosen.append(f"This is file number {draws.randrange(1_000_000)}.")
    suffix = draws.choice([".txt", ".md", ".html", ".docx"])
    if suffix == ".docx":
        word = WordDocument()
        for line in chosen:
            word.add_paragraph(line)
        stream = io.BytesIO()
        word.save(stream)
        return suffix, stream.getvalue()
    if suffix == ".html":
        paragraphs = "".join(f"<p>{line}</p>" for line in chosen)
        return suffix, f"<html><body><h1>A file</h1>{paragraphs}</body></html>".encode()
    return suffix, "\n\n".join(chosen).encode()


def stop(attacked: AttackedService, data: Path, settings: Settings) -> list[str]:
    """Stop the service by SIGTERM, and verify its index.

    :return: what went wrong
    """
    process = attacked.service.process
    process.terminate()
    try:
        code = process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return [f"the service did not end within {_STOP_TIMEOUT_S:g} s of SIGTERM"]
    # Uvicorn closes everything, and then lets the signal end the process.
    is_closed = code in (0, -signal.SIGTERM)
    faults = [] if is_closed else [f"the service ended with exit code {code}"]
    command = quoth("verify", "--data", str(data))
    done = subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, check=False
    )
    if done.returncode:
        faults.append(f"quoth verify: {done.stdout[-300:]}{done.stderr[-300:]}")
    return faults


def print_soak_report(report: SoakReport, growth: Growth, children_mb: float) -> None:
    """Print what was done, how much the service used, and what went wrong."""
    table = Table("work", "steps", "slowest", box=box.MARKDOWN)
    for name, count in report.done.most_common():
        table.add_row(name, str(count), f"{report.slowest[name]:.2f} s")
    print_wide(table)
    stdout.print(
        f"memory after the warm-up: {growth.start_mb:.0f} MB, then "
        f"{growth.slope_mb_per_hour:+.1f} MB an hour ({growth.growth:+.1%} over the run); peak "
        f"{growth.peak_mb:.0f} MB, and {children_mb:.0f} MB in children",
        soft_wrap=True,
    )
    for name, (first, last) in (
        ("file descriptors", growth.descriptors),
        ("threads", growth.threads),
    ):
        stdout.print(f"{name}: {first:.0f}, at the end {last:.0f}")
    stdout.print(
        f"quotes compared: {report.quotes}; of versions that had gone: {report.gone}; "
        f"503 with Retry-After: {report.busy}"
    )
    for fault, count in report.faults.most_common():
        stdout.print(f"{count} x {fault}", markup=False, soft_wrap=True)
    stdout.print(f"steps: {report.done.total()}, faults: {report.faults.total()}")


def main() -> None:
    """Work, print, and exit with 1 if something went wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.robustness.soak", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="%(default)s")
    parser.add_argument("--seed", type=int, default=15, help="%(default)s")
    given = parser.parse_args()
    settings = load_settings()
    print_machine(this_machine(settings.threads))
    with tempfile.TemporaryDirectory(prefix="quoth-soak-") as scratch:
        folder, watched = Path(scratch) / "service", Path(scratch) / "watched"
        watched.mkdir()
        more = {"QUOTH_WATCH": str(watched)}
        with attacked_service(folder, settings, more) as attacked:
            run = SoakRun(attacked, watched, given.seed)
            with Sampler(attacked.service.process.pid) as sampler:
                run.run(given.minutes)
            growth = Growth.of(sampler.samples)
            faults = [*growth.faults(), *stop(attacked, folder / "data", settings)]
            faults += [f"in the log: {traceback}" for traceback in attacked.tracebacks()]
        run.report.faults.update(faults)
    children_mb = max(sample.children_rss for sample in sampler.samples) / 1e6
    print_soak_report(run.report, growth, children_mb)
    sys.exit(1 if run.report.faults else 0)


if __name__ == "__main__":
    main()
