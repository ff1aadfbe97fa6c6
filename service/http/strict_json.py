"""JSON as its standard has it: Python's parser accepts more, and some of that breaks what reads it
later.
"""

import json
import math
import sys
from collections.abc import Iterator

_SHOWN = 100  # characters of a name that an error repeats

_Path = tuple[str | int, ...]


class JsonContentError(ValueError):
    """A body can be parsed, but has a value that JSON does not have or that means nothing.

    :param field: the field at fault, as in ``history.0.text``, where it is known
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def parse_json(body: bytes) -> object:
    """The value of a body in JSON.

    Strings may have unpaired surrogates: whoever takes a string refuses them, and names the field.

    :raises json.JSONDecodeError: it is not JSON
    :raises JsonContentError: it is not in UTF-8, has a name twice in one object, a number that is
        not finite or too long, or is nested too deeply
    """
    is_finite = True

    def number(text: str) -> float:
        nonlocal is_finite
        value = float(text)
        is_finite = is_finite and math.isfinite(value)
        return value

    try:
        parsed: object = json.loads(
            _decoded(body), parse_float=number, parse_constant=number, object_pairs_hook=_as_dict
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


def _decoded(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise JsonContentError(f"the body is not UTF-8 at byte {exc.start}") from exc
    if text.startswith("\ufeff"):
        raise JsonContentError("the body begins with a byte order mark, which JSON does not have")
    return text


def _as_dict(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object, whose names have to differ: of two values, readers would take different ones."""
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
