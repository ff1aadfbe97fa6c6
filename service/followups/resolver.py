"""Completes follow-up questions from the conversation before them.

Rules over the words of the question do this, and the encoder finds the phrase that a new one
replaces. A question that is already complete, or that the conversation does not explain, stays as
it is.
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
"""The least cosine similarity of two phrases for one to replace the other."""

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
# White space is looked at from its beginning alone, so that much of it takes linear time.
_MARKS = re.compile(r"(?:(?<!\s)\s+)?\[\d+\]|\*+|^[>\-#]+\s*")
_ALONE = re.compile(r"(?:its|their) ", re.I)
_PREPOSITION = re.compile(r"\b(?:in|on|at|for|from|to|by|of|with|during) (?:the )?$", re.I)
_CONTRACTED_WORD = re.compile(r"\w+(?=['’]s\b)")
_POSSESSIVE_END = re.compile(r"[’']s?$|(?<=s) is$")
_COMPARATIVE = re.compile(r"[a-z]+er")
_ARTICLE = re.compile(r"\b(?:the|an?) $", re.I)
_INCOMPLETE = re.compile(
    r"^(?:are|is|were|was) there (?:any|some|other)\b|\bso many\b|\b(?:what|which) (?:kind"
    r"|type|sort)s? (?!of\b)"
    r"|\b(?:other|another|similar) (?!.*\b(?:than|besides|to|from)\b)",
    re.I,
)
_COMPLEMENT = re.compile(r"\A\W*(?:of|between|about|that|who|which|behind)\b", re.I)
_DEFINITE = re.compile(r"\bthe (?:\w+ )?$", re.I)
_PLACED = re.compile(r"\b(?:in|on|at|of|to|from) the $", re.I)
_COMPARED = re.compile(r"\b(?:most|more|so|very|too|as) $", re.I)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A completed question.

    :param topic: the thing that was carried over into it, "" if there is none
    :param person: likewise, for people
    """

    text: str
    topic: str = ""
    person: str = ""


