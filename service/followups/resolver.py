"""Follow-up questions: what a question means after what was said before it.

Rules over the words of the question and, where something takes the place of its like, the embedder.
A question that is complete stays as it is; so does one that nothing before explains.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.encoding.encoder import Encoder
from service.followups.mentions import DEMONSTRATIVES, PRONOUNS, Mention, mentions
from service.followups.phrases import (
    QUESTION_WORDS,
    Phrase,
    Token,
    has_verb,
    is_plural,
    phrases,
    tokens,
)
from service.followups.referents import Context, Reference, referent
from service.question import MAX_QUESTION_LENGTH, Role, Turn

LIKENESS = 0.35
"""How near the embedder must see two phrases for one to take the other's place."""

_ANSWER_WORDS = 10
_TURN_CHARACTERS = 300
_TOGETHER_WORDS = 30
_PARALLEL_WORDS = 6
_LEAD = re.compile(
    r"(?:(?:and|but|so|or|also|ok|okay|oh|well|yes|no|now|then|thanks|thank you|interesting"
    r"|great|in general)\b"
    r"[,.!:;]? *)+",
    re.I,
)
_ABOUT = re.compile(r"(?:what|how) about\b *", re.I)
_MARKS = re.compile(r"\s*\[\d+\]|\*+|^[>\-#]+\s*")
_ALONE = re.compile(r"(?:its|their) ", re.I)
_PREPOSITION = re.compile(r"\b(?:in|on|at|for|from|to|by|of|with|during) (?:the )?$", re.I)
_ARTICLE = re.compile(r"\b(?:the|an?) $", re.I)
_INCOMPLETE = re.compile(
    r"^(?:are|is|were|was) there (?:any|some|other)\b|\bso many\b|\b(?:what|which) (?:kind"
    r"|type|sort)s? (?!of\b)"
    r"|\b(?:other|another|similar) (?!.*\b(?:than|besides|to|from)\b)",
    re.I,
)
_COMPLEMENT = re.compile(r"\W*(?:of|between|about|that|who|which|behind)\b", re.I)
_DEFINITE = re.compile(r"\bthe (?:\w+ )?$", re.I)
_PLACED = re.compile(r"\b(?:in|on|at|of|to|from) the $", re.I)
_COMPARED = re.compile(r"\b(?:most|more|so|very|too|as) $", re.I)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A question in full.

    :param topic: the thing that was carried over into it, "" where there is none
    :param person: likewise, for people
    """

    text: str
    topic: str = ""
    person: str = ""


class Resolver:
    """Makes follow-up questions complete. Thread-safe and deterministic."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def resolve(self, question: str, history: Sequence[Turn]) -> str:
        """The question as it is meant, in full; as it stands where it needs nothing from before."""
        context: Context | None = None
        for asked, answer in _exchanges(history):
            context = _next(self._resolved(asked, context), answer, context)
        resolved = self._resolved(question, context).text
        return resolved if len(resolved) <= MAX_QUESTION_LENGTH else question

    def _resolved(self, question: str, context: Context | None) -> Resolution:
        if context is None:
            return Resolution(question)
        body = question[_lead(question) :] or question
        for rule in (self._asked_anew, self._in_place, _with_referents, _with_topic):
            found = rule(body, context)
            if found is not None:
                return found
        return Resolution(question)

    def _asked_anew(self, question: str, context: Context) -> Resolution | None:
        """ "Why?", "in which waters?": what is asked for takes the place of what was."""
        words = [token.lower for token in tokens(question)]
        if _ABOUT.match(question) or has_verb(question) or QUESTION_WORDS.isdisjoint(words):
            return None
        end = _end_of_asking(context.question)
        if end is None:
            return _together(context, question)
        return Resolution(
            f"{_bare(question)}{context.question[end:]}", context.topic, context.person
        )

    def _in_place(self, question: str, context: Context) -> Resolution | None:
        """ "And in 2023?", "what about imports?": the last question, with this in the place of its
        like.
        """
        about = _ABOUT.match(question)
        part = _bare(question[about.end() :] if about else question)
        words = tokens(part)
        if not any(word.text.isalnum() for word in words):
            return None
        if not about and (has_verb(part) or len(words) > _PARALLEL_WORDS):
            return None
        if any(word.lower in PRONOUNS or word.lower in DEMONSTRATIVES for word in words):
            return None
        placed = self._placed(part, context.question)
        if placed is None:
            return _together(context, question)
        things = [phrase.text for phrase in phrases(part) if not phrase.is_time]
        return Resolution(placed, things[0] if things else context.topic, context.person)

    def _placed(self, part: str, question: str) -> str | None:
        new, old = phrases(part), phrases(question)
        words = tokens(part)
        if not new or words[-1].lower in {"one", "ones"}:
            return self._reworded(
                [word for word in words if word.lower not in {"the", "a", "an", "one", "ones"}],
                question,
            )
        if new[0].is_time:
            times = [phrase for phrase in old if phrase.is_time]
            return (
                _swapped(question, times[-1], part, new[0].start)
                if times
                else f"{_bare(question)} {part}?"
            )
        things = [phrase for phrase in old if not phrase.is_time]
        place = self._nearest(part[new[0].start :], [thing.text for thing in things])
        return None if place is None else _swapped(question, things[place], part, new[0].start)

    def _reworded(self, words: Sequence[Token], question: str) -> str | None:
        """The question with a word in the place of the one most like it: "Russian" makes room for
        "Chinese".
        """
        old = [
            token
            for token in tokens(question)
            if token.text[0].isalpha() and token.lower not in QUESTION_WORDS
        ]
        place = self._nearest(words[-1].text, [token.text for token in old]) if words else None
        if place is None:
            return None
        return (
            question[: old[place].start]
            + " ".join(word.text for word in words)
            + question[old[place].end :]
        )

    def _nearest(self, text: str, others: Sequence[str]) -> int | None:
        """The number of the text most like this one, None where none is like it."""
        if not others:
            return None
        vectors = self._encoder.encode([text, *others])
        likeness = vectors[1:] @ vectors[0]
        best = int(likeness.argmax())
        return best if likeness[best] >= LIKENESS else None


