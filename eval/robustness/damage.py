"""Damages the files of a data folder in thousands of ways, and checks that no answer is wrong.

    python -m eval.robustness.damage [--cases 2000] [--seed 15]

Each case copies a data folder, damages one of its files (a bit, a page, a length, a truncation, two
pages swapped, garbage at the end, an empty file, no file), and opens the copy three times: to read,
to write, and to rebuild. Folders of three kinds are damaged: one that was closed, one whose writer
was killed, so that its journal is left, and one whose vectors are compressed. Every answer, with
its citations, and every document must be as in the sound folder, or be refused with a StoreError.
Anything else makes the exit code 1: another answer, an exception of another kind, a process that
crashes, or one that does not end within a minute. A journal that is cut off takes the folder back
to an earlier state, which is counted and must be whole.

No models are needed: words are counted, and numbers are read (``stand_ins.py``).
"""

import argparse
import json
import logging
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from corpus.document import make_document
from corpus.errors import QuothError
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.options import positive
from eval.console import print_wide, stderr, stdout
from eval.robustness.stand_ins import CountingEncoder, NumberReader
from index.renewal import rebuild
from index.search.embedded import vectors
from service.answering.service import AnswerService
from service.question import make_question

_PAGE = 4_096
_TIMEOUT_S = 60.0
_DOCUMENTS = 12
_QUESTIONS = tuple(f"How many tons did town {number} send by river?" for number in (3, 7, 11))

State = dict[str, Any]  # JSON
"""What a folder answers and holds: answers by question, texts by document, stored answers by id."""


@dataclass(frozen=True, slots=True)
class DamageCase:
    """One damaged file.

    :param kind: the kind of folder
    :param file: the file, relative to the folder
    :param damage: what is done to it, one of :data:`DAMAGES` or :data:`REMOVED`
    """

    number: int
    kind: str
    file: str
    damage: str

    def __str__(self) -> str:
        """The case in a line."""
        return f"case {self.number}: {self.kind} folder, {self.file}, {self.damage}"


@dataclass(slots=True)
class DamageReport:
    """What came of the cases.

    :param results: how often each way of opening ended in each way
    :param faults: what must not happen, a line each
    :param slowest_s: the longest case
    """

    cases: Counter[str] = field(default_factory=Counter)
    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


# -- what is done to a file


def _flip_bit(content: bytearray, draws: random.Random) -> None:
    if content:
        content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)


