"""Example questions that a collection answers, taken from its own headings and sentences.

The best example is a heading that is a question. "Booking a flight" gives "How do I book a
flight?", and a sentence of a simple form ("The Elm Bridge was opened in 1931.") gives the question
that it answers ("When was the Elm Bridge opened?"). Each question is then asked. It is an example
only if it is answered by default, from the text under that heading or from that sentence.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from threading import Lock

from corpus.blocks import Block, BlockKind
from corpus.dates import MONTH_PATTERN
from corpus.errors import NotFoundError
from corpus.text_blocks import text_blocks
from index.filters import EVERYTHING, NO_FILTERS, Scope
from index.store.documents import DocumentReader, DocumentSummary
from index.text.sentences import sentences
from service.answering.answer import Answer
from service.answering.service import AnswerService
from service.question import make_question

MAX_EXAMPLES = 4

_DOCUMENTS = 40
_TEXT_LIMIT = 20_000
_WHOLE_LIMIT = 500_000
"""Of a longer document, only the beginning is read, without the blocks of its file."""
_TRIES = 24
_KEPT_SCOPES = 64
_MAX_WORDS = 14
_MAX_CHARACTERS = 90

# The number, letter or "Q:" before a heading.
_NUMBER = re.compile(
    r"(?:(?:Q|Question)\s?\d{0,3}\s?[:.)]|(?:Chapter|Section) \d{1,3}[:.]?"
    r"|\(?\d{1,3}(?:\.\d{1,3}){0,4}[.):]?|\(?[A-Z][.)])\s{1,9}"
)
_ASKS = re.compile(
    r"(?:who|what|when|where|why|which|how|can|may|do|does|did|is|are|was|were|should|will|must|has"
    r"|have)\b",
    re.I,
)
# A question of another language has none of these.
_ENGLISH = re.compile(
    r"\b(?:the|do|does|did|is|are|can|i|my|you|your|to|of|and|with|for|how|why|when|who)\b", re.I
)
# What is only understood beside the text that it stands in.
_LEANING = re.compile(
    r"\b(?:it|its|it's|they|them|their|he|him|his|she|her|this|these|those|here|there|above|below"
    r"|following|previous|same|former|latter|figure|table|section|chapter|appendix)\b",
    re.I,
)
_SMALL = re.compile(
    r"(?:a|an|and|are|be|by|can|do|does|for|from|in|is|my|of|on|or|the|to|was|were|with|you|your)",
    re.I,
)
_UNNATURAL = re.compile(r"[^\w\s,.'’“”\"&%$€£+-]|_|\.\.|\d{5}|\b\w{25}")
_FIRST_LINE = re.compile(r"[^\n]{1,200}")
_HOW_TO = re.compile(r"how to (?P<rest>[a-z][^\n]{3,80})\Z", re.I)
_DOING = {
    **{
        f"{verb}ing": verb
        for verb in """add apply ask book build cancel check clean collect connect convert deliver
        download enter export file find fix import install join keep load mount open order park
        pay plan print publish register reject repair report request reset return search sell send
        sign start test turn unlock update upload visit wash work""".split()
    },
    **{
        f"{verb[:-1]}ing": verb
        for verb in """configure create delete describe disable enable handle change choose charge
        compile declare define initialize invite make manage move prepare remove replace resolve
        reuse share store upgrade use validate write bake""".split()
    },
    "running": "run",
    "setting": "set",
    "stopping": "stop",
    "getting": "get",
    "debugging": "debug",
    "controlling": "control",
    "submitting": "submit",
    "planning": "plan",
}
_GERUND = re.compile(
    r"(?P<doing>[A-Za-z]{2,12}ing) (?P<rest>(?!of\b|in\b|and\b|with\b)[^\n]{3,70})\Z"
)

_ABOUT = r"(?:(?:about|around|almost|nearly|over|roughly|some|more than|less than) )?"
_BE = r"(?P<be>is|are|was|were)"
_ARTICLES = ("the", "a", "an")
_DAY = rf"(?:in|on) (?:\d{{1,2}} )?(?:(?:{MONTH_PATTERN}) )?\d"
_DONE = (
    r"(?P<done>\w{1,60}ed|begun|bought|built|chosen|flown|found|given|held|laid|made|paid|sent"
    r"|shown|sold|told|won|written)"
)
_MAKERS = {
    "written": ("wrote", "writes"),
    "founded": ("founded", "founds"),
    "built": ("built", "builds"),
    "designed": ("designed", "designs"),
    "created": ("created", "creates"),
    "developed": ("developed", "develops"),
    "maintained": ("maintained", "maintains"),
    "published": ("published", "publishes"),
    "owned": ("owned", "owns"),
    "led": ("led", "leads"),
    "run": ("ran", "runs"),
    "approved": ("approved", "approves"),
    "signed": ("signed", "signs"),
    "invented": ("invented", "invents"),
    "discovered": ("discovered", "discovers"),
    "directed": ("directed", "directs"),
    "chaired": ("chaired", "chairs"),
    "composed": ("composed", "composes"),
}
_NAME = r"[A-Z][\w’'-]{1,60}(?: [A-Z][\w’'-]{1,60}){1,2}"
_ROLE = (
    r"(?:\w{1,30} )?(?:president|minister|director|manager|chair\w{0,6}|head|chief|king|queen|mayor"
    r"|keeper|captain|author|founder|editor|engineer|secretary|treasurer|leader|owner|inventor|architect"
    r"|spokes\w{3,7}|premier|governor|coach|principal|pilot|builder)"
)
_SUBJECT = (
    r"(?P<subject>(?!(?:After|All|Also|Although|And|Any|As|At|Because|Before|Both|But|By|During|Each"
    r"|Either|Every|Everything|For|From|He|Her|Here|His|How|However|I|If|In|It|Its|Many|Most|My"
    r"|Neither|No|None|Not|Nothing|On|One|Only|Or|Our|She|Since|So|Some|Sometimes|Such|That|Their"
    r"|Then|There|These|They|This|Those|Thus|To|Under|Until|Using|We|What|When|Where|Which|While"
    r"|Who|Why|With|You|Your)\b)"
    r"[A-Z][^\s,;:()“”\"]{0,60}(?: [^\s,;:()“”\"]{1,60}){0,7}?)"
)
_COUNT = r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d[\d.,]{0,12}) "
_TIME = (
    rf"(?:at (?:noon|midnight|one|{_COUNT.removesuffix(' ')})|(?:in|every|each) (?:{MONTH_PATTERN})"
    r"|on (?:\w{3,6}days?)|(?:once|twice|three times) an? \w{3,7}|every (?:day|week|month|year"
    r"|morning|evening|night))\b"
)
_OFFICE = (
    r"(?P<subject>[A-Z][a-z]{1,20} (?:Vice |Deputy |First )?(?:President|Prime Minister|Premier"
    r"|(?:Foreign|Defence|Defense|Finance|Interior|Health) Minister|Chancellor)) "
)
_DID = {
    "met": "meet",
    "visited": "visit",
    "signed": "sign",
    "launched": "launch",
    "opened": "open",
    "joined": "join",
    "won": "win",
    "founded": "found",
    "published": "publish",
    "bought": "buy",
    "acquired": "acquire",
    "released": "release",
    "left": "leave",
    "introduced": "introduce",
}
# Words have at most 60 letters here, so that long ones take linear time.
_SHAPES = tuple(
    (re.compile(sentence), question)
    for sentence, question in (
        (
            rf"{_SUBJECT} {_BE} {_ABOUT}\d[\d.,]* [\w ]{{1,20}}? (?P<how>long|wide|high|tall"
            r"|deep|old)\b",
            "How {how} {be} {subject}?",
        ),
        (rf"{_SUBJECT} {_BE} (?:first )?{_DONE} {_DAY}", "When {be} {subject} {done}?"),
        (
            rf"{_SUBJECT} {_BE} (?P<done>held|born|built|made|based|found|located) (?:in|at) [A-Z]",
            "Where {be} {subject} {done}?",
        ),
        (
            rf"{_SUBJECT} {_BE} (?P<maker>{'|'.join(_MAKERS)}) by (?:the )?[A-Z]",
            "Who {maker} {subject}?",
        ),
        (
            rf"{_SUBJECT} (?P<rose>rose|fell|grew) by {_ABOUT}\d",
            "By how much did {subject} {rose}?",
        ),
        (
            rf"{_SUBJECT} (?P<rose>takes?|lasts?) {_ABOUT}\w{{1,12}} (?:second|minute|hour|day"
            r"|week|month|year)s?\b",
            "How long {does} {subject} {rose}?",
        ),
        (rf"{_SUBJECT} (?P<rose>costs?) {_ABOUT}[$€£]?\d", "How much {does} {subject} {rose}?"),
        (
            rf"{_SUBJECT} (?P<rose>opens?|closes?|starts?|ends?|begins?) (?:at|on) [\dA-Z]",
            "When {does} {subject} {rose}?",
        ),
        (
            rf"{_SUBJECT} (?P<did>{'|'.join(_DID)}) (?P<object>[^\s,;:]{{2,30}}"
            rf"(?: [^\s,;:]{{1,30}}){{0,5}}?) {_DAY}",
            "When did {subject} {did} {object}?",
        ),
        (rf"{_OFFICE}{_NAME}", "Who is the {subject}?"),
        (
            rf"{_SUBJECT} (?P<have>has|have|keeps?|owns?|carry|carries|contains?|employs?|operates?"
            rf"|runs?|offers?) {_ABOUT}{_COUNT}(?P<things>(?:[a-z]{{2,20}} )?[a-z]{{2,20}}s)"
            r"(?=[.,;]| (?:on|in|for|and|at|from|to|a|per|with|every|each|that|which)\b)",
            "How many {things} {does} {subject} {have}?",
        ),
        (
            rf"{_SUBJECT} {_BE} (?P<done>\w{{3,20}}ed|built|paid|sent|swept|held) {_TIME}",
            "When {be} {subject} {done}?",
        ),
        (
            rf"(?P<subject>The (?:[a-z]{{2,20}} ){{0,3}}?{_ROLE}(?: of [^,.;:()]{{2,40}})?) is "
            rf"{_NAME}\.",
            "Who is {subject}?",
        ),
        (rf"{_SUBJECT} {_BE} open from \d", "When {be} {subject} open?"),
        (rf"{_SUBJECT} (?:means|stands for) [\w]", "What does {subject} mean?"),
        (
            rf"{_NAME}(?:, | is | was )the (?P<subject>{_ROLE}(?: (?:of|for) [^,.;:()]{{2,50}}))"
            r"[,.]",
            "Who is the {subject}?",
        ),
        (rf"(?!{_NAME} is){_SUBJECT} (?P<be>is|are) an? \w", "What {be} {subject}?"),
    )
)
_BASE = {"rose": "rise", "fell": "fall", "grew": "grow", "has": "have", "carries": "carry"}
_UNKNOWN = re.compile(
    r"\Athe [a-z]| (?:of|with|for|to|in|on|and|from|by) |\A(?:\S{1,60} ){3}"
    r"|\A[a-z]{1,60}(?:ly|ing) "
)
_LIST_MARK = re.compile(r"\s{0,60}(?:[-*•–]|\d{1,3}[.)])\s+")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A question, and the span of the document that its answer has to come from."""

    question: str
    document_id: str
    start: int
    end: int