def _exchanges(history: Sequence[Turn]) -> Iterator[tuple[str, str]]:
    """Each question of the user with what was said to it; of a very long one, the end."""
    asked, answer = "", ""
    for turn in history:
        text = turn.text.strip()
        if turn.role is Role.ASSISTANT:
            answer = text[:_TURN_CHARACTERS]
        elif text:
            if asked:
                yield asked, answer
            asked, answer = text[-_TURN_CHARACTERS:], ""
    if asked:
        yield asked, answer


def _next(resolved: Resolution, answer: str, before: Context | None) -> Context:
    """Where the conversation stands after a question and its answer. Who and what it still speaks
    of stays in focus.
    """
    question = resolved.text.rpartition("? ")[2]
    question = question[_lead(question) :] or question
    topic, person = resolved.topic, resolved.person
    if before is not None:
        topic = topic or (before.topic if person and before.topic in question else "")
        person = person or (before.person if before.person in question else "")
    return Context(question, _few_words(answer), topic, person, before)


def _few_words(answer: str) -> str:
    """An answer that later questions may refer to: a few words and no sentence, as "The documents
    do not say" is.
    """
    line = next((line for line in answer.splitlines() if line.strip()), "")
    line = _MARKS.sub("", line).strip(' ."“”')
    return line if len(line.split()) <= _ANSWER_WORDS and not has_verb(line) else ""


def _lead(question: str) -> int:
    """Where a question begins after "And", "OK." and their like."""
    lead = _LEAD.match(question)
    return lead.end() if lead else 0


def _bare(question: str) -> str:
    return question.strip().rstrip("?!. ")


def _together(context: Context, question: str) -> Resolution:
    """Both questions, the last one first: the way out if no part of the last one can be singled
    out.
    """
    last = " ".join(_bare(context.question).split()[-_TOGETHER_WORDS:])
    return Resolution(f"{last}? {question}", context.topic, context.person)


def _end_of_asking(question: str) -> int | None:
    """Where the part of a question that says what is asked for ends, with the white space after
    it.
    """
    found = tokens(question)
    if all(token.lower not in QUESTION_WORDS for token in found[:3]):
        return None
    for before, token in pairwise(found):
        if token.is_auxiliary:
            return before.end
    contracted = re.match(r"\w+(?=['’]s\b)", question)
    return contracted.end() if contracted else found[0].end


def _swapped(question: str, place: Phrase, part: str, start: int) -> str:
    """A part of a question in the place of a phrase; before ``start`` it brings its own preposition
    or article.
    """
    before = question[: place.start]
    if start and _PREPOSITION.search(before) and _PREPOSITION.search(part[:start]):
        before = _PREPOSITION.sub("", before)
    elif start:
        before = _ARTICLE.sub("", before)
    return before + part + question[place.end :]


def _with_referents(question: str, context: Context) -> Resolution | None:
    """Pronouns, each kind where it first stands, replaced by what they stand for."""
    found = list(mentions(question, context))
    known = [mention for mention in found if mention.text]
    if not known:
        return _together(context, question) if any(mention.is_sure for mention in found) else None
    text = question
    for mention in reversed(known):
        text = text[: mention.start] + mention.text + text[mention.end :]
    if _ALONE.match(question) and not has_verb(question):  # "its capacity?" asks what that is
        text = f"What {'are' if is_plural(_bare(question)) else 'is'} {text}"
    people = [mention for mention in known if mention.kind is Reference.PERSON]
    things = [mention for mention in known if mention.kind is not Reference.PERSON]
    return Resolution(text, _plain(things), _plain(people))


def _plain(same_kind: Sequence[Mention]) -> str:
    return re.sub(r"[’']s?$|(?<=s) is$", "", same_kind[0].text) if same_kind else ""


def _with_topic(question: str, context: Context) -> Resolution | None:
    """A question that says too little by itself, with the topic behind it."""
    if not any(letter.isalnum() for letter in question):
        return None
    says_enough = any(_is_telling(phrase, question) for phrase in phrases(question))
    if (
        says_enough
        and not _INCOMPLETE.search(question)
        and not any(_wants(phrase, question) for phrase in phrases(question))
    ):
        return None
    topic = context.topic or referent(Reference.SEVERAL, context)
    if not topic or topic.removeprefix("the ").lower() in question.lower():
        return None
    end = len(question.rstrip(" ?.!"))
    return Resolution(f"{question[:end]} ({topic}){question[end:]}", topic)


def _is_telling(phrase: Phrase, question: str) -> bool:
    described = _COMPARED.search(question[: phrase.start]) or re.fullmatch(r"[a-z]+er", phrase.text)
    return not (phrase.is_relational or phrase.is_time or described)


def _wants(phrase: Phrase, question: str) -> bool:
    """Whether a phrase asks to be completed: "the symptoms" or "the band" without saying of
    what.
    """
    before, after = question[: phrase.start], question[phrase.end :]
    if phrase.is_name or phrase.is_time or phrase.is_asked or _COMPLEMENT.match(after):
        return False
    definite = bool(_DEFINITE.search(before))
    if phrase.is_relational:
        return phrase.is_subject and (definite or phrase.is_plural)
    return definite and " " not in phrase.text and not _PLACED.search(before)
