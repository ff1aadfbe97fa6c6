"""Plain text: encodings are detected, binary data is refused, and cleaning keeps every letter."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import DocumentError
from corpus.formats.clean import clean_text
from corpus.formats.text import decode, read_text

FRENCH = "Café à la crème coûte 5 € – “très bon”, dit-il."
JAPANESE = "日本語の文章です。パイプラインは年間三百八十億立方メートルのガスを運ぶ。"
RUSSIAN = "Россия и Китай подписали соглашение о поставках газа на тридцать лет."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_western_text_is_decoded(encoding: str) -> None:
    assert decode("a.txt", FRENCH.encode(encoding)) == FRENCH


def test_big_endian_text_is_read_by_its_byte_order_mark() -> None:
    assert decode("a.txt", b"\xfe\xff" + FRENCH.encode("utf-16-be")) == FRENCH
    assert decode("a.txt", b"\x00\x00\xfe\xff" + FRENCH.encode("utf-32-be")) == FRENCH


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(JAPANESE, "shift_jis"), (JAPANESE, "euc_jp"), (RUSSIAN, "cp1251"), (RUSSIAN, "utf-8")],
)
def test_other_scripts_are_decoded(text: str, encoding: str) -> None:
    assert decode("a.txt", text.encode(encoding)) == text


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_utf8_is_always_decoded_as_utf8(text: str) -> None:
    assert decode("a.txt", text.encode()) == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    "data",
    [
        b"text with a \x00 in it",
        b"\xe9t\xe9 \x00",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"\x01\x02\x03\x04" * 20,
        random.Random(1).randbytes(4_000).replace(b"\x00", b"\x01"),
    ],
)
def test_binary_data_is_not_text(data: bytes) -> None:
    with pytest.raises(DocumentError, match="is not text"):
        read_text("a.txt", data)


@pytest.mark.parametrize(
    "data", [b"\xff\xfeabc", b"\xef\xbb\xbfa\xff", b"\xff\xfe\x00\x00\xff\xff\xff\xff"]
)
def test_text_that_contradicts_its_byte_order_mark_is_damaged(data: bytes) -> None:
    with pytest.raises(DocumentError, match="is damaged: it is marked as"):
        read_text("a.txt", data)


def test_a_plain_text_states_nothing_about_itself() -> None:
    extracted = read_text("a.txt", b"First line\r\n\r\n\r\n\r\nSecond  \r\n")
    assert (extracted.text, extracted.title, extracted.pages) == ("First line\n\nSecond", None, ())


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("\ufeffa\u200bb\u00adc", "abc"),
        ("38\u00a0billion\u202fm\u2009tons", "38 billion m tons"),
        ("a\x07b\x85c\x9fd", "ab\ncd"),
        ("a \t\n\n\n\n\nb", "a\n\nb"),
        ("\n \n  indented", "  indented"),
        ("tab\tstays", "tab\tstays"),
        ("a\x0cb\u2028c", "a\nb\nc"),
    ],
)
def test_cleaning_removes_invisible_characters(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@pytest.mark.parametrize(
    "text",
    ["38 m³ and CO₂ ½ ﬁ Å", "👩\u200d🔬 \U0001f1e8\U0001f1f3", "\u200fשלום\u200e", "e\u0301"],
)
def test_cleaning_keeps_letters_marks_and_directions_as_they_are(text: str) -> None:
    assert clean_text(text) == text


ANY_TEXT = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from(" \t\r\n\v\f\x85\u00a0\u00ad\ufeff\u2028")
)


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(ANY_TEXT)
def test_cleaning_adds_no_characters(text: str) -> None:
    assert len(clean_text(text)) <= len(text)
    assert set(clean_text(text)) <= set(text) | {"\n", " "}


@given(ANY_TEXT)
def test_cleaning_keeps_every_letter_and_digit_in_order(text: str) -> None:
    assert [letter for letter in clean_text(text) if letter.isalnum()] == [
        letter for letter in text if letter.isalnum()
    ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    ["The café is open, and the quay is lit.\nFerries moor.", "Паром уходит каждый час."],
)
def test_wide_text_without_a_byte_order_mark_is_read(text: str, encoding: str) -> None:
    assert read_text("a.txt", text.encode(encoding)).text == text


def test_zeros_in_something_else_than_wide_text_are_refused() -> None:
    program = b"\x7fELF\x02\x01\x01\x00" + b"\x00" * 200 + b"abc \n" * 10
    for data in (program, bytes(range(256)) * 20, b"GIF89a\x00\x01\x00 " * 30):
        with pytest.raises(DocumentError, match="is not text"):
            read_text("a.txt", data)


def test_turkish_in_its_own_encoding_is_read() -> None:
    text = "İstanbul'daki şirketin müdürü Şükrü Çağlayan toplantının bittiğini söyledi."
    assert read_text("a.txt", text.encode("cp1254")).text == text
    short = "Toplantı notları\n\nBahçe kapısı açılır. İzin şefi Ayşe Şen'dir, ğ harfi vardır."
    assert read_text("a.txt", short.encode("cp1254")).text == short


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Starý most stojí. Žádost se podává výboru, členové platí v březnu.", "cp1250"),
        ("Það er ýmislegt að. Við þurfum að mála húsið og þvo það.", "cp1252"),
    ],
)
def test_letters_of_other_languages_are_not_taken_for_turkish(text: str, encoding: str) -> None:
    assert read_text("a.txt", text.encode(encoding)).text == text
