"""Plain text: detects the encoding, and refuses binary data."""

import codecs

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
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\v\x1b")
_CONTROLS_ALLOWED = 1 / 50
_SAMPLE = 65_536


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
        raise DocumentError(source, "is not text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_most_likely(source, data)


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

    matches = from_bytes(data)
    best = matches.best()
    if best is None:
        return None
    equally_good = [
        match.encoding
        for match in matches
        if (match.chaos, match.coherence) == (best.chaos, best.coherence)
    ]
    return _WESTERN if _WESTERN in [*equally_good, *best.could_be_from_charset] else best.encoding


def _is_binary(text: str) -> bool:
    sample = text[:_SAMPLE]
    return (
        "\x00" in text
        or sum(character in _CONTROLS for character in sample) > len(sample) * _CONTROLS_ALLOWED
    )
