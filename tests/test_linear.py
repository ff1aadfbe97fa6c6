"""Time grows with the length of a text, and not with its square: every regular expression of the
packages, and the functions that read whole texts, on texts that are made to cost much.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from re import _parser as sre_parser  # type: ignore[attr-defined]  # for what a pattern consists of
from types import ModuleType
from typing import Any

import pytest

from corpus.errors import DocumentError
from corpus.formats.clean import clean_text
from corpus.limits import ParseLimits
from corpus.load import parse_document
from index.text.chunk import ChunkSettings, chunk_document
from index.text.sections import sections
from index.text.sentences import sentences

ROOT = Path(__file__).parent.parent
PACKAGES = ("corpus", "index", "service")

CHARACTERS = 2_000
"""A pattern that takes the square of this long steps is a hundred times over ``FLOOR_S``."""

FLOOR_S = 0.004
"""Shorter times are mostly noise."""

STEEPEST = 8.0
"""Four times the text takes four times the time if it is linear, and 16 times if quadratic."""

_QUESTION = "a question or a turn of it, of bounded length"
_PASSAGE = "a passage of at most 160 tokens, or a span of one"
BOUNDED = {
    "corpus.formats.grid._VALUE": "a cell of at most 40 characters",
    "corpus.formats.number._BESIDE_SIGNS": "a number format of at most 255 characters",
    "corpus.formats.number._FRACTION": "a number format of at most 255 characters",
    "corpus.formats.number._PART": "a number format of at most 255 characters",
    "corpus.formats.number._SECTION": "a number format of at most 255 characters",
    "corpus.formats.pdf.paragraphs._LAST_LETTERS": "the last 80 characters of a line",
    "corpus.formats.pdf.running._NUMBER_AT_END": "the last 30 characters of a line",
    "service.answering.examples._SHAPES": "tried only at the start of a sentence of an extract",
    "service.answering.small_talk._CLOSING": "the last 80 characters of a question",
    "service.followups.phrases._TOKEN": _QUESTION,
    "service.followups.referents._PAIR": _QUESTION,
    "service.followups.resolver._MARKS": _QUESTION,
    "service.reader.asks._NAME": _PASSAGE,
    "service.reader.asks._TYPES": _PASSAGE,
    "service.reader.edges._EXTENT": _PASSAGE,
    "service.reader.edges._DOTTED": _PASSAGE,
}
"""Patterns that only short texts meet, with the reason."""


@cache
def all_modules() -> list[ModuleType]:
    """Every module of the packages."""
    return [
        importlib.import_module(found.name)
        for package in PACKAGES
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
        if not found.name.endswith("__main__")
    ]


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:  # Any: of text or bytes
    """The patterns in a constant, however deep."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for entry in (*value, *value.values()):
            yield from patterns_in(entry)
    elif isinstance(value, list | tuple | set | frozenset):
        for entry in value:
            yield from patterns_in(entry)


def all_patterns() -> dict[str, tuple[re.Pattern[Any], str]]:
    """Every pattern by its name, with the method that it is used by: ``match`` if it is never
    searched for.
    """
    found: dict[str, tuple[re.Pattern[Any], str]] = {}
    for module in all_modules():
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        for name, value in vars(module).items():
            for number, pattern in enumerate(patterns_in(value)):
                # What was imported is tested where it is from.
                if not re.search(rf"^{re.escape(name)}\b.*=", source, re.MULTILINE):
                    continue
                used = set(re.findall(rf"\b{re.escape(name)}\.(\w+)", source))
                method = "match" if used and used <= {"match", "fullmatch"} else "search"
                found[f"{module.__name__}.{name}.{number}".removesuffix(".0")] = (pattern, method)
    return found


def literals(tree: Any) -> Iterator[str]:  # Any: the tree has no types
    """The characters that a pattern names, in order; a separator where they are not adjacent."""
    for operator, argument in tree:
        if str(operator) in ("LITERAL", "NOT_LITERAL"):
            yield chr(argument)
            continue
        yield ""
        if str(operator) == "RANGE":
            yield chr(argument[0])
        elif isinstance(argument, sre_parser.SubPattern):
            yield from literals(argument)
        elif isinstance(argument, tuple | list):
            for part in argument:
                if isinstance(part, sre_parser.SubPattern):
                    yield from literals(part)
                elif isinstance(part, list):
                    for branch in part:
                        if isinstance(branch, sre_parser.SubPattern):
                            yield from literals(branch)
                        elif isinstance(branch, tuple):
                            yield from literals([branch])
                elif isinstance(part, tuple) and len(part) == 2:
                    yield from literals([part])
        yield ""


