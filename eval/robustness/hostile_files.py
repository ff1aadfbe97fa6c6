"""Uploads files that are made to cost much to a real service, while somebody else asks questions.

    python -m eval.robustness.hostile_files [FOLDER] [--small]

Makes files of many kinds in a temporary folder and starts ``quoth serve`` over the shipped library.
Each file, and each file of FOLDER, is uploaded once. A file must be answered within 10 seconds, by
documents or by a refusal with a reason; the service and its parser processes may take 1 GB more
than when they are idle; and the questions of the other client may take twice their usual time (the
95th percentile of all of them, because a single upload is too short to tell). A breach makes the
exit code 1.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.serving import SERVICE_QUESTIONS
from eval.robustness.attacked import AttackedService, attacked_service
from eval.robustness.hostile import hostile_files
from service.settings import load_settings

MOST_S = 10.0
MOST_MEMORY = 1_000_000_000
MOST_SLOWDOWN = 2.0

_USUAL_S = 15.0
_SAMPLE_S = 0.02
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class UploadReport:
    """What came of one file.

    :param reason: why it was refused; None if it was taken
    :param bytes_over: the most memory that was resident over idle
    """

    name: str
    status: int
    reason: str | None
    took_s: float
    bytes_over: int

    @property
    def faults(self) -> list[str]:
        """The promises that were broken."""
        found = []
        if self.took_s > MOST_S:
            found.append("too slow")
        if self.bytes_over > MOST_MEMORY:
            found.append("too much memory")
        if self.status not in (200, 413, 422):
            found.append(f"status {self.status}")
        if self.status != httpx.codes.OK and not self.reason:
            found.append("no reason")
        return found


class Asker:
    """Asks one question after another in a thread of its own, until the block ends."""

    def __init__(self, url: str) -> None:
        self.milliseconds: list[float] = []
        self.failures = 0
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Asker":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        self._thread.join()

    @property
    def p95(self) -> float:
        """The 95th percentile of the milliseconds."""
        return statistics.quantiles(self.milliseconds, n=20)[-1]

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=60, trust_env=False) as client:
            number = 0
            while not self._stopped.wait(_PAUSE_S):
                # Each question is another one, because the same one is answered from the store.
                question = f"{SERVICE_QUESTIONS[number % len(SERVICE_QUESTIONS)]} ({number})"
                started = time.perf_counter()
                response = client.post("/v1/ask", json={"question": question})
                self.milliseconds.append((time.perf_counter() - started) * 1000)
                self.failures += response.status_code != httpx.codes.OK
                number += 1


class MemoryPeak:
    """The most memory that a process and its descendants had while a block lasted."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.bytes = resident(self._process)

    def __enter__(self) -> "MemoryPeak":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_SAMPLE_S):
            self.bytes = max(self.bytes, resident(self._process))


def resident(process: psutil.Process) -> int:
    """Resident bytes of a process and its descendants; shared pages count for each of them."""
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:
            # It ended meanwhile.
            continue
    return total


def upload(service: AttackedService, name: str, data: bytes, idle_bytes: int) -> UploadReport:
    """Upload a file as a document of its own."""
    with MemoryPeak(service.service.process.pid) as peak:
        started = time.perf_counter()
        response = service.client.post("/v1/documents", files=[("files", (name, data))])
        took_s = time.perf_counter() - started
    refused = response.status_code != httpx.codes.OK
    reason = response.json().get("detail") if refused else None
    return UploadReport(name, response.status_code, reason, took_s, peak.bytes - idle_bytes)


def attack(service: AttackedService, files: Mapping[str, bytes]) -> tuple[list[UploadReport], bool]:
    """Upload all files and print what came of them.

    :return: the reports, and whether the asker was served as promised
    """
    process = psutil.Process(service.service.process.pid)
    # The first upload starts what the service keeps.
    upload(service, "first.txt", b"It rains.", 0)
    with Asker(service.service.url) as usual:
        time.sleep(_USUAL_S)
    idle_bytes = resident(process)
    with Asker(service.service.url) as asker:
        reports = []
        for name, data in files.items():
            report = upload(service, name, data, idle_bytes)
            reports.append(report)
            print(
                f"{name:32} {len(data) / 1000:10,.1f} kB  {report.status} {report.took_s:5.1f} s "
                f"{report.bytes_over / 1e6:6,.0f} MB  {', '.join(report.faults)}  "
                f"{(report.reason or '').removeprefix(f'{name}: ')[:90]}",
                flush=True,
            )
    slowdown = asker.p95 / usual.p95
    print(
        f"questions: p95 {usual.p95:.0f} ms usually, {asker.p95:.0f} ms meanwhile "
        f"({slowdown:.2f} times); {asker.failures} of {len(asker.milliseconds)} failed"
    )
    return reports, slowdown <= MOST_SLOWDOWN and not asker.failures


def main() -> int:
    """Attack, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="further hostile files")
    parser.add_argument("--small", action="store_true", help="only files that are made quickly")
    options = parser.parse_args()
    settings = load_settings()
    print_machine(this_machine(settings.threads))
    folder = sorted(options.folder.iterdir()) if options.folder else []
    # Bodies of other requests may be there too.
    files = {path.name: path.read_bytes() for path in folder if path.suffix != ".json"}
    files |= dict(hostile_files(small=options.small))
    with (
        tempfile.TemporaryDirectory() as temporary,
        attacked_service(Path(temporary), settings) as service,
    ):
        reports, is_served = attack(service, files)
        tracebacks = service.tracebacks()
    for traceback in tracebacks:
        print(traceback)
    broken = sum(bool(report.faults) for report in reports)
    print(f"{len(reports)} files, {broken} over a limit, {len(tracebacks)} tracebacks")
    return int(bool(broken) or not is_served or bool(tracebacks))


if __name__ == "__main__":
    sys.exit(main())
