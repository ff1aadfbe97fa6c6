"""The bot's messages: answers, passages and notices within Slack's limits.

Quotes are ``rich_text``, which Slack shows character for character. Everything else is escaped, so
that Slack takes nothing in a document or a question for markup or a mention.
"""

from collections.abc import Iterator, Sequence

from corpus.dates import written_day
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
from service.answering.record import AnswerRecord, Passage
from service.answering.wording import NO_ANSWER, confidence_words
from service.reader.form import AnswerForm
from service.slack.block_kit import (
    MAX_BLOCKS,
    Block,
    Post,
    RichText,
    actions,
    button,
    context,
    header,
    quote,
    rich_list,
    rich_quotes,
    section,
)
from service.slack.mrkdwn import SECTION_LIMIT, cut_around, escaped, link, utf16_length

HELPFUL_ACTION = "quoth_helpful"
UNHELPFUL_ACTION = "quoth_unhelpful"
CONTEXT_ACTION = "quoth_context"
NEAREST_ACTION = "quoth_nearest"
SHARE_ACTION = "quoth_share"

ANSWER_GONE = (
    "That answer is no longer available: a document that it quotes was changed or deleted. "
    "Please ask again."
)

_MAX_SOURCES = 5
_MAX_ALTERNATIVES = 3
_MAX_PASSAGES = 5
_MIN_ALTERNATIVE_CONFIDENCE = 0.1
_MAX_LINE_LENGTH = 550
# In a fallback text. An escaped character may take five, and both together stay below 3,000.
_MAX_FALLBACK_SENTENCE, _MAX_FALLBACK_SOURCES = 400, 990


def answer_post(
    response: AnswerRecord, base_url: str, *, private: bool = False, shared: bool = False
) -> Post:
    """An answer, or a message that there is none.

    :param base_url: where people reach the service
    :param private: only one person sees it, and gets a button to share it
    :param shared: it is posted apart from its question, and shows the question too
    """
    if response.reply is not None:
        return notice(response.reply)
    blocks = [header(response.question)] if shared else []
    blocks += [*_answer_blocks(response, base_url), *_buttons(response, private)]
    return Post(_fallback_text(response), tuple(blocks[:MAX_BLOCKS]))


def notice(text: str) -> Post:
    """A line of the bot itself."""
    return Post(escaped(text), (section(escaped(text)),))


def context_post(response: AnswerRecord, base_url: str) -> Post:
    """The passages that an answer or a best guess quotes."""
    blocks: list[Block] = []
    shown: list[Passage] = []
    for citation in _shown_citations(response):
        passage = _passage_of(citation, response.passages)
        if len(blocks) == 2 * _MAX_SOURCES or passage in shown:
            continue
        if passage is not None:
            shown.append(passage)
        blocks += [
            section(_source_line(citation, base_url)),
            _passage_quote(citation, passage, _shown_citations(response)),
        ]
    return Post("Quotes in context", tuple(blocks or [section(escaped(NO_ANSWER))]))


def nearest_post(response: AnswerRecord) -> Post:
    """The passages nearest to a question that has no answer."""
    blocks: list[Block] = []
    for passage in response.passages[:_MAX_PASSAGES]:
        line = f"*{escaped(passage.title, _MAX_LINE_LENGTH)}*"
        if name := wording.other_file_name(passage.title, passage.file_name):
            line += f", {escaped(name, _MAX_LINE_LENGTH)}"
        whole = excerpt_of(passage, len(passage.text))
        blocks += [section(line), quote(whole.before, whole.sentence, whole.after)]
    return Post(wording.NEAREST, tuple(blocks or [section("There are no passages.")]))


def gone_post() -> Post:
    """A message that an answer is no longer available."""
    return Post("No longer available", (section(escaped(ANSWER_GONE)),))


def _shown_citations(response: AnswerRecord) -> tuple[Citation, ...]:
    """The citations of the answer, or of the best guess."""
    return response.best_guess.citations if response.best_guess else response.citations


def _answer_blocks(response: AnswerRecord, base_url: str) -> Iterator[Block]:
    shown = response.best_guess or response.answer
    if shown is None:
        yield section(escaped(NO_ANSWER))
        return
    if response.best_guess:
        yield section(escaped(wording.UNSURE))
    citations = _shown_citations(response)
    if is_composed(shown):
        yield _composed_block(shown, citations)
        documents = source_documents(citations)[:_MAX_SOURCES]
        yield context(
            [f"[{each.numbers}] {_source_line(each.first, base_url)}" for each in documents]
        )
    else:
        yield quote(*_split_sentence(citations[0]))
        yield context([_source_line(citation, base_url) for citation in citations[:_MAX_SOURCES]])
    others = _other_answers(response)
    if others:
        conflict = f"{wording.CONFLICT} {wording.ALSO_SAY}"
        heading = conflict if response.conflict else wording.OTHER_ANSWERS
        yield context([heading, *(_alternative_line(other, base_url) for other in others)])
    yield context([escaped(confidence_words(shown.confidence))])


