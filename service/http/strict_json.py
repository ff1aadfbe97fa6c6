"""Strict JSON. Python's parser accepts more than the standard, and some of it breaks the code that
reads the values later.
"""

import json
import math
import sys
from collections.abc import Iterator

import numpy as np

MAX_DEPTH = 64
"""How deeply arrays and objects may be nested."""

MAX_JSON_VALUES = 100_000
"""The most values in a body that uploads nothing."""

_SHOWN = 100  # characters of a name that an error repeats
_BLOCK = 1 << 20
_QUOTE, _COMMA = ord('"'), ord(",")
_OPENING, _CLOSING = ord("["), ord("]")
_CASE = 0x20  # the bit by which "{" differs from "[", and "}" from "]"

_Path = tuple[str | int, ...]


class JsonContentError(ValueError):
    """A body that Python could parse, but that is not valid JSON, is ambiguous or is too large.

    :param field: the field at fault, as in ``history.0.text``, where it is known
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def parse_json(body: bytes, max_values: int = MAX_JSON_VALUES) -> object:
    """The value of a body in JSON.

    Strings may have unpaired surrogates: whoever takes a string refuses them, and names the field.

    :raises json.JSONDecodeError: it is not JSON
    :raises JsonContentError: it is not in UTF-8, has a name twice in one object, a number that is
        not finite or too long, too many values, or is nested too deeply
    """
    text = _decoded(body)
    _check_counts(body, max_values)
    is_finite = True

    def number(text: str) -> float:
        nonlocal is_finite
        value = float(text)
        is_finite = is_finite and math.isfinite(value)
        return value

    try:
        parsed: object = json.loads(
            text, parse_float=number, parse_constant=number, object_pairs_hook=_as_dict
        )
    except RecursionError as exc:
        raise JsonContentError("the body is nested too deeply") from exc
    except (json.JSONDecodeError, JsonContentError):
        raise
    except ValueError as exc:
        limit = sys.get_int_max_str_digits()
        raise JsonContentError(f"a number has more than {limit} digits") from exc
    if not is_finite:
        field = next((".".join(map(str, path)) for path in _not_finite(parsed)), "")
        raise JsonContentError(f"{field or 'the body'} is not a finite number", field or None)
    return parsed


def _check_counts(body: bytes, max_values: int) -> None:
    values, depth = _shape(body)
    if values > max_values:
        raise JsonContentError(f"the body has more than {max_values} values; send less at a time")
    if depth > MAX_DEPTH:
        raise JsonContentError(f"the body is nested too deeply: more than {MAX_DEPTH} levels")


def _shape(body: bytes) -> tuple[int, int]:
    """About the number of values in JSON (at least half of it), and its depth.

    It takes linear time, mostly without the interpreter's lock, whatever the bytes are.
    """
    values = depth = level = start = 0
    is_inside = False
    while start < len(body):
        end = min(start + _BLOCK, len(body))
        # A block does not end within an escape sequence.
        while end < len(body) and body[end - 1] == ord("\\"):
            following = body[end : end + _BLOCK]
            end += min(len(following), len(following) - len(following.lstrip(b"\\")) + 1)
        block = body[start:end].replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
        codes = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(codes == _QUOTE)
        folded = codes & ~np.uint8(_CASE)
        marks = np.flatnonzero((folded == _OPENING) | (folded == _CLOSING) | (codes == _COMMA))
        # A mark is outside of strings if an even number of quotes stands before it.
        before = np.searchsorted(quotes, marks) + is_inside
        outside = marks[before % 2 == 0]
        opening, closing = folded[outside] == _OPENING, folded[outside] == _CLOSING
        levels = np.cumsum(opening.astype(np.int64) - closing)
        values += len(outside) - int(closing.sum())
        if len(levels):
            depth = max(depth, level + int(levels.max()))
            level += int(levels[-1])
        is_inside ^= len(quotes) % 2 == 1
        start = end
    return values, depth


def _decoded(body: bytes) -> str:
    if b"\0" in body[:4]:
        # Python's parser takes this for UTF-16 or UTF-32, and would read what nobody has counted.
        raise JsonContentError("the body is not UTF-8")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise JsonContentError(f"the body is not UTF-8 at byte {exc.start}") from exc
    if text.startswith("\ufeff"):
        raise JsonContentError("the body begins with a byte order mark, which JSON does not have")
    return text


def _as_dict(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object. Its names have to differ, because readers disagree about which of two values
    counts.
    """
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonContentError(f"the field {name[:_SHOWN]!r} is there twice")
            seen.add(name)
    return values


def _not_finite(value: object) -> Iterator[_Path]:
    """The paths of the numbers that are not finite."""
    waiting: list[tuple[_Path, object]] = [((), value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((((*path, name), each) for name, each in value.items()))
        elif isinstance(value, list):
            waiting.extend((((*path, index), each) for index, each in enumerate(value)))
        elif isinstance(value, float) and not math.isfinite(value):
            yield path
