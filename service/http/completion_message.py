"""Answers as messages in Markdown, and back: how chat completions show them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.answering import wording
from service.answering.answer import AnswerText, Statement
from service.answering.citation import Citation
from service.answering.layout import (
    OMISSION,
    LaidOutQuote,
    excerpt_of,
    is_composed,
    laid_out,
    lead_in,
    paragraphs,
    row_name,
    source_documents,
)
from service.answering.reason import Reason
from service.answering.record import AnswerRecord
from service.reader.form import AnswerForm

MAX_NEAREST = 3
"""Passages that a message without an answer names."""

_NO_ANSWERS = (wording.NO_ANSWER, wording.UNSURE)
"""How messages begin that give no answer."""

_EXCERPT = 200
"""How much of a passage is shown, in characters."""

_MARKER = re.compile(r" \[\d{1,3}\](?: \\\[…\\\])?")
_SOURCE_DOCUMENT = re.compile(r"\\?\[\d[\d, –]{0,40}\\?\] \[")
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

    def cited(self, text: str, citation: Citation) -> None:
        """Add text that a citation is the source of."""
        start = len(self._content)
        self._content += text
        source = {
            "start_index": start,
            "end_index": len(self._content),
            "title": citation.title,
            "url": self._base_url + citation.link,
        }
        self._annotations.append({"type": "url_citation", "url_citation": source})

    def source(self, number: int, citation: Citation, *, is_sentence_shown: bool = False) -> None:
        """Add a source: its sentence, unless that is shown already, then its title, file, date and
        page.
        """
        self.write(f"\n{number}. ")
        is_shown = is_sentence_shown or citation.sentence.text == citation.quote
        sentence = "" if is_shown else f"“{_escaped(citation.sentence.text)}” — "
        self.cited(sentence + self.described(citation), citation)

    def described(self, citation: Citation) -> str:
        """The title of a source as a link, its file, its date and its page."""
        return ", ".join(_descriptions(citation, self._base_url + citation.link))

    def message(self) -> MarkdownMessage:
        """The message."""
        return MarkdownMessage(self._content, self._annotations)


def as_message(record: AnswerRecord, base_url: str) -> MarkdownMessage:
    """An answer as a message: the quote, then its numbered sources, each with its sentence. A best
    guess is shown in its sentence. A list, a passage or a row is shown quote by quote.

    Text of documents appears as it is, except that characters which Markdown would act on are
    escaped, and line breaks become spaces.

    :param base_url: the address of the service, without a slash at the end
    """
    if record.reply is not None:
        return MarkdownMessage(record.reply, [])
    writer = _Writer(base_url)
    if record.best_guess is not None:
        writer.write(f"{wording.UNSURE}\n\n")
        _write_guess(writer, record.best_guess)
        return writer.message()
    if record.answer is None:
        return _refusal(record, writer)
    if is_composed(record.answer):
        _write_composed(writer, record.answer, record.citations)
        return writer.message()
    first = _write_answer(writer, record.answer.text, record.citations, 1)
    if record.conflict:
        writer.write(f"\n\n{wording.CONFLICT} {wording.ALSO_SAY}")
        for other in record.alternatives:
            writer.write("\n\n")
            first = _write_answer(writer, other.text, other.citations, first)
    return writer.message()


def answer_in(content: str) -> str:
    """The answer in an assistant's message: the quotes alone where :func:`as_message` wrote the
    message, else all of it.
    """
    content = content.strip()
    quote = _marked_quote(content)
    if quote is None:
        quote = _composed_quotes(content)
    if quote is not None:
        return _ESCAPED.sub(r"\1", quote)
    return wording.NO_ANSWER if content.startswith(_NO_ANSWERS) else content


def _composed_quotes(content: str) -> str | None:
    """The quotes of a message that ends with documents and the numbers of their quotes."""
    body, _, sources = content.rpartition("\n\n")
    is_source = all(_SOURCE_DOCUMENT.match(line) for line in sources.splitlines())
    if not body or not is_source or content.startswith(_NO_ANSWERS):
        return None
    lines = (_MARKER.sub("", line.lstrip("->* ")).strip("* ") for line in body.splitlines())
    return " ".join(line for line in lines if line) or None


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


def _write_guess(writer: _Writer, guess: Statement) -> None:
    """Write a best guess in its sentence, with its sources."""
    if is_composed(guess):
        _write_composed(writer, guess, guess.citations)
        return
    first, *others = guess.citations
    start = first.start - first.sentence.start
    before, after = first.sentence.text[:start], first.sentence.text[start + len(first.quote) :]
    writer.write(f"> {_escaped(before)}**{_escaped(first.quote)}**{_escaped(after)} [1]\n")
    writer.source(1, first, is_sentence_shown=True)
    for citation in others:
        writer.source(citation.number, citation)


def _write_composed(writer: _Writer, answer: AnswerText, citations: Sequence[Citation]) -> None:
    """Write the quotes of an answer one by one, each with its number, and then their documents."""
    quotes = laid_out(answer, citations)
    match answer.form:
        case AnswerForm.PASSAGE:
            for number, paragraph in enumerate(paragraphs(quotes)):
                writer.write("\n\n> " if number else "> ")
                for at, quote in enumerate(paragraph):
                    omission = f"{_escaped(OMISSION)} " if quote.omits else ""
                    writer.write(f" {omission}" if at else "")
                    _write_quote(writer, quote)
        case AnswerForm.ROW:
            if name := row_name(quotes):
                writer.write(f"**{_escaped(name)}**\n\n")
            for at, quote in enumerate(quotes):
                head = f"{_escaped(quote.head)}: " if quote.head else ""
                writer.write(("\n- " if at else "- ") + head)
                _write_quote(writer, quote)
        case _:
            if introduction := lead_in(quotes):
                writer.write(f"{_escaped(introduction)}\n\n")
            for at, quote in enumerate(quotes):
                writer.write("\n- " if at else "- ")
                _write_quote(writer, quote)
    lines = [
        f"\\[{document.numbers}\\] {writer.described(document.first)}"
        for document in source_documents(citations)
    ]
    writer.write("\n\n" + "  \n".join(lines))  # two spaces break a line


def _write_quote(writer: _Writer, quote: LaidOutQuote) -> None:
    writer.cited(f"{_escaped(quote.text)} [{quote.citation.number}]", quote.citation)


def _refusal(record: AnswerRecord, writer: _Writer) -> MarkdownMessage:
    writer.write(wording.refusal(record.reason or Reason.NO_SPAN))
    if record.passages:
        writer.write(f"\n\n{wording.NEAREST}:\n")
    for passage in record.passages[:MAX_NEAREST]:
        excerpt = excerpt_of(passage, _EXCERPT)
        sentence = f"**{_escaped(excerpt.sentence)}**" if excerpt.sentence else ""
        shown = f"{_escaped(excerpt.before)}{sentence}{_escaped(excerpt.after)}"
        writer.write(f"\n- {_escaped(passage.title)}: “{shown.strip()}”")
    return writer.message()


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