class ExampleQuestions:
    """The examples of one service, computed once for each generation. Thread-safe."""

    def __init__(self, service: AnswerService) -> None:
        self._service = service
        self._lock = Lock()
        self._cached: OrderedDict[Scope, tuple[int, tuple[str, ...]]] = OrderedDict()

    def questions(self, scope: Scope = EVERYTHING) -> tuple[str, ...]:
        """Up to four questions that the documents in a scope answer, from as many of them as
        possible. There may be none.

        :raises StoreError: the index cannot be searched
        """
        with self._lock:
            generation = self._service.collection.generation
            known = self._cached.get(scope)
            if known is None or known[0] != generation:
                known = generation, tuple(islice(self._answered(scope), MAX_EXAMPLES))
            self._cached[scope] = known
            self._cached.move_to_end(scope)
            while len(self._cached) > _KEPT_SCOPES:
                self._cached.popitem(last=False)
            return known[1]

    def _answered(self, scope: Scope) -> Iterator[str]:
        store = self._service.collection.store.within(scope)
        by_document = [_candidates(store, summary) for summary in store.newest(_DOCUMENTS)]
        in_turn = (
            candidate
            for candidate in chain.from_iterable(zip_longest(*by_document))
            if candidate is not None
        )
        by_question = {candidate.question: candidate for candidate in islice(in_turn, _TRIES)}
        return (
            question
            for question, candidate in by_question.items()
            if self._is_answered(candidate, scope)
        )

    def _is_answered(self, candidate: _Candidate, scope: Scope) -> bool:
        """Whether the question is answered by default, and from where it was taken."""
        # The service would count and store the question as a user's, so the answerer is asked.
        try:
            question = make_question(candidate.question, filters=NO_FILTERS.within(scope))
            outcome = self._service.answerer.ask(question)
        except NotFoundError:  # Its document was deleted meanwhile.
            return False
        return isinstance(outcome, Answer) and any(
            citation.document_id == candidate.document_id
            and citation.start < candidate.end
            and candidate.start < citation.end
            for citation in outcome.statement.citations
        )


