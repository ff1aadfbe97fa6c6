"""Fuzzes every operation of the HTTP service, and checks each response.

    python -m eval.robustness.fuzz [--requests 100000] [--seed 15] [--described 30000]
        [--minutes M]

Starts ``quoth serve`` over the shipped library. Schemathesis sends about ``--described`` requests,
drawn from the OpenAPI description, in sequences too; the program ``schemathesis`` is needed for
them (``make tools``). The rest are attacks of our own (``attacks.py``). Request i of a seed is
drawn from both numbers. Every thousand requests, the library is mended if an attack has deleted or
changed it, and known questions are asked. A broken promise makes the exit code 1: a status of 5xx
other than 503 with Retry-After, a response that takes more than 5 seconds or does not come, one
that the description does not declare, a traceback in the log, or a known question that is not
answered as before.
"""

import argparse
import itertools
import math
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.table import Table

from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.options import positive
from eval.console import print_wide, stderr, stdout
from eval.robustness.attacked import AttackedService, attacked_service
from eval.robustness.attacks import Attacker, Knowledge
from eval.robustness.contract import Contract
from eval.robustness.described import run_schemathesis
from eval.robustness.wire import RawRequest, RawResponse, exchange
from service.settings import load_settings

_CHECK_EVERY = 1_000
_TIMEOUT_S = 60.0
_PATIENCE_S = 2.0  # with requests that are no HTTP: the server may wait for the rest of them
_SHOWN_BYTES = 700


@dataclass(slots=True)
class FuzzReport:
    """What was sent and what came back.

    :param statuses: number of responses by operation and status; status 0 stands for none
    :param slowest: seconds of the slowest response of each operation
    :param faults: how often something was wrong, by operation and fault
    :param examples: the first request for each of these
    """

    requests: int = 0
    attacks: Counter[str] = field(default_factory=Counter)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    def add_fault(self, operation: str, fault: str, example: str) -> None:
        """Count something that is wrong."""
        self.faults[operation, fault] += 1
        if (operation, fault) not in self.examples:
            self.examples[operation, fault] = example
            stderr.print(f"{operation}: {fault}", markup=False, soft_wrap=True)

    def add_response(self, operation: str, response: RawResponse | None) -> None:
        """Count a response."""
        self.statuses[operation, response.status if response else 0] += 1
        if response:
            self.slowest[operation] = max(self.slowest.get(operation, 0.0), response.seconds)


