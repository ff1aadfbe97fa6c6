"""Answers as messages in Markdown, and back: how chat completions show them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.answering import wording
from service.answering.citation import Citation
from service.answering.reason import Reason
from service.answering.record import AnswerRecord, Passage

MAX_NEAREST = 3
"""Passages that a message without an answer names."""

_NO_ANSWERS = (wording.NO_ANSWER, wording.UNSURE)
"""How messages begin that give no answer."""

_MARKDOWN = re.compile(r"([\\`*\[\]<])")
_ESCAPED = re.compile(r"\\([\\`*\[\]<])")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class MarkdownMessage:
    """A message in Markdown.

    :param annotations: its sources, as OpenAI's ``url_citation``; offsets count characters of
        ``content``
    """

    content: str
    annotations: list[dict[str, Any]]


class _Writer:
    """Writes a message, and notes the offsets of its sources."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._content = ""
        self._annotations: list[dict[str, Any]] = []

    def write(self, text: str) -> None:
        """Add text as it is."""
        self._content += text

    def source(self, number: int, citation: Citation) -> None:
        """Add a source: its sentence, unless that is the quote, then its title, file, date and
        page.
        """
        self.write(f"\n{number}. ")
        start, url = len(self._content), self._base_url + citation.link
        if citation.sentence.text != citation.quote:
            self.write(f"“{_escaped(citation.sentence.text)}” — ")
        self.write(", ".join(_descriptions(citation, url)))
        source = {
            "start_index": start,
            "end_index": len(self._content),
            "title": citation.title,
            "url": url,
        }
        self._annotations.append({"type": "url_citation", "url_citation": source})

    def message(self) -> MarkdownMessage:
        """The message."""
        return MarkdownMessage(self._content, self._annotations)


def as_message(record: AnswerRecord, base_url: str) -> MarkdownMessage:
    """An answer as a message: the quote, then its numbered sources, each with its sentence.

    Text of documents appears as it is, except that characters which Markdown would act on are
    escaped, and line breaks become spaces.

    :param base_url: the address of the service, without a slash at the end
    """
    if record.reply is not None:
        return MarkdownMessage(record.reply, [])
    writer = _Writer(base_url)
    if record.best_guess is not None:
        writer.write(f"{wording.UNSURE}\n\n")
        _write_answer(writer, record.best_guess.text, record.best_guess.citations, 1)
        return writer.message()
    if record.answer is None:
        return _refusal(record, writer)
    first = _write_answer(writer, record.answer.text, record.citations, 1)
    if record.conflict:
        writer.write(f"\n\n{wording.CONFLICT} {wording.ALSO_SAY}")
        for other in record.alternatives:
            writer.write("\n\n")
            first = _write_answer(writer, other.text, other.citations, first)
    return writer.message()


def answer_in(content: str) -> str:
    """The answer in an assistant's message: the quote alone where :func:`as_message` wrote the
    message, else all of it.
    """
    content = content.strip()
    quote = _marked_quote(content)
    if quote is not None:
        return _ESCAPED.sub(r"\1", quote)
    return wording.NO_ANSWER if content.startswith(_NO_ANSWERS) else content


def _marked_quote(content: str) -> str | None:
    """The quote of a message whose first line is a quote with the numbers of its sources, and whose
    next is the first source.
    """
    # Written by hand, because a regular expression for it takes quadratic time on some messages.
    line, _, sources = content.partition("\n")
    quote = line.rstrip()
    if not sources.lstrip().startswith("1. "):
        return None
    end = len(quote)
    while (start := quote.rfind("[", 0, end)) > 0 and _is_marker(quote, start, end):
        end = start - 1 if quote[start - 1] == " " else start
    if end == len(quote):
        return None
    return quote[:end].removeprefix("**").removesuffix("**") or None


def _is_marker(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is the number of a source in brackets."""
    return text[end - 1] == "]" and text[start + 1 : end - 1].isdecimal()


def _write_answer(writer: _Writer, text: str, citations: Sequence[Citation], first: int) -> int:
    """Write an answer with its sources, numbered from ``first``, and return the next number."""
    markers = "".join(f"[{number}]" for number in range(first, first + len(citations)))
    writer.write(f"**{_escaped(text)}** {markers}\n")
    for number, citation in enumerate(citations, start=first):
        writer.source(number, citation)
    return first + len(citations)


def _refusal(record: AnswerRecord, writer: _Writer) -> MarkdownMessage:
    writer.write(wording.refusal(record.reason or Reason.NO_SPAN))
    if record.passages:
        writer.write(f"\n\n{wording.NEAREST}:\n")
    for passage in record.passages[:MAX_NEAREST]:
        writer.write(f"\n- {_escaped(passage.title)}: “{_beginning(passage)}”")
    return writer.message()


def _beginning(passage: Passage, length: int = 200) -> str:
    text = (
        passage.text
        if len(passage.text) <= length
        else passage.text[:length].rsplit(maxsplit=1)[0] + " …"
    )
    return _escaped(text)


def _descriptions(citation: Citation, url: str) -> Iterator[str]:
    yield f"[{_escaped(citation.title)}]({url})"
    if name := wording.other_file_name(citation.title, citation.file_name):
        yield _escaped(name)
    if citation.published:
        yield citation.published.isoformat()
    if citation.page:
        yield f"page {citation.page}"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _SPACES.sub(_unbroken, text))


def _unbroken(spaces: re.Match[str]) -> str:
    """White space, or one space in place of a line break and what surrounds it."""
    return " " if "\n" in spaces[0] or "\r" in spaces[0] else spaces[0]
