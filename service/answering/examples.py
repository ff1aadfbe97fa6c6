"""Example questions that a collection answers, generated from its own sentences.

A sentence of a simple form ("The bridge was opened in 1931.") becomes a question ("When was the
bridge opened?"), which is then asked. It is an example only if its answer comes from that same
sentence.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from threading import Lock

from corpus.dates import MONTH_PATTERN
from corpus.errors import NotFoundError
from index.filters import EVERYTHING, NO_FILTERS, Scope
from index.text.sentences import sentences
from service.answering.answer import Answer
from service.answering.service import AnswerService
from service.question import make_question

MAX_EXAMPLES = 4

_DOCUMENTS = 40
_TEXT_LIMIT = 20_000
_TRIES = 16
_KEPT_SCOPES = 64

_ABOUT = r"(?:(?:about|around|almost|nearly|over|roughly|some|more than|less than) )?"
_BE = r"(?P<be>is|are|was|were)"
_ARTICLES = ("the", "a", "an")
_DAY = rf"(?:in|on) (?:\d{{1,2}} )?(?:(?:{MONTH_PATTERN}) )?\d"
_DONE = (
    r"(?P<done>\w{1,60}ed|begun|bought|built|chosen|flown|found|given|held|laid|made|paid|sent"
    r"|shown|sold|told|won|written)"
)
_NAME = r"[A-Z][\w’'-]{1,60}(?: [A-Z][\w’'-]{1,60}){1,2}"
_SUBJECT = (
    r"(?P<subject>(?!(?:Both|He|Her|His|I|It|Its|My|One|Our|She|So|That|Their|There|These|They"
    r"|This|Those|We|You)\b)"
    r"[A-Z][^\s,;:()“”\"]{0,60}(?: [^\s,;:()“”\"]{1,60}){0,5})"
)
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
            rf"{_SUBJECT} {_BE} (?P<done>held|born|built|made|based|found) (?:in|at) [A-Z]",
            "Where {be} {subject} {done}?",
        ),
        (rf"{_SUBJECT} {_BE} {_DONE} by [A-Z]", "Who {be} {subject} {done} by?"),
        (
            rf"{_SUBJECT} (?P<rose>rose|fell|grew) by {_ABOUT}\d",
            "By how much did {subject} {rose}?",
        ),
        (rf"{_SUBJECT} means [\w]", "What does {subject} mean?"),
        (
            rf"{_NAME}(?:, | is | was )the (?P<subject>[^,.;:()]{{4,60}})[,.]",
            "Who is the {subject}?",
        ),
        (rf"(?!{_NAME} is){_SUBJECT} (?P<be>is|are) (?:the|an?) \w", "What {be} {subject}?"),
    )
)
_PRESENT = {"rose": "rise", "fell": "fall", "grew": "grow"}
_LIST_MARK = re.compile(r"\s{0,60}(?:[-*•–]|\d{1,3}[.)])\s+")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A question and the span of the sentence that it was generated from."""

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
        by_document = [
            _candidates(summary.id, store.passage(summary.id, summary.version, 0, _TEXT_LIMIT))
            for summary in store.newest(_DOCUMENTS)
        ]
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
        """Whether the question's answer comes from the sentence that it was generated from."""
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


def _candidates(document_id: str, text: str) -> Iterator[_Candidate]:
    """The questions that a document's sentences answer, the most specific forms first."""
    spans = sentences(text)
    for shape, question in _SHAPES:
        for start, end in spans:
            mark = _LIST_MARK.match(text, start, end)
            match = shape.match(text, mark.end() if mark else start, end)
            if match is not None:
                yield _Candidate(_question_for(match, question), document_id, start, end)


def _question_for(match: re.Match[str], template: str) -> str:
    """The question that the matched sentence answers."""
    parts = {name: _PRESENT.get(part, part) for name, part in match.groupdict().items()}
    return template.format(
        **parts | {"subject": _within_a_sentence(parts["subject"], match.string)}
    )


def _within_a_sentence(subject: str, text: str) -> str:
    """The subject as it is written inside a sentence: its first word is in lower case if it is an
    article, or if the text has it in lower case elsewhere.
    """
    first, space, rest = subject.partition(" ")
    lower = first.lower()
    is_lower = lower in _ARTICLES or re.search(rf"(?<!\w){re.escape(lower)}(?!\w)", text)
    return f"{lower}{space}{rest}" if is_lower else subject
