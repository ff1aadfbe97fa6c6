"""Data (json, jsonl): objects as lines of names and values under headings, lists of objects as
tables.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import LINE, Fragment, TableCell
from corpus.formats.text import decode, read_text

REVISION = 1
"""Raised when other text is extracted from data, so that synced files are read again."""

_MAX_DEPTH = 20
"""Values that are nested more deeply are kept as JSON on one line."""

_MAX_COLUMNS = 50
_SHARED_COLUMNS = 0.5
_TITLES = ("title", "name", "subject")
_Value = Any  # what JSON holds; numbers are kept as they are written, so they are strings


def read_json(source: str, data: bytes) -> Extracted:
    """The values in a JSON file. A file that is not valid JSON is kept as plain text.

    :raises DocumentError: the bytes are not text
    """
    text = decode(source, data)
    try:
        value = _loaded(text)
    except (ValueError, RecursionError) as exc:
        records = list(_records(text))
        # Several values, one a line, are often found under this suffix too.
        if len(records) > 1 and all(is_valid for _, is_valid in records):
            return _of_records(source, records)
        plain = read_text(source, data)
        return replace(plain, notes=(f"It is not valid JSON ({_fault(exc)}) and kept as text.",))
    written = fragment.joined(_written(value, "", 0))
    title = _title(value) or PurePath(source).stem
    return Extracted(text=written.text, blocks=written.blocks, title=title)


def read_jsonl(source: str, data: bytes) -> Extracted:
    """The values in a file of JSON lines: a table if they are alike, else one after another.

    :raises DocumentError: the bytes are not text
    """
    return _of_records(source, list(_records(decode(source, data))))


def _of_records(source: str, records: Sequence[tuple[_Value, bool]]) -> Extracted:
    values = [value for value, is_valid in records if is_valid]
    faulty = [fragment.paragraph(line) for line, is_valid in records if not is_valid]
    written = fragment.joined([*_written(values, "", 0), *faulty])
    notes = (f"{len(faulty)} of {len(records)} lines are not valid JSON and kept as text.",)
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=PurePath(source).stem,
        notes=notes if faulty else (),
    )


def _records(text: str) -> Iterator[tuple[_Value, bool]]:
    """The value of each line that is not blank, or the line itself if it is not valid JSON."""
    for line in text.split("\n"):
        if line.strip():
            try:
                yield _loaded(line), True
            except (ValueError, RecursionError):
                yield line.strip(), False


def _loaded(text: str) -> _Value:
    # Numbers as text: 1.10 stays 1.10, and a number of a million digits costs nothing.
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)


def _fault(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"line {exc.lineno}: {exc.msg}"
    return "it is nested too deeply"


def _written(value: _Value, path: str, depth: int) -> Iterator[Fragment]:
    """The fragments of a value.

    :param path: the names that lead to it, with dots between them
    """
    if depth >= _MAX_DEPTH:
        yield _field(path, _compact(value))
    elif isinstance(value, Mapping):
        yield from _object(value, path, depth)
    elif isinstance(value, list):
        yield from _list(value, path, depth)
    else:
        yield _field(path, _scalar(value))


def _object(value: Mapping[str, _Value], path: str, depth: int) -> Iterator[Fragment]:
    """The simple values of an object, then a heading for each of the others."""
    simple = [(name, each) for name, each in value.items() if _is_simple(each)]
    yield fragment.joined([_field(name, _scalar(each)) for name, each in simple], LINE)
    for name, each in value.items():
        if not _is_simple(each):
            inner = f"{path}.{name}" if path else name
            content = list(filter(None, _written(each, inner, depth + 1)))
            if content:
                yield fragment.heading(inner, depth + 1)
                yield from content


def _list(values: list[_Value], path: str, depth: int) -> Iterator[Fragment]:
    columns = _columns(values)
    if columns:
        yield fragment.table(_rows(values, columns))
        return
    if all(map(_is_simple, values)):
        items = (fragment.block(BlockKind.LIST_ITEM, _scalar(each), 1) for each in values)
        yield fragment.joined([fragment.marked("- ", fragment.indented(i)) for i in items], LINE)
        return
    for number, each in enumerate(values, 1):
        content = list(filter(None, _written(each, f"{path} {number}".strip(), depth + 1)))
        if content and not _is_simple(each):
            yield fragment.heading(f"{path or 'Record'} {number}", depth + 1)
        yield from content


def _columns(values: list[_Value]) -> list[str]:
    """The names that the objects of a list share, if it is a table; else none."""
    objects = [each for each in values if isinstance(each, Mapping) and each]
    if len(objects) < 2 or len(objects) < len(values):
        return []
    columns: dict[str, int] = {}
    for each in objects:
        for name, inner in each.items():
            if not _is_cell(inner):
                return []
            columns[name] = columns.get(name, 0) + 1
        if len(columns) > _MAX_COLUMNS:
            return []
    is_alike = sum(columns.values()) >= _SHARED_COLUMNS * len(columns) * len(objects)
    return list(columns) if is_alike and len(columns) > 1 else []


def _rows(values: Iterable[Mapping[str, _Value]], columns: list[str]) -> Iterator[list[TableCell]]:
    yield [TableCell(name, is_head=True) for name in columns]
    for each in values:
        yield [TableCell(_cell(each.get(name))) for name in columns]


def _field(name: str, text: str) -> Fragment:
    if "\n" in text and name:
        # A text of several lines is a paragraph of its own under its name.
        return fragment.joined(
            [
                fragment.block(BlockKind.FIELD, f"{name}:"),
                *map(fragment.paragraph, text.split("\n\n")),
            ],
            LINE,
        )
    return fragment.block(BlockKind.FIELD, f"{name}: {text}" if name and text else text)


def _is_simple(value: _Value) -> bool:
    return not isinstance(value, Mapping | list)


def _is_cell(value: _Value) -> bool:
    """Whether a value fits into the cell of a table."""
    if isinstance(value, list):
        return len(value) <= _MAX_COLUMNS and all(map(_is_simple, value))
    return _is_simple(value)


def _cell(value: _Value) -> str:
    return "; ".join(map(_scalar, value)) if isinstance(value, list) else _scalar(value)


def _scalar(value: _Value) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else clean_text(str(value)).strip()


def _compact(value: _Value) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"


def _title(value: _Value) -> str | None:
    if not isinstance(value, Mapping):
        return None
    stated = (value.get(name) for name in _TITLES)
    return next((one_line(each)[:200] for each in stated if isinstance(each, str) and each), None)