def attacks(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Texts of about ``CHARACTERS`` that make backtracking costly."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    parts = list(literals(sre_parser.parse(source, pattern.flags & ~re.DEBUG)))
    words = [word for word in "\x00".join(parts).replace("\x00\x00", " ").split(" ") if word]
    words = [word.replace("\x00", "") for word in words]
    named = list(dict.fromkeys(part for part in parts if part))[:40]
    units = [*" \t\na", "1", "a ", "a.", "1,", "A ", " \n", *named, *words]
    units += [one + other for one, other in pairwise(named)]
    units += [word + filler for word in words[:8] for filler in " a1"]
    for unit in dict.fromkeys(filter(None, units)):
        repeated = unit * (CHARACTERS // len(unit))
        for tail in ("", "\x01", "a", " "):
            yield repeated + tail
    for word in words[:8]:
        for filler in " \ta1\n":
            yield word + filler * CHARACTERS


def seconds(run: Callable[[str], object], text: str, repeats: int = 1) -> float:
    """The shortest time of several runs."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run(text)
        times.append(time.process_time() - start)
    return min(times)


def steepness(run: Callable[[str], object], text: str) -> float:
    """How many times as long the text takes as its last quarter; 0 if it takes next to no time."""
    if seconds(run, text) < FLOOR_S:
        return 0.0
    quarter = text[-(len(text) // 4) :]
    return seconds(run, text, 3) / max(seconds(run, quarter, 3), FLOOR_S / 20)


def certain_steepness(run: Callable[[str], object], text: str) -> float:
    """The same, measured again where it is high, since other work may have slowed the first."""
    measured = steepness(run, text)
    for _ in range(4):
        if measured > STEEPEST:
            measured = min(measured, steepness(run, text))
    return measured


def runs(pattern: re.Pattern[Any], method: str) -> Callable[[str], object]:
    """Finds all matches of a pattern, or tries the one at the start."""
    is_bytes = isinstance(pattern.pattern, bytes)

    def run(text: str) -> object:
        data: Any = text.encode("utf-8", "replace") if is_bytes else text
        if method == "match":
            return pattern.match(data), pattern.fullmatch(data)
        return sum(1 for _ in pattern.finditer(data))

    return run


def test_every_pattern_takes_time_in_proportion_to_the_text() -> None:
    patterns = all_patterns()
    assert len(patterns) > 100
    steep = {}
    for name, (pattern, method) in patterns.items():
        if re.sub(r"\.\d+$", "", name) in BOUNDED:
            continue
        run = runs(pattern, method)
        worst = max((certain_steepness(run, text), text[:12]) for text in attacks(pattern))
        if worst[0] > STEEPEST:
            steep[name] = worst
    assert steep == {}
    assert set(BOUNDED) <= {re.sub(r"\.\d+$", "", name) for name in patterns}


@pytest.mark.parametrize(
    "pattern", [r"[ \t]+$", r"\s*\[x\]", r"!\[(.*)\]\((\w*)\.jpg\)", r"\[\^[^\]\s]+\](?!:)"]
)
def test_a_quadratic_pattern_would_be_found(pattern: str) -> None:
    run = runs(re.compile(pattern, re.MULTILINE), "search")
    assert max(certain_steepness(run, text) for text in attacks(re.compile(pattern))) > STEEPEST


def test_no_pattern_hides_in_a_function() -> None:
    """Only constants of modules are tested above."""
    hidden = []
    for module in all_modules():
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            hidden += [
                f"{module.__name__}:{call.lineno}"
                for call in ast.walk(function)
                if isinstance(call, ast.Call)
                and ast.unparse(call.func).startswith("re.")
                and call.args
                and isinstance(call.args[0], ast.Constant)
            ]
    assert hidden == []


MARKDOWN = ["> ", "[", "![", "[a](", "*", "**a ", "`", "<a ", "[^", "<div>", "- "]


@pytest.mark.parametrize("unit", [" ", "\n", "a", "a ", "a. ", "。", ". A", "# a\n"])
def test_a_text_is_cleaned_and_cut_in_proportion_to_its_length(unit: str) -> None:
    def words(texts: Any) -> list[list[tuple[int, int]]]:  # Any: a sequence of texts
        return [[match.span() for match in re.finditer(r"\S{1,5}", text)] for text in texts]

    def run(text: str) -> object:
        cleaned = clean_text(text + "x")
        document = parse_document("a.txt", cleaned.encode())
        return (
            list(sections(document)),
            sentences(cleaned),
            chunk_document(document, words, ChunkSettings()),
        )

    assert certain_steepness(run, unit * (100_000 // len(unit))) < STEEPEST


@pytest.mark.parametrize("unit", MARKDOWN)
def test_markdown_is_read_in_proportion_to_its_length(unit: str) -> None:
    limits = ParseLimits(file_bytes=10_000_000)

    def run(text: str) -> object:
        # What is left open may swallow all text.
        with suppress(DocumentError):
            return parse_document("a.md", (text + "\n\nx").encode(), limits=limits)
        return None

    assert certain_steepness(run, unit * (10_000 // len(unit))) < STEEPEST
