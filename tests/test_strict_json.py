"""JSON bodies: what Python's parser takes beyond the standard is refused with its reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.strict_json import JsonContentError, parse_json

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Surrogates too: json.dumps writes them as escapes.
    | st.text(st.characters()),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
)


@given(JSON_VALUES)
def test_json_is_parsed_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b'{"top_k": NaN}', "top_k is not a finite number", "top_k"),
        (b'{"a": [0, {"b": -Infinity}]}', "a.1.b is not a finite number", "a.1.b"),
        (b'{"a": 1e999, "b": 1e5}', "a is not a finite number", "a"),
        (b"Infinity", "the body is not a finite number", None),
        (b'{"a": 1, "b": 2, "a": 1}', "the field 'a' is there twice", None),
        (b'[{"x": {"\\u0061": 1, "a": 2}}]', "the field 'a' is there twice", None),
        (b'{"a": ' + b"1" * 5_000 + b"}", "a number has more than 4300 digits", None),
        (b"[" * 100_000, "the body is nested too deeply", None),
        (b'{"a":' * 100_000, "the body is nested too deeply", None),
        ('{"a": "é"}'.encode("latin-1"), "the body is not UTF-8 at byte 7", None),
        *(
            ('{"a": 1}'.encode(f"utf-{kind}"), "the body is not UTF-8", None)
            for kind in ("16", "16-le", "16-be", "32", "32-le", "32-be")
        ),
        ('{"a": 1}'.encode("utf-8-sig"), "the body begins with a byte order mark", None),
        (b'"\xed\xa0\x80"', "the body is not UTF-8 at byte 1", None),
    ],
    ids=lambda part: str(part)[:24],
)
def test_what_json_does_not_have_is_refused(body: bytes, reason: str, field: str | None) -> None:
    with pytest.raises(JsonContentError) as refused:
        parse_json(body)
    assert str(refused.value).startswith(reason)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{'a': 1}", b'{"a": 1,}', b"nan", b"1 2", b"     \x00"]
)
def test_what_is_not_json_at_all_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        parse_json(body)
