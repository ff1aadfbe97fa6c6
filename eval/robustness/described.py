"""Schemathesis, run as a program: requests drawn from the OpenAPI description of a service."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from eval.console import stderr
from eval.robustness.attacked import AttackedService
from eval.robustness.contract import LONGEST_S

_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
_EXAMPLES = 100


def run_schemathesis(
    attacked: AttackedService,
    requests: int,
    seed: int,
    add_fault: Callable[[str, str, str], None],
) -> int:
    """Send at least a number of requests, in rounds with seeds of their own.

    :param add_fault: takes the operation, the fault, and what the program says about it
    :return: how many were sent
    :raises SystemExit: there is no such program, or it could not run
    """
    sent, rounds = 0, 0
    while sent < requests:
        # What the description prescribes is the same in every round: it is tried in the first.
        phases = "fuzzing,stateful" if rounds else "examples,coverage,fuzzing,stateful"
        sent += _round(attacked, phases, seed + rounds, requests, add_fault)
        rounds += 1
        stderr.print(f"schemathesis: {sent} requests in {rounds} rounds")
        for fault in attacked.faults():
            add_fault("known questions", fault, "after schemathesis")
    return sent


def _round(
    attacked: AttackedService,
    phases: str,
    seed: int,
    requests: int,
    add_fault: Callable[[str, str, str], None],
) -> int:
    with tempfile.TemporaryDirectory(prefix="quoth-schemathesis-") as folder:
        report = Path(folder) / "report.json"
        command = [
            *(_program(), "run", f"{attacked.service.url}/openapi.json"),
            *("--phases", phases, "--checks", _CHECKS, "--seed", str(seed)),
            *("--max-examples", str(min(_EXAMPLES, max(1, requests // 200)))),
            *("--max-response-time", f"{LONGEST_S:g}", "--suppress-health-check", "all"),
            *("--continue-on-failure", "--no-shrink", "--no-color", "--warnings", "off"),
            *("--report", "json", "--report-json-path", str(report)),
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if not report.is_file():
            raise SystemExit(f"schemathesis: {done.stdout[-1_000:]}{done.stderr[-1_000:]}")
        results = json.loads(report.read_text(encoding="utf-8"))
    for failure in results["failures"]:
        for operation in failure["operations"]:
            add_fault(operation, f"schemathesis: {failure['title']}", done.stdout)
    for error in results["errors"]:
        add_fault("schemathesis", "error", str(error))
    return int(results["test_cases"]["generated"])


def _program() -> str:
    beside = Path(sys.prefix) / "tools" / "bin" / "schemathesis"
    program = str(beside) if beside.is_file() else shutil.which("schemathesis")
    if program is None:
        raise SystemExit(
            "the program schemathesis is missing: run make tools, or pass --described 0"
        )
    return program
