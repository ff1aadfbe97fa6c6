"""Mutations of JSON and of bytes, drawn at random."""

import copy
import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

Json = Any  # what json gives; mutations change its types at will

_MOST_SLOTS = 500

_LITERAL = re.compile(r'"@@(.*?)@@"')


def raw_json(text: str) -> str:
    """A string that :func:`to_json` writes as these characters, which need not be JSON."""
    return f"@@{text}@@"


def to_json(body: Json) -> bytes:
    """JSON, with its literals as they are."""
    text = json.dumps(body, ensure_ascii=True)
    return _LITERAL.sub(lambda match: json.loads(f'"{match[1]}"'), text).encode(
        "utf-8", "surrogatepass"
    )


def _long_string(draws: random.Random) -> str:
    unit = draws.choice(["a", " ", "-", "\u0301", "[^", "\U0001f600", "a ", "\n", "1", "'", "\t"])
    return unit * draws.choice([100, 100, 1_001, 10_001, 10_001, 50_000])


def _size(draws: random.Random) -> int:
    """The number of items of a list: seldom large, because large ones take long to make."""
    return draws.choice([10] * 8 + [51, 101, 1_001] * 2 + [20_000])


EXTREMES: tuple[Callable[[random.Random], Json], ...] = (
    lambda _: None,
    lambda _: True,
    lambda _: "",
    lambda _: " ",
    lambda _: [],
    lambda _: {},
    lambda draws: draws.choice([0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**64), 10**400]),
    lambda draws: draws.choice([0.0, -0.0, 1e-320, 1e308, 0.1, -1.5, 50.0]),
    lambda draws: raw_json(draws.choice(["NaN", "-Infinity", "1e999", "0x10", "01", "1.", "+1"])),
    lambda draws: raw_json("9" * draws.choice([400, 5_000])),
    lambda draws: raw_json("[" * draws.choice([50, 900, 20_000])),
    lambda draws: raw_json("[" * (depth := draws.choice([50, 900, 5_000])) + "]" * depth),
    lambda draws: raw_json('{"a":' * (depth := draws.choice([50, 900])) + "1" + "}" * depth),
    lambda _: raw_json('{"question":1,"question":"twice"}'),
    lambda draws: draws.choice(["\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufeff", "\u202e"]),
    lambda draws: draws.choice(
        ["../../etc/passwd", "%00", "'; DROP TABLE x;--", "${7*7}", "{{1}}"]
    ),
    lambda draws: draws.choice(["<script>alert(1)</script>", "javascript:alert(1)", "data:,x"]),
    lambda draws: draws.choice(["2025-13-01", "0000-00-00", "9999-12-31", "2025-11-07T00:00:00Z"]),
    lambda draws: draws.choice(["AND OR NOT", 'title:"', "a~9999", "*", "(((", "\\", "-", "^^^"]),
    _long_string,
    lambda draws: [_long_string(draws)[:1_000]] * draws.choice([1, 100]),
    lambda draws: list(range(_size(draws))),
    lambda draws: [str(number) for number in range(_size(draws))],
    lambda draws: {str(number): number for number in range(_size(draws))},
    lambda draws: "".join(
        chr(draws.randrange(0x20, 0xD7FF)) for _ in range(draws.choice([5, 500]))
    ),
)
"""Each makes a value that a field may not expect."""


def extreme(draws: random.Random) -> Json:
    """A value that a field may not expect."""
    return draws.choice(EXTREMES)(draws)


def mutated(body: Json, draws: random.Random) -> Json:
    """A copy of a JSON value with one to three changes."""
    changed = copy.deepcopy(body)
    for _ in range(draws.choice([1, 1, 1, 2, 3])):
        slots = list(itertools.islice(_slots(changed), _MOST_SLOTS))
        if not slots:
            return extreme(draws)
        container, key = draws.choice(slots)
        _change(container, key, draws)
    return changed


def mutated_bytes(content: bytes, draws: random.Random) -> bytes:
    """A copy of some bytes with a part changed, repeated, moved or cut off."""
    if not content:
        return draws.randbytes(draws.choice([1, 16, 300]))
    start = draws.randrange(len(content))
    end = min(len(content), start + draws.choice([1, 1, 2, 8, 100]))
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: content[:start] + draws.randbytes(end - start) + content[end:],
        lambda: content[:start] + content[end:],
        lambda: content[:end] + content[start:end] * draws.choice([1, 50]) + content[end:],
        lambda: content[:start],
        lambda: content + draws.choice([b"\x00", b"{}", b" " * 9_999, b"\xff\xfe"]),
        lambda: content.decode("utf-8", "replace").encode("utf-16"),
        lambda: b"\xef\xbb\xbf" + content,
    )
    return draws.choice(changes)()


def _slots(body: Json) -> Iterator[tuple[Json, Json]]:
    """Every container in a value, with each of its keys."""
    if isinstance(body, dict):
        for key, item in body.items():
            yield body, key
            yield from _slots(item)
    elif isinstance(body, list):
        for number, item in enumerate(body):
            yield body, number
            yield from _slots(item)


def _change(container: Json, key: Json, draws: random.Random) -> None:
    change = draws.randrange(8)
    if change == 0:
        del container[key]
    elif change == 1 and isinstance(container, dict):
        container[draws.choice(["x", "", "__proto__", "id", "text", "\ud800", "a" * 5_000])] = 1
    elif change == 2 and isinstance(container, list):
        is_small = not isinstance(container[key], dict | list) and len(str(container[key])) < 100
        container.extend([container[key]] * draws.choice([1, 30, 2_000 if is_small else 60]))
    elif change == 3:
        container[key] = [container[key]]
    elif change == 4 and isinstance(container[key], str):
        text = mutated_bytes(container[key].encode("utf-8", "replace"), draws)
        container[key] = text.decode("utf-8", "replace")
    else:
        container[key] = extreme(draws)