class Fuzzer:
    """Attacks a service with a number of clients at a time."""

    def __init__(self, attacked: AttackedService, seed: int, clients: int = 1) -> None:
        self._attacked = attacked
        self._seed = seed
        self._clients = clients
        self._contract = Contract(attacked.description())
        self._knowledge = Knowledge(dict(attacked.versions))
        self._lock = threading.Lock()
        self.report = FuzzReport()

    def run(self, requests: int, minutes: float = math.inf) -> None:
        """Send a number of requests, or as many as some minutes allow, and check the known
        questions now and then.
        """
        numbers = iter(range(requests))
        started = time.perf_counter()
        for done in range(0, requests, _CHECK_EVERY):
            part = list(itertools.islice(numbers, _CHECK_EVERY))
            workers = [
                threading.Thread(target=self._send, args=(part[offset :: self._clients],))
                for offset in range(self._clients)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            self._check()
            seconds = time.perf_counter() - started
            rate = (done + len(part)) / seconds
            stderr.print(
                f"{done + len(part)} requests, {rate:.0f} a second, "
                f"{self.report.faults.total()} faults"
            )
            if seconds > 60 * minutes:
                return

    def _send(self, numbers: list[int]) -> None:
        host = "{}:{}".format(*self._attacked.address)
        for number in numbers:
            draws = random.Random(f"{self._seed}/{number}")
            kind, request = Attacker(host, self._knowledge, draws).attack()
            operation = self._contract.operation_of(request)
            faults: list[str]
            timeout_s = _TIMEOUT_S if request.is_wellformed else _PATIENCE_S
            try:
                response = exchange(self._attacked.address, request, timeout_s)
                faults = list(self._faults(request, response))
            except TimeoutError:
                response = None
                faults = [f"no response within {timeout_s:g} s"] if request.is_wellformed else []
            except OSError as exc:
                response, faults = None, [f"no connection: {exc}"]
            with self._lock:
                self.report.requests += 1
                self.report.attacks[kind] += 1
                self.report.add_response(operation, response)
                for fault in faults:
                    self.report.add_fault(operation, fault, _shown(number, kind, request, response))
                if response and response.status < 300:
                    self._knowledge.learn(response.body)

    def _faults(self, request: RawRequest, response: RawResponse | None) -> Iterator[str]:
        if response is not None:
            yield from self._contract.faults(request, response)
        elif request.is_wellformed and request.sent is None and request.read is None:
            yield "the connection was closed without a response"

    def _check(self) -> None:
        if self._attacked.service.process.poll() is not None:
            raise SystemExit(f"the service has ended: {self._attacked.log[-2_000:]}")
        for fault in self._attacked.faults():
            self.report.add_fault("known questions", fault, "")
        self._knowledge.documents.update(self._attacked.versions)


def _shown(number: int, kind: str, request: RawRequest, response: RawResponse | None) -> str:
    sent = request.to_bytes()
    shown = repr(sent[:_SHOWN_BYTES])
    more = f" ... ({len(sent)} bytes)" if len(sent) > _SHOWN_BYTES else ""
    received = repr(response.body[:300]) if response else "nothing"
    return f"request {number}, {kind}: {shown}{more}\n    -> {received}"


def print_fuzz_report(report: FuzzReport) -> None:
    """Print the statuses of each operation, and each fault with its first request."""
    table = Table("operation", "requests", "statuses", "slowest", box=box.MARKDOWN)
    operations = sorted({operation for operation, _ in report.statuses})
    for operation in operations:
        counts = {
            status: count
            for (each, status), count in sorted(report.statuses.items())
            if each == operation
        }
        shown = ", ".join(f"{status or 'none'}: {count}" for status, count in counts.items())
        slowest = f"{report.slowest.get(operation, 0.0):.2f} s"
        table.add_row(operation, str(sum(counts.values())), shown, slowest)
    print_wide(table, width=180)
    for (operation, fault), count in report.faults.most_common():
        stdout.print(f"\n{count} x {operation}: {fault}", markup=False, soft_wrap=True)
        stdout.print(f"    {report.examples[operation, fault]}", markup=False, soft_wrap=True)
    kinds = ", ".join(f"{kind} {count}" for kind, count in report.attacks.most_common())
    stdout.print(f"\nattacks: {kinds}", soft_wrap=True)
    stdout.print(f"requests: {report.requests}, faults: {report.faults.total()}")


def main() -> None:
    """Fuzz and print. The exit code is 1 if there was a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.robustness.fuzz", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--requests", type=positive, default=100_000, help="%(default)s in all")
    parser.add_argument(
        "--described", type=int, default=30_000, help="about %(default)s by schemathesis; 0: none"
    )
    parser.add_argument("--seed", type=int, default=15, help="%(default)s")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after these")
    parser.add_argument("--clients", type=positive, default=2, help="%(default)s at a time")
    given = parser.parse_args()
    settings = load_settings()
    print_machine(this_machine(settings.threads))
    with (
        tempfile.TemporaryDirectory(prefix="quoth-fuzz-") as folder,
        attacked_service(Path(folder), settings) as attacked,
    ):
        fuzzer = Fuzzer(attacked, given.seed, given.clients)
        described = 0
        if given.described:
            described = run_schemathesis(
                attacked, given.described, given.seed, fuzzer.report.add_fault
            )
        fuzzer.run(max(given.requests - described, 1), given.minutes)
        for traceback in attacked.tracebacks():
            last = traceback.rpartition("\n")[2]
            fuzzer.report.add_fault("the log", f"a traceback: {last}", traceback)
    print_fuzz_report(fuzzer.report)
    stdout.print(
        f"seed {given.seed}; by schemathesis: {described}, in all: "
        f"{described + fuzzer.report.requests}; library mended {attacked.resets} times"
    )
    sys.exit(1 if fuzzer.report.faults else 0)


if __name__ == "__main__":
    main()
