"""Fails the nth write, fsync, opening or allocation of a change, for all n, and checks the folder.

    python -m eval.robustness.faults [--every 1]

SQLite tests itself in this way. A process adds, replaces or deletes a document, or renews the index
for another encoder, and its nth call of a kind fails, once or from then on. Writes, fsyncs and
openings are intercepted below Python, by a small library that is compiled with ``cc`` and loaded
before all others: SQLite, tantivy and Python all meet the failures. (FAISS writes through the C
library's buffers, which are not intercepted; the seal of its files is.) Python's own allocations
fail through ``_testcapi``, every hundredth of them.

After each case, the folder is opened without faults. What was acknowledged must be there, what was
not must be there whole or not at all, all other documents must be as before, and
``Collection.verify`` must find nothing. After a failed call, the process must end with a StoreError
or succeed. Anything else makes the exit code 1.
"""

import argparse
import ctypes
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from rich import box
from rich.table import Table

from corpus.document import Document, make_document
from corpus.errors import QuothError, StoreError
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.options import positive
from eval.console import print_wide, stderr, stdout
from eval.robustness.stand_ins import CountingEncoder
from index.collection import Collection
from index.renewal import rebuild
from service.answering.storage import APPLICATION_DATA

CHANGES = ("add", "replace", "delete", "renew")
CALLS = ("write", "fsync", "open", "memory")

_ALLOCATIONS_AT_ONCE = 100
_ACKNOWLEDGED, _REFUSED, _BROKEN = 0, 3, 4

_LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Faults begin when the process sets FAULT_ARMED, so that it can load its libraries first. */
static volatile long count;
static int fails(const char *kind) {
    static __thread int inside;
    const char *wanted, *n, *lasting;
    long number;
    int result = 0;
    if (inside) return 0;
    inside = 1;
    if (getenv("FAULT_ARMED") && (wanted = getenv("FAULT_CALL")) && !strcmp(wanted, kind)) {
        n = getenv("FAULT_N");
        lasting = getenv("FAULT_LASTING");
        number = __sync_add_and_fetch(&count, 1);
        result = number == atol(n) || (lasting && number > atol(n));
    }
    inside = 0;
    return result;
}
long fault_count(void) { return count; }

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))
static int in_folder(int fd) {
    char link[64], path[4096];
    const char *folder = getenv("FAULT_FOLDER");
    ssize_t length;
    if (!folder) return 0;
    strcpy(link, "/proc/self/fd/");
    { char digits[16]; int i = 15, n = fd; digits[i] = 0;
      do { digits[--i] = '0' + n % 10; n /= 10; } while (n && i);
      strcat(link, digits + i); }
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return !strncmp(path, folder, strlen(folder));
}
ssize_t write(int fd, const void *data, size_t size) {
    if (in_folder(fd) && fails("write")) { errno = ENOSPC; return -1; }
    return REAL(write)(fd, data, size);
}
ssize_t writev(int fd, const struct iovec *parts, int number) {
    if (in_folder(fd) && fails("write")) { errno = ENOSPC; return -1; }
    return REAL(writev)(fd, parts, number);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    if (in_folder(fd) && fails("write")) { errno = ENOSPC; return -1; }
    return REAL(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    if (in_folder(fd) && fails("write")) { errno = ENOSPC; return -1; }
    return REAL(pwrite64)(fd, data, size, at);
}
int fsync(int fd) {
    if (in_folder(fd) && fails("fsync")) { errno = EIO; return -1; }
    return REAL(fsync)(fd);
}
int fdatasync(int fd) {
    if (in_folder(fd) && fails("fsync")) { errno = EIO; return -1; }
    return REAL(fdatasync)(fd);
}
#define OPENING(name) \
int name(const char *path, int flags, ...) { \
    mode_t mode = 0; va_list rest; const char *folder = getenv("FAULT_FOLDER"); \
    va_start(rest, flags); \
    if (flags & (O_CREAT | O_TMPFILE)) mode = va_arg(rest, mode_t); \
    va_end(rest); \
    if (folder && !strncmp(path, folder, strlen(folder)) && fails("open")) { \
        errno = EMFILE; return -1; \
    } \
    return REAL(name)(path, flags, mode); \
}
OPENING(open)
OPENING(open64)
"""


@dataclass(slots=True)
class FaultReport:
    """What came of the cases.

    :param cases: the number of cases by change, kind of call, and how the process ended
    :param faults: what must not happen, a line each
    """

    cases: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def _documents() -> dict[str, Document]:
    return {
        name: make_document(f"Town {name} sent {number} tons. " * 40, document_id=name)
        for number, name in enumerate("abc")
    }


_NEW = {
    "add": make_document("Town new sent 77 tons. " * 40, document_id="new"),
    "replace": make_document("Town a sent 88 tons. " * 40, document_id="a"),
}


def _open(folder: Path, name: str = "stand-in", *, writable: bool = False) -> Collection:
    encoder = CountingEncoder(name)
    return Collection(folder, encoder, writable=writable, application=APPLICATION_DATA)


def _carry_out(folder: Path, change: str) -> None:
    if change == "renew":
        rebuild(folder, CountingEncoder("other"))
        return
    with _open(folder, writable=True) as collection:
        if change == "delete":
            collection.remove(["a"])
        else:
            collection.put([_NEW[change]])


def _serve_cases() -> None:
    """Carry out the cases that come as lines of JSON, each in a process forked from this one."""
    logging.disable()
    library = ctypes.CDLL(None)
    testing = import_module("_testcapi")  # CPython's own tests use it, and it has no types.
    for line in sys.stdin:
        case = json.loads(line)
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            os.environ |= {key: str(value) for key, value in case["environment"].items()}
            code = _ACKNOWLEDGED
            try:
                if case["call"] == "memory":
                    first = int(case["environment"]["FAULT_N"])
                    testing.set_nomemory(first, first + 1)
                _carry_out(Path(case["folder"]), case["change"])
            except StoreError:
                code = _REFUSED
            except BaseException as exc:
                code = _BROKEN
                os.write(sending, f"{exc!r} ".encode()[:300])
            os.environ.pop("FAULT_ARMED", None)
            os.write(sending, f"|{library.fault_count()}".encode())
            os._exit(code)
        os.close(sending)
        _, status = os.waitpid(child, 0)
        with os.fdopen(receiving) as pipe:
            message, _, count = pipe.read().partition("|")
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps([code, message, int(count or 0)]), flush=True)


class FaultRun:
    """Runs cases in a process that has the library of faults loaded."""

    def __init__(self, base: Path) -> None:
        """Make the folder that is changed, compile the library, and start the process.

        :raises OSError: there is no C compiler
        """
        self._base, self._sound = base, base / "sound"
        with _open(self._sound, writable=True) as collection:
            for document in _documents().values():
                collection.put([document])
        (base / "faults.c").write_text(_LIBRARY)
        library = base / "faults.so"
        build = ["cc", "-shared", "-fPIC", "-o", str(library), str(base / "faults.c"), "-ldl"]
        subprocess.run(build, check=True, capture_output=True)
        self._helper = subprocess.Popen(
            [sys.executable, "-m", "eval.robustness.faults", "--helper"],
            env={**os.environ, "LD_PRELOAD": str(library)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self) -> None:
        """End the process."""
        self._helper.kill()
        self._helper.communicate()

    def run(self, change: str, call: str, every: int, report: FaultReport) -> None:
        """Fail the nth call for n = 1, 1 + every, ... until none fails, once and lastingly."""
        for lasting in (False, True):
            if call == "memory" and lasting:
                continue
            step = every * (_ALLOCATIONS_AT_ONCE if call == "memory" else 1)
            number = 1
            while self._run_case(change, call, number, lasting, report):
                number += step

    def _run_case(
        self, change: str, call: str, number: int, lasting: bool, report: FaultReport
    ) -> bool:
        """Run one case. Returns whether a call can have failed."""
        folder = Path(
            shutil.copytree(self._sound, self._base / f"{change}-{call}-{number}-{lasting}")
        )
        environment = {
            "FAULT_ARMED": 1,
            "FAULT_CALL": call,
            "FAULT_N": number,
            "FAULT_FOLDER": folder,
        }
        if lasting:
            environment["FAULT_LASTING"] = 1
        texts = {name: str(value) for name, value in environment.items()}
        case = {"folder": str(folder), "change": change, "call": call, "environment": texts}
        if self._helper.stdin is None or self._helper.stdout is None:
            raise ValueError("the process has no pipes")
        print(json.dumps(case), file=self._helper.stdin, flush=True)
        code, message, count = json.loads(self._helper.stdout.readline())
        ended = {_ACKNOWLEDGED: "done", _REFUSED: "refused"}.get(code, "ended")
        report.cases[change, call, ended] += 1
        name = f"{change}, {call} {number}{' and later' if lasting else ''}"
        # Without memory, Python may end in any way; the folder must be sound all the same.
        if ended == "ended" and call != "memory":
            report.faults.append(f"{name}: exit code {code}, {message}")
        report.faults += [f"{name}, {ended}: {line}" for line in _faults(folder, change, ended)]
        shutil.rmtree(folder)
        if call == "memory":
            return code != _ACKNOWLEDGED or number < 10 * _ALLOCATIONS_AT_ONCE
        return bool(count >= number)


def _faults(folder: Path, change: str, ended: str) -> Iterator[str]:
    """A line for everything that is wrong with a folder after a case."""
    try:
        collection = _open_either(folder)
    except QuothError as exc:
        yield f"it cannot be opened: {exc}"
        return
    with closing(collection):
        yield from collection.verify()
        held = {each.id: collection.store.document(each.id).text for each in collection.documents()}
    before = {name: document.text for name, document in _documents().items()}
    after = dict(before)
    if change == "delete":
        del after["a"]
    elif change in _NEW:
        after[_NEW[change].id] = _NEW[change].text
    if held != after and (ended == "done" or held != before):
        yield f"it holds {sorted(held)}"


def _open_either(folder: Path) -> Collection:
    try:
        return _open(folder, writable=True)
    except StoreError as exc:
        if "built with other settings" not in str(exc):
            raise
    return _open(folder, "other", writable=True)


def main() -> None:
    """Parse the arguments, run all cases, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=positive, default=1, help="fail every so-many calls only")
    parser.add_argument("--helper", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.helper:
        _serve_cases()
        return
    print_machine(this_machine(1))
    report = FaultReport()
    with tempfile.TemporaryDirectory() as base, closing(FaultRun(Path(base))) as run:
        for change in CHANGES:
            for call in CALLS:
                run.run(change, call, arguments.every, report)
    _print_report(report)
    sys.exit(1 if report.faults else 0)


def _print_report(report: FaultReport) -> None:
    ends = ("done", "refused", "ended")
    table = Table("change", "call", *ends, box=box.SIMPLE)
    for change in CHANGES:
        for call in CALLS:
            table.add_row(change, call, *(str(report.cases[change, call, end]) for end in ends))
    print_wide(table)
    for line in report.faults:
        stderr.print(line, markup=False)
    stdout.print(f"{report.cases.total()} cases, {len(report.faults)} faults")


if __name__ == "__main__":
    main()
