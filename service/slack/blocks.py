"""What the bot says, as Block Kit: every answer within Slack's limits, and nothing in it that Slack
would act on.

Quotes are ``rich_text``, whose text Slack shows character for character; everything else is
escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.dates import written_day
from service.answering import wording
from service.answering.wording import NO_ANSWER, confidence_words
from service.http.schemas import AlternativeOut, AskResponse, CitationOut, PassageOut
from service.slack.mrkdwn import SECTION_LIMIT, cut, escaped, length, link, literal

Block = dict[str, Any]  # JSON

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_TITLE = 24
MAX_QUOTE = 2_900
"""Characters of a quoted passage; a longer one is cut around the answer."""

HELPFUL = "quoth_helpful"
UNHELPFUL = "quoth_unhelpful"
CONTEXT = "quoth_context"
NEAREST = "quoth_nearest"
SHARE = "quoth_share"

GONE = "That answer is no longer kept: a document that it showed was deleted or changed. Ask again."

_MAX_SPOKEN, _MAX_NAMED = 400, 990
"""Characters of sentence and sources in a fallback text, where an escaped one may count five."""
_MAX_SOURCES = 5
_MAX_ALTERNATIVES = 3
_MAX_PASSAGES = 5
_LEAST_ALTERNATIVE = 0.1
_LINE_LIMIT = 550
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Post:
    """A message of the bot.

    :param text: the whole of it where blocks are not shown: notifications, screen readers, search
    """

    text: str
    blocks: tuple[Block, ...]

    def named(self, name: str) -> "Post":
        """The same message with a name that it can be found by, at most 255 characters."""
        first, *rest = self.blocks
        return Post(self.text, ({**first, "block_id": name}, *rest))


def answer_post(
    response: AskResponse, base_url: str, *, private: bool = False, shared: bool = False
) -> Post:
    """An answer, or that there is none.

    :param base_url: where people reach the service
    :param private: only one person sees it, who may share it
    :param shared: it stands in the channel without its question, which is therefore shown
    """
    blocks = [
        *_shared_question(response, shared),
        *_said(response, base_url),
        *_buttons(response, private),
    ]
    return Post(_fallback(response), tuple(blocks[:MAX_BLOCKS]))


def notice(text: str) -> Post:
    """A line of the bot's own."""
    return Post(escaped(text), (_section(escaped(text)),))


def context_post(response: AskResponse, base_url: str) -> Post:
    """The passages in which the quotes of an answer stand."""
    blocks: list[Block] = []
    for citation in response.citations[:_MAX_SOURCES]:
        blocks += [
            _section(_source(citation, base_url)),
            _passage_around(citation, response.passages),
        ]
    return Post("Where it stands", tuple(blocks or [_section(escaped(NO_ANSWER))]))


def nearest_post(response: AskResponse) -> Post:
    """The passages nearest to a question that has no answer."""
    blocks: list[Block] = []
    for passage in response.passages[:_MAX_PASSAGES]:
        blocks += [_section(f"*{escaped(passage.title, _LINE_LIMIT)}*"), _quoted(passage.text)]
    return Post(wording.NEAREST, tuple(blocks or [_section("There is none.")]))


def gone_post() -> Post:
    """That an answer is no longer kept."""
    return Post("No longer kept", (_section(escaped(GONE)),))


def modal(post: Post) -> Block:
    """A message of the bot as a modal, its text as the title."""
    title, close = _plain(post.text, MAX_TITLE), _plain("Close", MAX_TITLE)
    return {"type": "modal", "title": title, "close": close, "blocks": list(post.blocks)}


def _said(response: AskResponse, base_url: str) -> Iterator[Block]:
    if response.answer is None:
        yield _section(escaped(NO_ANSWER))
        return
    yield _quoted(*_around(response.citations[0]))
    yield _context([_source(citation, base_url) for citation in response.citations[:_MAX_SOURCES]])
    others = _others(response)
    if others:
        lines = [_alternative(other, base_url) for other in others]
        yield _context(
            [
                f"{wording.CONFLICT} {wording.ALSO_SAY}"
                if response.conflict
                else wording.OTHER_ANSWERS,
                *lines,
            ]
        )
    yield _context([escaped(confidence_words(response.answer.confidence))])


def _others(response: AskResponse) -> list[AlternativeOut]:
    """The other answers worth naming: all where documents differ, else what may be right and says
    something else.
    """
    least = 0.0 if response.conflict else _LEAST_ALTERNATIVE
    said = response.answer.text.casefold() if response.answer else ""
    worth = [
        other for other in response.alternatives if other.citations and other.confidence >= least
    ]
    return [other for other in worth if not _is_part(other.text.casefold(), said)][
        :_MAX_ALTERNATIVES
    ]


def _is_part(one: str, other: str) -> bool:
    return one in other or other in one