def _candidates(store: DocumentReader, summary: DocumentSummary) -> Iterator[_Candidate]:
    """The questions that a document answers: first its question headings, then its headings that
    name something to do, then its sentences, the most specific forms first.
    """
    try:
        if summary.characters <= _WHOLE_LIMIT:
            document = store.document(summary.id, summary.version)
            text, blocks = document.text, document.blocks
        else:
            text = store.passage(summary.id, summary.version, 0, _TEXT_LIMIT)
            blocks = text_blocks(text)
    except NotFoundError:  # It was deleted meanwhile.
        return
    headings = list(_headings(text, blocks))
    found = chain(
        ((_asked(title, text), *span) for title, span in headings),
        ((_how_to(title, text), *span) for title, span in headings),
        _facts(text[:_TEXT_LIMIT]),
    )
    for question, start, end in found:
        if question and _is_natural(question):
            yield _Candidate(question, summary.id, start, end)


def _headings(text: str, blocks: Sequence[Block]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The headings and the lines that may be questions, without numbers, each with the span of the
    text below it.
    """
    titles: list[tuple[str, int, int]] = []
    for block in blocks:
        line = _FIRST_LINE.match(text, block.start, block.end)
        if line is None or block.kind not in _MAY_ASK:
            continue
        title = line[0].strip()
        is_question = title.endswith("?") and title.count("?") == 1
        if block.kind is BlockKind.HEADING or (
            is_question and (line.end() == block.end or title[:1] == "Q")
        ):
            titles.append((_NUMBER.sub("", title), block.start, line.end()))
    ends = [start for _, start, _ in titles[1:]] + [len(text)]
    for (title, _, start), end in zip(titles, ends, strict=False):
        if text[start:end].strip():
            yield title, (start, end)


_MAY_ASK = {BlockKind.HEADING, BlockKind.PARAGRAPH, BlockKind.DEFINITION}


def _asked(title: str, text: str) -> str | None:
    """A heading that is a question, without the capital letters of a title."""
    if not title.endswith("?") or not _ASKS.match(title):
        return None
    first, _, rest = title[:-1].strip().partition(" ")
    words = rest.split()
    if sum(word[0].isupper() for word in words) > len(words) / 2:
        rest = _lowered(rest, text)
    return f"{first.capitalize()} {rest}?"


def _how_to(title: str, text: str) -> str | None:
    """The question of a heading such as "How to book a flight" or "Booking a flight"."""
    how_to = _HOW_TO.match(title)
    if how_to is not None:
        return f"How do I {_lowered(how_to['rest'], text)}?"
    gerund = _GERUND.match(title)
    base = _DOING.get(gerund["doing"].lower()) if gerund else None
    return f"How do I {base} {_lowered(gerund['rest'], text)}?" if gerund and base else None


def _facts(text: str) -> Iterator[tuple[str | None, int, int]]:
    spans = sentences(text)
    for shape, question in _SHAPES:
        for start, end in spans:
            mark = _LIST_MARK.match(text, start, end)
            match = shape.match(text, mark.end() if mark else start, end)
            if match is not None:
                yield _question_for(match, question), start, end


def _question_for(match: re.Match[str], template: str) -> str | None:
    """The question that the matched sentence answers, None if it does not say of what."""
    parts = {name: part for name, part in match.groupdict().items() if part}
    subject = _within_a_sentence(parts["subject"], match.string)
    # "What is the address argument?" and "What is compatibility with others?" are asked by nobody
    # who has not read of them.
    if template.startswith("What {be}") and _UNKNOWN.search(subject):
        return None
    if not _is_telling(subject) or _LEANING.search(parts.get("object", "")):
        return None
    verb = parts.get("rose") or parts.get("have") or ""
    parts["does"] = "does" if verb.endswith("s") else "do"
    parts["rose"] = parts["have"] = _BASE.get(verb, verb.removesuffix("s"))
    parts["did"] = _DID.get(parts.get("did", ""), "")
    if "maker" in parts:
        past, present = _MAKERS[parts["maker"]]
        parts["maker"] = past if parts["be"] in {"was", "were"} else present
    return template.format(**parts | {"subject": subject})


def _is_telling(subject: str) -> bool:
    """Whether a subject says by itself what is meant: "the Elm Bridge" does, and "the bridge" does
    not.
    """
    words = subject.split()
    article = words[0] in _ARTICLES
    if len(words) - article > 5:
        return False
    return words[0] != "the" or len(words) > 2 or words[1][:1].isupper()


def _is_natural(question: str) -> bool:
    """Whether a question is English that is understood by itself."""
    body = question[:-1]
    words = body.split()
    return (
        3 <= len(words) <= _MAX_WORDS
        and len(question) <= _MAX_CHARACTERS
        and not _UNNATURAL.search(body)
        and not _LEANING.search(body)
        and bool(_ENGLISH.search(body))
        and not all(word[0].isupper() for word in words)
    )


def _lowered(words: str, text: str) -> str:
    """The words of a heading as they are written inside a sentence."""
    return " ".join(
        word.lower()
        if _SMALL.fullmatch(word) or (word[1:].islower() and _occurs(word.lower(), text))
        else word
        for word in words.rstrip(" .:").split()
    )


def _within_a_sentence(subject: str, text: str) -> str:
    """The subject as it is written inside a sentence: its first word is in lower case if it is an
    article, or if the text has it in lower case elsewhere, or if it begins a term such as "Brace
    expansion" that the text never has with a capital letter inside a sentence.
    """
    first, space, rest = subject.partition(" ")
    lower = first.lower()
    is_lower = lower in _ARTICLES or _occurs(lower, text)
    if not is_lower and rest.islower() and first[1:].islower():
        is_lower = not re.search(rf"(?<=[a-z,] ){re.escape(first)}(?!\w)", text)
    return f"{lower}{space}{rest}" if is_lower else subject


def _occurs(word: str, text: str) -> bool:
    """Whether the text has a word in lower case, and not more often with a capital letter inside a
    sentence.
    """
    lower = len(re.findall(rf"(?<!\S){re.escape(word)}(?![^\s,.;:?!])", text))
    return 0 < lower >= len(re.findall(rf"(?<=[a-z,] ){re.escape(word.capitalize())}(?!\w)", text))
