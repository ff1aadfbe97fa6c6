"""Plain text: detects the encoding, and refuses binary data."""

import codecs
import re

from corpus.errors import DocumentError
from corpus.formats.clean import clean_text
from corpus.formats.extracted import Extracted
from corpus.text_blocks import text_blocks

REVISION = 2
"""Raised when other text is extracted from plain text, so that synced files are read again."""

_BOMS = (
    # The UTF-32 little-endian mark begins with the UTF-16 one, so it must be tried first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
# East Asian text has its bytes beyond ASCII close together, but single umlauts and accents stand
# apart from each other.
_NEAR_BYTES = re.compile(rb"[\x80-\xff].?[\x80-\xff]", re.DOTALL)
_TURKISH = "ğıİşŞ".encode("cp1254")
_SHARED = "çÇöÖüÜâîû".encode("cp1254")
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\v\x1b")
_CONTROLS_ALLOWED = 1 / 50
_SAMPLE = 65_536
_MAX_UNICODE_BLOCKS = 4


def read_text(source: str, data: bytes) -> Extracted:
    """The text of a plain text file. Its first line will be its title.

    :raises DocumentError: the bytes are not text
    """
    text = clean_text(decode(source, data))
    return Extracted(text=text, blocks=text_blocks(text, has_headings=False))


def decode(source: str, data: bytes) -> str:
    """The text that the bytes encode: as the byte order mark says, else UTF-8 if they are valid
    UTF-8, else the most likely encoding.

    :raises DocumentError: the bytes are not text
    """
    text = _decode_marked(source, data)
    if text is None:
        text = _decode_unmarked(source, data)
    if _is_binary(text):
        raise DocumentError(source, "is not text")
    return text


def marked_encoding(data: bytes) -> str | None:
    """The encoding named by a byte order mark at the start, None without one."""
    return next((encoding for bom, encoding in _BOMS if data.startswith(bom)), None)


def _decode_marked(source: str, data: bytes) -> str | None:
    encoding = marked_encoding(data)
    if encoding is None:
        return None
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise DocumentError(
            source,
            f"is damaged: it is marked as {exc.encoding}, but byte {exc.start} is not valid",
        ) from exc


def _decode_unmarked(source: str, data: bytes) -> str:
    if b"\x00" in data:
        encoding = _wide_encoding(data[:_SAMPLE])
        if encoding is None:
            raise DocumentError(source, "is not text")
        return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_most_likely(source, data)


def _wide_encoding(sample: bytes) -> str | None:
    """The encoding of text with two or four bytes for each character and no byte order mark. None
    if it is not clear: spaces and line ends, which every text has, show where the zeros stand.
    """
    for encoding, width in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        try:
            text = sample[: len(sample) // width * width].decode(encoding)
        except UnicodeDecodeError:
            continue
        spaces = sum(character in " \n" for character in text)
        letters = sum(character.isalpha() for character in text)
        # An alphabet has its letters in few blocks of Unicode; other data is all over it.
        blocks = len({ord(character) >> 8 for character in text})
        is_text = "\x00" not in text and 0 < len(text) <= min(spaces * 50, letters * 2)
        if is_text and blocks <= _MAX_UNICODE_BLOCKS:
            return encoding
    return None


def _decode_most_likely(source: str, data: bytes) -> str:
    encoding = _most_likely(data[:_SAMPLE]) or _most_likely(data)
    if encoding is None:
        raise DocumentError(source, "is not text in any known encoding")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise DocumentError(
            source, f"is damaged or not text: it is valid {encoding} only up to byte {exc.start}"
        ) from exc


def _most_likely(data: bytes) -> str | None:
    """The encoding that fits best. If cp1252 fits equally well, it wins, because it is the most
    common one.
    """
    from charset_normalizer import from_bytes

    if _is_turkish(data):
        return "cp1254"
    matches = from_bytes(data)
    best = matches.best()
    if best is None:
        return None
    if best.multi_byte_usage and _NEAR_BYTES.search(data) is None:
        return _WESTERN
    equally_good = [
        match.encoding
        for match in matches
        if (match.chaos, match.coherence) == (best.chaos, best.coherence)
    ]
    is_western = _WESTERN in [*equally_good, *best.could_be_from_charset]
    return _WESTERN if is_western else best.encoding


def _is_turkish(data: bytes) -> bool:
    """Whether the text is in cp1254 and Turkish, which has ı most often, some of ğ, İ, ş and Ş, and
    few letters besides that are not ASCII. In other languages, these bytes are other letters:
    Icelandic has ð and þ much more often than ý.
    """
    sample = data[:_SAMPLE]
    dotless = sample.count("ı".encode("cp1254"))
    turkish = sum(map(sample.count, _TURKISH))
    others = sum(byte >= 0xC0 for byte in sample) - turkish - sum(map(sample.count, _SHARED))
    return dotless < turkish <= 4 * dotless and turkish > 3 * others


def _is_binary(text: str) -> bool:
    sample = text[:_SAMPLE]
    return (
        "\x00" in text
        or sum(character in _CONTROLS for character in sample) > len(sample) * _CONTROLS_ALLOWED
    )