def _zero_page(content: bytearray, draws: random.Random) -> None:
    size = min(_PAGE, max(1, len(content) // 4))
    start = draws.randrange(max(1, len(content) // size)) * size
    content[start : start + size] = bytes(len(content[start : start + size]))


def _change_length(content: bytearray, draws: random.Random) -> None:
    width = draws.choice([1, 2, 4, 8])
    start = draws.randrange(max(1, len(content) - width + 1))
    value = draws.choice([0, 1, 255, draws.getrandbits(8 * width)])
    new = (value % 256**width).to_bytes(width, draws.choice(["big", "little"]))
    content[start : start + width] = new[: len(content[start : start + width])]


def _truncate(content: bytearray, draws: random.Random) -> None:
    del content[draws.randrange(len(content) + 1) :]


def _swap_pages(content: bytearray, draws: random.Random) -> None:
    size = min(_PAGE, max(1, len(content) // 4))
    pages = max(1, len(content) // size)
    one, other = draws.randrange(pages) * size, draws.randrange(pages) * size
    first, second = bytes(content[one : one + size]), bytes(content[other : other + size])
    if len(first) == len(second):
        content[one : one + size], content[other : other + size] = second, first


def _append(content: bytearray, draws: random.Random) -> None:
    content += draws.randbytes(draws.choice([1, 100, _PAGE]))


def _empty(content: bytearray, _draws: random.Random) -> None:
    content.clear()


DAMAGES: Mapping[str, Callable[[bytearray, random.Random], None]] = {
    "a bit": _flip_bit,
    "a page of zeros": _zero_page,
    "a length": _change_length,
    "cut off": _truncate,
    "two pages swapped": _swap_pages,
    "garbage at the end": _append,
    "empty": _empty,
}
REMOVED = "removed"


def damage_file(path: Path, damage: str, draws: random.Random) -> None:
    """Damage a file in one of the ways of :data:`DAMAGES`, or remove it."""
    if damage == REMOVED:
        path.unlink()
        return
    content = bytearray(path.read_bytes())
    DAMAGES[damage](content, draws)
    path.write_bytes(content)


# -- the folders


def make_folders(base: Path) -> dict[str, Path]:
    """A data folder of each kind, by its name."""
    folders = {kind: base / kind for kind in ("closed", "killed", "compressed")}
    with _service(folders["closed"], writable=True) as service:
        _fill(service)
    with _service(base / "open", writable=True) as service:
        _fill(service)
        shutil.copytree(base / "open", folders["killed"])  # A kill leaves the journal, too.
    with _service(folders["compressed"], writable=True) as service:
        _fill(service)
    before, vectors.EXACT_UP_TO = vectors.EXACT_UP_TO, 10
    try:
        rebuild(folders["compressed"], CountingEncoder())
    finally:
        vectors.EXACT_UP_TO = before
    return folders


class ExpectedStates:
    """What a folder may answer: the last state, or if its journal is cut off, an earlier one."""

    def __init__(self, base: Path) -> None:
        """Fill a folder step by step, and remember the state after each."""
        self._states: dict[str, State] = {}
        with _service(base / "history", writable=True) as service:
            for step in _steps(service):
                step()
                self._remember(service)
            self._last = self._remember(service)

    def _remember(self, service: AnswerService) -> str:
        state = state_of(service)
        key = json.dumps(state["texts"], sort_keys=True)
        self._states[key] = state
        return key

    def judge(self, state: State) -> str:
        """How a state compares with those of sound folders. A fault begins with ``WRONG``."""
        key = json.dumps(state["texts"], sort_keys=True)
        expected = self._states.get(key)
        if expected is None:
            return f"WRONG: documents that never were, {len(state['texts'])} of them"
        if state["answers"] != expected["answers"]:
            return "WRONG: another answer"
        return "as before" if key == self._last else "an earlier state"


def state_of(service: AnswerService) -> State:
    """What a service answers and holds.

    :raises QuothError: it refuses, because something is damaged
    """
    store = service.collection.store
    documents = [store.document(summary.id) for summary in store.all_documents()]
    texts = {each.id: (each.version, each.text, each.title, *each.tags) for each in documents}
    answers: dict[str, object] = {}
    for question in _QUESTIONS:
        record = service.ask(make_question(question, min_confidence=0)).record
        for passage in record.passages:
            # Scores depend on how often the indexes were merged, and with them which passages rank
            # lowest. What a passage says does not.
            if passage.text != texts[passage.document_id][1][passage.start : passage.end]:
                answers[f"{question}, passage {passage.rank}"] = passage.text
        answers[question] = [
            None if record.answer is None else record.answer.text,
            [citation.model_dump(mode="json") for citation in record.citations],
        ]
    return {"texts": texts, "answers": answers}


def _service(folder: Path, *, writable: bool) -> AnswerService:
    return AnswerService(folder, CountingEncoder(), NumberReader(), writable=writable)


def _fill(service: AnswerService) -> None:
    for step in _steps(service):
        step()
    for question in _QUESTIONS:
        service.ask(make_question(question, min_confidence=0))


def _steps(service: AnswerService) -> Iterator[Callable[[], object]]:
    collection, draws = service.collection, random.Random(1)
    yield lambda: None
    for number in range(_DOCUMENTS):
        lines = [f"Town {number} sent {draws.randrange(100, 999)} tons of grain by river."]
        lines += [f"In week {week} it sent {draws.randrange(99)} by road." for week in range(40)]
        made = make_document(
            " ".join(lines), document_id=f"town-{number}", tags=["river"], title=f"T{number}"
        )
        yield lambda made=made: collection.put([made])  # type: ignore[misc]  # bound now
        if number == _DOCUMENTS // 2:
            yield lambda: collection.remove(["town-1"])


# -- one case, in a process of its own


def _run_case(
    case: DamageCase,
    folders: Mapping[str, Path],
    expected: ExpectedStates,
    scratch: Path,
    seed: int,
) -> dict[str, str]:
    """How each way of opening the damaged folder ended, by its name."""
    return {
        way: _outcome(case, folders, expected, scratch, seed, way)
        for way in ("read", "write", "rebuild")
    }


def _outcome(
    case: DamageCase,
    folders: Mapping[str, Path],
    expected: ExpectedStates,
    scratch: Path,
    seed: int,
    way: str,
) -> str:
    # Each has a name of its own: tantivy watches a folder even after it was closed.
    folder = Path(shutil.copytree(folders[case.kind], scratch / f"{case.number}-{way}"))
    damage_file(folder / case.file, case.damage, random.Random(f"{seed} {case.number}"))
    try:
        if way == "rebuild":
            rebuild(folder, CountingEncoder())
        with _service(folder, writable=way == "write") as service:
            verdict = expected.judge(state_of(service))
            faults = service.collection.verify()
    except QuothError as exc:
        return "refused" if len(str(exc)) > 20 else f"WRONG: no way out is named: {exc}"
    except BaseException:
        return f"WRONG: {traceback.format_exc()}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if way == "rebuild" and faults:
        return f"WRONG: rebuilt, but not sound: {faults[0]}"
    return verdict if verdict.startswith("WRONG") or not faults else f"{verdict}, verify tells"


def _work(
    pipe: Connection,
    folders: Mapping[str, Path],
    expected: ExpectedStates,
    scratch: Path,
    seed: int,
) -> None:
    logging.disable()
    while True:
        pipe.send(_run_case(pipe.recv(), folders, expected, scratch, seed))


class DamageRun:
    """Runs cases in a process that is started again when a case ends it."""

    def __init__(self, base: Path, seed: int) -> None:
        self._base, self._seed = base, seed
        self._folders = make_folders(base)
        self._expected = ExpectedStates(base)
        self._context = multiprocessing.get_context("spawn")

    def cases(self, count: int) -> list[DamageCase]:
        """Cases over every file, folder and damage, drawn evenly."""
        draws = random.Random(self._seed)
        files = [
            (kind, path.relative_to(folder).as_posix())
            for kind, folder in self._folders.items()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        # Most of what matters is in the database, which is one file among twenty.
        files += [each for each in files if each[1].startswith("quoth.db")] * 7
        damages = [*DAMAGES, "a bit", "a bit", "a length", REMOVED]
        return [
            DamageCase(number, *draws.choice(files), draws.choice(damages))
            for number in range(count)
        ]

    def run(self, cases: Sequence[DamageCase], report: DamageReport) -> None:
        """Run the cases and add what came of them to the report."""
        left = list(reversed(cases))
        while left:
            pipe, other = self._context.Pipe()
            work = (other, self._folders, self._expected, self._base / "scratch", self._seed)
            process = self._context.Process(target=_work, args=work, daemon=True)
            process.start()
            other.close()
            try:
                while left:
                    self._run_one(left.pop(), pipe, report)
            except (EOFError, TimeoutError, ConnectionError):
                pass  # It is in the report, and the next case gets a new process.
            process.kill()
            process.join()

    def _run_one(self, case: DamageCase, pipe: Connection, report: DamageReport) -> None:
        started = time.monotonic()
        report.cases[case.damage] += 1
        pipe.send(case)
        try:
            if not pipe.poll(_TIMEOUT_S):
                raise TimeoutError
            results = pipe.recv()
        except (EOFError, TimeoutError) as exc:
            how = "it hangs" if isinstance(exc, TimeoutError) else "the process crashed"
            report.faults.append(f"{case}: {how}")
            raise
        report.slowest_s = max(report.slowest_s, time.monotonic() - started)
        for way, result in results.items():
            wrong = result.startswith("WRONG")
            report.results[way, "WRONG" if wrong else result] += 1
            if wrong:
                report.faults.append(f"{case}, {way}: {result}")


def main() -> None:
    """Parse the arguments, run the cases, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=positive, default=2_000)
    parser.add_argument("--seed", type=int, default=15)
    arguments = parser.parse_args()
    print_machine(this_machine(1))
    report = DamageReport()
    with tempfile.TemporaryDirectory() as base:
        run = DamageRun(Path(base), arguments.seed)
        run.run(run.cases(arguments.cases), report)
    _print_report(report)
    sys.exit(1 if report.faults else 0)


def _print_report(report: DamageReport) -> None:
    counts = ", ".join(f"{count} x {damage}" for damage, count in report.cases.most_common())
    stdout.print(
        f"{report.cases.total()} cases ({counts}); the longest took {report.slowest_s:.1f} s"
    )
    ways = ("read", "write", "rebuild")
    table = Table("opened to", *ways, box=box.SIMPLE)
    for result in sorted({result for _, result in report.results}):
        table.add_row(result, *(str(report.results[way, result]) for way in ways))
    print_wide(table)
    for line in report.faults:
        stderr.print(line, markup=False)
    stdout.print(f"{len(report.faults)} faults")


if __name__ == "__main__":
    main()
