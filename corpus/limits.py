"""Limits: what reading one file may cost, and the reasons that are given when it costs more.

Every reason names the setting that raises the limit.
"""

from dataclasses import dataclass

from corpus.errors import DocumentError

MAX_PAGES = 50_000
"""The greatest number of pages with text in one document."""

_FULL_TIME_BYTES = 10_000_000
_LEAST_SECONDS = 4.0
# Ordinary files hold at most about ten times as much text as they have bytes.
_EXPANSION = 20
_SMALL_TEXT_BYTES = 500_000


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What reading one file may cost.

    :param file_bytes: the size of the file
    :param text_bytes: the size of the text in it, in UTF-8
    :param memory_bytes: memory that the parser takes, beyond what it has before it begins
    :param seconds: processor time for a file of 10 MB or more
    :param program_seconds: how long the programs may take that read a file, by the clock
    :param ocr_languages: of the text in pictures, as tesseract names them
    :param follow_links: whether links that lead out of a folder are followed
    """

    file_bytes: int = 50_000_000
    text_bytes: int = 20_000_000
    memory_bytes: int = 600_000_000
    seconds: float = 60.0
    follow_links: bool = False
    program_seconds: float = 120.0
    ocr_languages: str = "eng"

    def seconds_for(self, size: int) -> float:
        """The processor time for a file of ``size`` bytes.

        Files that are made to cost much time are small, and ordinary small files cost little.
        """
        return min(self.seconds, max(_LEAST_SECONDS, self.seconds * size / _FULL_TIME_BYTES))

    def wall_seconds_for(self, size: int) -> float:
        """How long to wait for a file of ``size`` bytes on a busy machine, in seconds."""
        return 10.0 + 3 * self.seconds_for(size)

    def check_text(self, source: str, text: str, size: int | None = None) -> None:
        """Refuse a text that is too long.

        :param size: the bytes of the file that it was extracted from, None if it came by itself
        :raises DocumentError: it has more bytes than a text may have, or far more than its file
        """
        # A text has at least as many bytes as characters, so a huge one need not be encoded.
        length = len(text)
        if length <= self.text_bytes:
            length = len(text.encode("utf-8", "surrogatepass"))
        if length > self.text_bytes:
            raise DocumentError(source, self.text_reason())
        if size is not None and length > max(_SMALL_TEXT_BYTES, _EXPANSION * size):
            raise DocumentError(
                source,
                f"holds {length / 1e6:.1f} MB of text, more than {_EXPANSION} times the size of "
                "the file; save it in another format if it is genuine",
            )

    def text_reason(self) -> str:
        """The reason for refusing a text that is too long."""
        return (
            f"has more than {self.text_bytes / 1e6:g} MB of text; divide it, or raise "
            "QUOTH_MAX_TEXT_MB"
        )

    def memory_reason(self) -> str:
        """The reason for refusing a file that needs too much memory."""
        return (
            f"needs more than {self.memory_bytes // 1_000_000} MB of memory to read; divide it, or "
            "raise QUOTH_PARSE_MEMORY_MB"
        )

    def time_reason(self, size: int) -> str:
        """The reason for refusing a file of ``size`` bytes that takes too much processor time."""
        return (
            f"takes more than {self.seconds_for(size):g} s of processor time to read; divide it, "
            "or raise QUOTH_PARSE_SECONDS"
        )

    def wait_reason(self, size: int) -> str:
        """The reason for refusing a file of ``size`` bytes that takes too long by the clock."""
        return (
            f"takes longer than {self.wall_seconds_for(size):g} s to read; try again, or raise "
            "QUOTH_PARSE_SECONDS"
        )


DEFAULT_LIMITS = ParseLimits()