def _composed_block(answer: AnswerText, citations: Sequence[Citation]) -> Block:
    """The quotes of an answer one by one, each with its number."""
    quotes = laid_out(answer, citations)
    lines: list[list[RichText]] = []
    if answer.form is AnswerForm.PASSAGE:
        for paragraph in paragraphs(quotes):
            lines.append([])
            for at, each in enumerate(paragraph):
                omission = f"{OMISSION} " if each.omits else ""
                lines[-1] += [(f" {omission}" if at else "", False), *_numbered(each)]
        return rich_quotes(lines)
    for each in quotes:
        head: list[RichText] = [(f"{each.head}: ", False)] if each.head else []
        lines.append([*head, *_numbered(each)])
    is_row = answer.form is AnswerForm.ROW
    name = row_name(quotes) if is_row else lead_in(quotes)
    return rich_list([(name, is_row)] if name else [], lines)


def _numbered(each: LaidOutQuote) -> list[RichText]:
    # Only values stand out: in a list or a passage everything is quoted.
    return [(each.text, each.head is not None), (f" [{each.citation.number}]", False)]


def _other_answers(response: AnswerRecord) -> list[Statement]:
    """The other answers to show: those that say something else and may be right, or all of them
    where documents disagree.
    """
    least = 0.0 if response.conflict else _MIN_ALTERNATIVE_CONFIDENCE
    answer = response.answer.text.casefold() if response.answer else ""
    others = []
    for other in response.alternatives:
        text = other.text.casefold()
        says_the_same = text in answer or answer in text
        if other.citations and other.confidence >= least and not says_the_same:
            others.append(other)
    return others[:_MAX_ALTERNATIVES]


def _buttons(response: AnswerRecord, private: bool) -> Iterator[Block]:
    nearest = button(NEAREST_ACTION, "Nearest passages", response.id)
    if response.answer is None and response.best_guess is None:
        if response.passages:
            yield actions([nearest])
        return
    buttons = [
        button(HELPFUL_ACTION, "👍", response.id, label="This answer helps"),
        button(UNHELPFUL_ACTION, "👎", response.id, label="This answer does not help"),
        button(CONTEXT_ACTION, "Show context", response.id),
    ]
    if response.best_guess:
        buttons.append(nearest)
    if private:
        buttons.append(button(SHARE_ACTION, "Share", response.id))
    yield actions(buttons)


def _fallback_text(response: AnswerRecord) -> str:
    citations = _shown_citations(response)
    if not citations:
        return escaped(NO_ANSWER)
    titles = dict.fromkeys(_dated_title(source) for source in citations[:_MAX_SOURCES])
    sources = escaped(", ".join(titles), _MAX_FALLBACK_SOURCES)
    shown = response.best_guess or response.answer
    parts = _split_sentence(citations[0])
    if shown is not None and is_composed(shown):
        parts = "", " ".join(each.text for each in shown.quotes), ""
    before, bold, after = cut_around(*parts, limit=_MAX_FALLBACK_SENTENCE)
    opening = f"{escaped(wording.UNSURE)} " if response.best_guess else ""
    return f"{opening}{escaped(before)}*{escaped(bold)}*{escaped(after)} ({sources})"


def _dated_title(citation: Citation) -> str:
    if citation.published is None:
        return citation.title
    return f"{citation.title}, {written_day(citation.published)}"


def _source_line(citation: Citation, base_url: str) -> str:
    """A source: its title as a link to the passage, its file, its date and page, and its own
    address.
    """
    passage_url = f"{base_url.rstrip('/')}{citation.link}"
    parts = [link(passage_url, citation.title, SECTION_LIMIT // 2)]
    if name := wording.other_file_name(citation.title, citation.file_name):
        parts.append(escaped(name, _MAX_LINE_LENGTH))
    if citation.published:
        parts.append(written_day(citation.published))
    if citation.page:
        parts.append(f"p. {citation.page}")
    original = link(citation.url or "", "original", SECTION_LIMIT // 2 - 100)
    if original.startswith("<"):  # otherwise there is no address, or none that can be linked
        parts.append(original)
    return ", ".join(parts)


def _alternative_line(other: Statement, base_url: str) -> str:
    text = escaped(other.text, _MAX_LINE_LENGTH)
    line = f"{text} — {_source_line(other.citations[0], base_url)}"
    return line if utf16_length(line) <= SECTION_LIMIT else text


def _passage_of(citation: Citation, passages: Sequence[Passage]) -> Passage | None:
    """The passage that a quote was read from, None if it is not kept."""
    return next((passage for passage in passages if _holds(passage, citation)), None)


def _holds(passage: Passage, citation: Citation) -> bool:
    same = (passage.document_id, passage.version) == (citation.document_id, citation.version)
    return same and passage.start <= citation.start and citation.end <= passage.end


def _passage_quote(
    citation: Citation, passage: Passage | None, citations: Sequence[Citation]
) -> Block:
    """A passage with what is quoted of it in bold, from the first quote to the last; the sentence
    of a citation if its passage is not kept.
    """
    if passage is None:
        return quote(*_split_sentence(citation))
    quoted = [each for each in citations if _holds(passage, each)]
    start, end = min(each.start for each in quoted), max(each.end for each in quoted)
    return quote(*_split(passage.text, start - passage.start, end - passage.start))


def _split_sentence(citation: Citation) -> tuple[str, str, str]:
    """The sentence of a quote: what comes before the quote, the quote, and what comes after it."""
    start = citation.start - citation.sentence.start
    return _split(citation.sentence.text, start, start + len(citation.quote))


def _split(text: str, start: int, end: int) -> tuple[str, str, str]:
    return text[:start], text[start:end], text[end:]