def _buttons(response: AskResponse, private: bool) -> Iterator[Block]:
    if response.answer is None:
        if response.passages:
            yield _actions([_button(NEAREST, "Nearest passages", response.id)])
        return
    buttons = [
        _button(HELPFUL, "👍", response.id, "This answer helps"),
        _button(UNHELPFUL, "👎", response.id, "This answer does not help"),
        _button(CONTEXT, "Show context", response.id),
    ]
    if private:
        buttons.append(_button(SHARE, "Share", response.id))
    yield _actions(buttons)


def _shared_question(response: AskResponse, shared: bool) -> Iterator[Block]:
    if shared:
        yield {"type": "header", "text": _plain(literal(response.question), MAX_HEADER)}


def _fallback(response: AskResponse) -> str:
    if response.answer is None:
        return escaped(NO_ANSWER)
    sources = ", ".join(
        dict.fromkeys(_named(citation) for citation in response.citations[:_MAX_SOURCES])
    )
    before, bold, after = _fitted(*_around(response.citations[0]), _MAX_SPOKEN)
    sentence = f"{escaped(before)}*{escaped(bold)}*{escaped(after)}"
    return f"{sentence} ({escaped(sources, _MAX_NAMED)})"


def _named(citation: CitationOut) -> str:
    return (
        f"{citation.title}, {written_day(citation.published)}"
        if citation.published
        else citation.title
    )


def _source(citation: CitationOut, base_url: str) -> str:
    """A line that names a source: its title as a link to the passage, its date and page, and its
    own address.
    """
    facts = [
        written_day(citation.published) if citation.published else None,
        f"p. {citation.page}" if citation.page else None,
    ]
    title = link(f"{base_url.rstrip('/')}{citation.link}", citation.title, SECTION_LIMIT // 2)
    line = ", ".join([title, *(fact for fact in facts if fact)])
    original = link(citation.url or "", "original", SECTION_LIMIT // 2 - 100)
    return f"{line}, {original}" if original.startswith("<") else line


def _alternative(other: AlternativeOut, base_url: str) -> str:
    text = escaped(other.text, _LINE_LIMIT)
    room = SECTION_LIMIT - length(text) - 3
    source = _source(other.citations[0], base_url)
    return f"{text} — {source}" if length(source) <= room else text


def _passage_around(citation: CitationOut, passages: Sequence[PassageOut]) -> Block:
    """The passage that a quote was read from, or its sentence where that is not kept; the quote in
    bold.
    """
    for passage in passages:
        same = (passage.document_id, passage.version) == (citation.document_id, citation.version)
        if same and passage.start <= citation.start and citation.end <= passage.end:
            return _quoted(
                *_split(passage.text, citation.start - passage.start, citation.end - passage.start)
            )
    return _quoted(*_around(citation))


def _around(citation: CitationOut) -> tuple[str, str, str]:
    """The sentence of a quote: what stands before it, the quote, and what stands after it."""
    start = citation.start - citation.sentence.start
    return _split(citation.sentence.text, start, start + len(citation.quote))


def _split(text: str, start: int, end: int) -> tuple[str, str, str]:
    return text[:start], text[start:end], text[end:]


def _quoted(before: str, bold: str = "", after: str = "") -> Block:
    """A text as a quote, a part of it in bold, cut around that where it is too long."""
    before, bold, after = _fitted(literal(before), literal(bold), literal(after), MAX_QUOTE)
    parts: list[Block] = [
        {"type": "text", "text": before},
        {"type": "text", "text": bold, "style": {"bold": True}},
        {"type": "text", "text": after},
    ]
    kept = [part for part in parts if part["text"]]
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": kept}]}


def _fitted(before: str, bold: str, after: str, limit: int) -> tuple[str, str, str]:
    """The three, cut at both ends so that they have no more than ``limit`` UTF-16 units."""
    if length(before) + length(bold) + length(after) <= limit:
        return before, bold, after
    bold = cut(bold, limit)
    room = limit - length(bold)
    after = cut(after, max(room - min(length(before), room // 2), 0)) if room > 1 and after else ""
    return _last(before, room - length(after)), bold, after


def _last(text: str, limit: int) -> str:
    """The end of a text, with an ellipsis in front where something is left out."""
    if length(text) <= limit:
        return text
    if limit <= 1:
        return ""
    kept = text.encode("utf-16-le", "surrogatepass")[-2 * (limit - 1) :].decode(
        "utf-16-le", "ignore"
    )
    return _ELLIPSIS + kept.lstrip()


def _section(marked: str) -> Block:
    return {"type": "section", "text": _marked(marked)}


def _context(lines: Sequence[str]) -> Block:
    return {"type": "context", "elements": [_marked(line) for line in lines]}


def _actions(buttons: Sequence[Block]) -> Block:
    return {"type": "actions", "elements": list(buttons)}


def _button(action: str, text: str, value: str, label: str | None = None) -> Block:
    button: Block = {
        "type": "button",
        "action_id": action,
        "text": _plain(text, 75),
        "value": value,
    }
    if label is not None:
        button["accessibility_label"] = label
    return button


def _marked(marked: str) -> Block:
    return {"type": "mrkdwn", "text": marked, "verbatim": True}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": cut(text, limit), "emoji": True}
