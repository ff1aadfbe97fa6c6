"""Request bodies: what is refused before it is parsed."""

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from index.collection import Collection
from service.answering.verification import QuoteStatus, verify
from service.http.completion_message import answer_in
from service.http.schemas import AskRequest, DocumentsRequest, VerifyRequest
from service.http.strict_json import MAX_DEPTH, JsonContentError, _shape, parse_json

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def depth(value: object) -> int:
    """How deeply arrays and objects are nested."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max(map(depth, inner), default=0) + isinstance(value, list | dict)


def places(value: object) -> int:
    """The number of arrays and objects, and of commas between what they hold."""
    if not isinstance(value, list | dict):
        return 0
    inner = list(value.values() if isinstance(value, dict) else value)
    return 1 + max(0, len(inner) - 1) + sum(map(places, inner))


@given(JSON_VALUES, st.booleans())
def test_values_and_depth_are_counted_without_parsing(value: object, is_ascii: bool) -> None:
    body = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert _shape(body) == (places(value), depth(value))


@pytest.mark.parametrize("filler", ["\\" * 2_000_000, '"' * 1_500_000, "[" * 1_500_000])
def test_strings_hide_no_values_behind_block_borders(filler: str) -> None:
    body = json.dumps([filler, [[], []], "\\"]).encode()
    assert _shape(body) == (7, 3)  # four arrays with three commas between values


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[" + b"1," * 200 + b"1]", "more than 100 values"),
        (b"[" * (MAX_DEPTH + 1), "64 levels"),
        (json.dumps([1]).encode("utf-16"), "UTF-8"),
        (json.dumps([1]).encode("utf-16-le"), "UTF-8"),
        (json.dumps([1]).encode("utf-32-be"), "UTF-8"),
    ],
)
def test_json_is_refused_with_the_limit(body: bytes, detail: str) -> None:
    with pytest.raises(JsonContentError, match=detail):
        parse_json(body, 100)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda many: (AskRequest, {"question": "?", "filters": {"tags": ["a"] * many}}),
        lambda many: (AskRequest, {"question": "?", "filters": {"tags": [[]] * many}}),
        lambda many: (AskRequest, {"question": "?", "filters": {"document_ids": [0] * many}}),
        lambda many: (AskRequest, {"question": "?", "history": [{}] * many}),
        lambda many: (AskRequest, {f"field {number}": 0 for number in range(many)}),
        lambda many: (DocumentsRequest, {"documents": [{"text": "x", "tags": [0] * many}]}),
        lambda many: (DocumentsRequest, {"documents": [{}] * many}),
        lambda many: (VerifyRequest, {f"field {number}": 0 for number in range(many)}),
    ],
)
def test_a_list_is_refused_as_quickly_however_long_it_is(
    request_of: Callable[[int], tuple[type[BaseModel], dict[str, object]]],
) -> None:
    def seconds(many: int) -> float:
        model, value = request_of(many)
        started = time.perf_counter()
        with pytest.raises(ValidationError) as refused:
            model.model_validate(value)
        took = time.perf_counter() - started
        assert refused.value.error_count() < 10
        return took

    assert min(seconds(300_000) for _ in range(3)) < 0.05


def test_a_thousand_values_of_a_filter_are_allowed() -> None:
    tags = [f"tag {number}" for number in range(1_000)]
    AskRequest.model_validate({"question": "?", "filters": {"tags": tags}}).to_question()
    with pytest.raises(ValueError, match="1000 items"):
        AskRequest.model_validate({"question": "?", "filters": {"tags": [*tags, "one more"]}})


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        ("**38 bcm** [1][2]\n1. “It carries 38 bcm.” — [Gas](u)\n2. [Gas](v)", "38 bcm"),
        ("38 bcm [1]\n\n 1. [Gas](u)", "38 bcm"),
        ("**A \\[b\\] \\*c\\*** [12]  \n1. x", "A [b] *c*"),
        ("see [1] and [2]\n1. x", "see [1] and"),
        ("[1] [2]\n1. x", "[1]"),
        ("a []\n1. x", "a []\n1. x"),
        ("a [1]\n2. x", "a [1]\n2. x"),
        ("a [1]", "a [1]"),
        ("", ""),
    ],
)
def test_the_quote_of_a_message_is_recognised(content: str, answer: str) -> None:
    assert answer_in(content) == answer


@pytest.mark.parametrize("unit", ["[1]", " [1]", "**[", "[", "\n", " \n1. ", "a[1]\n 1. "])
def test_messages_are_read_in_linear_time(unit: str) -> None:
    started = time.perf_counter()
    answer_in("a" + unit * (1_000_000 // len(unit)) + "x")
    assert time.perf_counter() - started < 2


def test_a_moved_quote_is_found_at_its_nearest_place(
    open_collection: Callable[[], Collection], make: Callable[..., object]
) -> None:
    collection = open_collection()
    text = "ab..ab.....ab ababa"
    collection.put([make("a", text)])  # type: ignore[list-item]  # the fixture makes documents
    for quote in ("ab", "aba", "b..a"):
        at = [place for place in range(len(text)) if text.startswith(quote, place)]
        for start in range(len(text) + 3):
            check = verify(collection.store, "a", start, start + len(quote), quote)
            nearest = min(at, key=lambda place: (abs(place - start), place))
            assert check.start == nearest, (quote, start)
            assert check.status is (QuoteStatus.FOUND if start in at else QuoteStatus.MOVED)


@pytest.mark.parametrize("middle", ["", "x"])
def test_a_quote_of_dashes_is_checked_in_linear_time(
    open_collection: Callable[[], Collection], make: Callable[..., object], middle: str
) -> None:
    collection = open_collection()
    collection.put([make("dashes", "-" * 500_000)])  # type: ignore[list-item]  # as above
    quote = "-" * 50_000 + middle + "-" * 50_000
    started = time.perf_counter()
    for start in (0, 250_001, 499_999):
        verify(collection.store, "dashes", start, start + 7, quote)
    assert time.perf_counter() - started < 3