class Resolver:
    """Completes follow-up questions. It is thread-safe and deterministic."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def resolve(self, question: str, history: Sequence[Turn]) -> str:
        """The question in full, or unchanged if it needs nothing from the conversation."""
        context: Context | None = None
        for earlier, answer in _exchanges(history):
            context = _next(self._resolved(earlier, context), answer, context)
        resolved = self._resolved(question, context).text
        return resolved if len(resolved) <= MAX_QUESTION_LENGTH else question

    def _resolved(self, question: str, context: Context | None) -> Resolution:
        if context is None:
            return Resolution(question)
        body = question[_lead(question) :] or question
        for rule in (
            self._with_other_question,
            self._with_part_replaced,
            _with_referents,
            _with_topic,
        ):
            resolution = rule(body, context)
            if resolution is not None:
                return resolution
        return Resolution(question)

    def _with_other_question(self, question: str, context: Context) -> Resolution | None:
        """The last question, asking for something else: "Why?", "In which waters?"."""
        words = [token.lower for token in tokens(question)]
        if _ABOUT.match(question) or has_verb(question) or QUESTION_WORDS.isdisjoint(words):
            return None
        end = _end_of_asking(context.question)
        if end is None:
            return _together(context, question)
        return Resolution(
            f"{_bare(question)}{context.question[end:]}", context.topic, context.person
        )

    def _with_part_replaced(self, question: str, context: Context) -> Resolution | None:
        """The last question with one part replaced: "And in 2023?", "What about imports?"."""
        about = _ABOUT.match(question)
        part = _bare(question[about.end() :] if about else question)
        words = tokens(part)
        if not any(word.text.isalnum() for word in words):
            return None
        if not about and (has_verb(part) or len(words) > _PARALLEL_WORDS):
            return None
        if any(word.lower in PRONOUNS or word.lower in DEMONSTRATIVES for word in words):
            return None
        replaced = self._part_replaced(part, context.question)
        if replaced is None:
            return _together(context, question)
        things = [phrase.text for phrase in phrases(part) if not phrase.is_time]
        return Resolution(replaced, things[0] if things else context.topic, context.person)

    def _part_replaced(self, part: str, question: str) -> str | None:
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
        nearest = self._nearest(part[new[0].start :], [thing.text for thing in things])
        return None if nearest is None else _swapped(question, things[nearest], part, new[0].start)

    def _reworded(self, words: Sequence[Token], question: str) -> str | None:
        """The question with its most similar word replaced, as "Russian" by "Chinese"."""
        old = [
            token
            for token in tokens(question)
            if token.text[0].isalpha() and token.lower not in QUESTION_WORDS
        ]
        nearest = self._nearest(words[-1].text, [token.text for token in old]) if words else None
        if nearest is None:
            return None
        return (
            question[: old[nearest].start]
            + " ".join(word.text for word in words)
            + question[old[nearest].end :]
        )

    def _nearest(self, text: str, others: Sequence[str]) -> int | None:
        """The index of the most similar text, or None if none is similar enough."""
        if not others:
            return None
        vectors = self._encoder.encode([text, *others])
        similarities = vectors[1:] @ vectors[0]
        best = int(similarities.argmax())
        return best if similarities[best] >= LIKENESS else None


def _exchanges(history: Sequence[Turn]) -> Iterator[tuple[str, str]]:
    """Each question of the user with its answer. Of a very long question, the end is used."""
    question, answer = "", ""
    for turn in history:
        text = turn.text.strip()
        if turn.role is Role.ASSISTANT:
            answer = text[:_TURN_CHARACTERS]
        elif text:
            if question:
                yield question, answer
            question, answer = text[-_TURN_CHARACTERS:], ""
    if question:
        yield question, answer


def _next(resolved: Resolution, answer: str, before: Context | None) -> Context:
    """The state of the conversation after a question and its answer. People and things that the
    question still mentions stay in focus.
    """
    question = resolved.text.rpartition("? ")[2]
    question = question[_lead(question) :] or question
    topic, person = resolved.topic, resolved.person
    if before is not None:
        topic = topic or (before.topic if person and before.topic in question else "")
        person = person or (before.person if before.person in question else "")
    return Context(question, _few_words(answer), topic, person, before)


def _few_words(answer: str) -> str:
    """The answer if later questions may refer to it: a few words, and not a sentence such as "The
    documents do not say". Otherwise "".
    """
    line = next((line for line in answer.splitlines() if line.strip()), "")
    line = _MARKS.sub("", line).strip(' ."“”')
    return line if len(line.split()) <= _ANSWER_WORDS and not has_verb(line) else ""


def _lead(question: str) -> int:
    """The offset at which a question begins after "And", "OK." and the like."""
    lead = _LEAD.match(question)
    return lead.end() if lead else 0


def _bare(question: str) -> str:
    return question.strip().rstrip("?!. ")


def _together(context: Context, question: str) -> Resolution:
    """Both questions, the earlier one first. This is the fallback if no part of the earlier one can
    be replaced.
    """
    last = " ".join(_bare(context.question).split()[-_TOGETHER_WORDS:])
    return Resolution(f"{last}? {question}", context.topic, context.person)


def _end_of_asking(question: str) -> int | None:
    """The offset at which the part of a question that says what is asked for ends, before any
    white space.
    """
    words = tokens(question)
    if all(word.lower not in QUESTION_WORDS for word in words[:3]):
        return None
    for before, word in pairwise(words):
        if word.is_auxiliary:
            return before.end
    contracted = _CONTRACTED_WORD.match(question)
    return contracted.end() if contracted else words[0].end


def _swapped(question: str, phrase: Phrase, part: str, start: int) -> str:
    """The question with ``part`` in place of a phrase. Up to ``start``, the part has a preposition
    or article of its own, which replaces that of the phrase.
    """
    before = question[: phrase.start]
    if start and _PREPOSITION.search(before) and _PREPOSITION.search(part[:start]):
        before = _PREPOSITION.sub("", before)
    elif start:
        before = _ARTICLE.sub("", before)
    return before + part + question[phrase.end :]


def _with_referents(question: str, context: Context) -> Resolution | None:
    """The question with its mentions replaced by what they refer to."""
    unresolved = list(mentions(question, context))
    known = [mention for mention in unresolved if mention.text]
    if not known:
        is_sure = any(mention.is_sure for mention in unresolved)
        return _together(context, question) if is_sure else None
    text = question
    for mention in reversed(known):
        text = text[: mention.start] + mention.text + text[mention.end :]
    if _ALONE.match(question) and not has_verb(question):  # "its capacity?" asks what that is
        text = f"What {'are' if is_plural(_bare(question)) else 'is'} {text}"
    people = [mention for mention in known if mention.kind is Reference.PERSON]
    things = [mention for mention in known if mention.kind is not Reference.PERSON]
    return Resolution(text, _plain(things), _plain(people))


def _plain(same_kind: Sequence[Mention]) -> str:
    return _POSSESSIVE_END.sub("", same_kind[0].text) if same_kind else ""


def _with_topic(question: str, context: Context) -> Resolution | None:
    """The question with the topic in parentheses, if it says too little by itself."""
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
    described = _COMPARED.search(question[: phrase.start]) or _COMPARATIVE.fullmatch(phrase.text)
    return not (phrase.is_relational or phrase.is_time or described)


def _wants(phrase: Phrase, question: str) -> bool:
    """Whether a phrase needs to be completed, as "the symptoms" without saying of what."""
    before, after = question[: phrase.start], question[phrase.end :]
    if phrase.is_name or phrase.is_time or phrase.is_asked or _COMPLEMENT.match(after):
        return False
    definite = bool(_DEFINITE.search(before))
    if phrase.is_relational:
        return phrase.is_subject and (definite or phrase.is_plural)
    return definite and " " not in phrase.text and not _PLACED.search(before)
