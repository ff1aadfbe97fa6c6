"""Finds what "it", "they", "that exercise" or "the Chinese one" refers to in a conversation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from service.followups.phrases import Phrase, is_plural, is_relational, phrases

_PERSON_ASKED = re.compile(r"\bwhom?\b", re.I)
_THING_ASKED = re.compile(r"\b(?:whom?|which|what)\b", re.I)
_PLACE_ASKED = re.compile(r"\b(?:where|(?:which|what) (?:city|town|country|place))\b", re.I)
_WHERE = re.compile(r"\A(?:in|at|on|near) ", re.I)
_PLACED = re.compile(r"\b(?:in|at|on|from|through|near|into) (?:the )?$", re.I)
_DETERMINED = re.compile(r"\b(?:the|an?) ((?:first|second|last|next|new|old) )?$", re.I)
_COMPARED = re.compile(r"\b(?:most|more|so|very|too|as) $", re.I)
_COMPLEMENT = re.compile(r"\b(?:of|me (?:more )?about) (?:the |an? )?$", re.I)
_DESCRIPTION = re.compile(r"\A[a-z]+(?:ing|er|est)")
_GERUND = re.compile(r"\A[a-z]+ing (?=\S)")
# The numbers of letters and words are bounded so that a long text takes linear time.
_PAIR = re.compile(r"(?<=\s)(?:[A-Z][\w’-]{0,60}\s){1,8}and(?:\s[A-Z][\w’-]{0,60}){1,8}")
_TOPIC, _OTHER_NUMBER, _PAIRED, _ANSWER = 9.0, 8.4, 8.2, 5.5


class Reference(Enum):
    """The kind of thing that a pronoun may refer to."""

    PERSON = auto()
    THING = auto()
    SEVERAL = auto()


@dataclass(frozen=True, slots=True)
class Context:
    """The state of a conversation after a question.

    :param question: the last question, resolved
    :param answer: the answer to it if that is a few words and not a sentence, else ""
    :param topic: the thing that was carried over into it, "" if it names its own
    :param person: likewise, for people
    :param before: the state one question earlier
    """

    question: str
    answer: str = ""
    topic: str = ""
    person: str = ""
    before: "Context | None" = None

    def steps(self) -> Iterator["Context"]:
        """This state and all earlier ones, latest first."""
        step: Context | None = self
        while step is not None:
            yield step
            step = step.before


def referent(kind: Reference, context: Context) -> str | None:
    """What a pronoun most likely refers to, or None if the conversation offers nothing."""
    for step in context.steps():
        score, text = max(
            _candidates(kind, step), key=lambda candidate: candidate[0], default=(0.0, "")
        )
        if score > 0:
            return text
    return None


def named(noun: str, context: Context) -> str | None:
    """What "that exercise" refers to: the answer to "which exercise?", or the last phrase that
    ends in the noun.
    """
    if is_relational(noun):
        return None
    stem = noun.rstrip("s")
    for step in context.steps():
        for phrase in phrases(step.question):
            first, _, last = phrase.text.lower().rpartition(" ")
            if last.rstrip("s") == stem and phrase.is_asked and step.answer:
                return step.answer
            if last.rstrip("s") == stem and first:
                return phrase.text
    return None


def common(context: Context, *, several: bool) -> str | None:
    """What "one" or "ones" refers to: the last thing that was not called by a proper name."""
    for step in context.steps():
        nouns = [
            phrase for phrase in phrases(step.question) if not phrase.is_name and not phrase.is_time
        ]
        nouns.sort(key=lambda phrase: (phrase.is_relational, phrase.is_asked))
        if step.topic.islower() or nouns:
            text = step.topic.removeprefix("the ") if step.topic.islower() else _whole(nouns[0], "")
            return text if several or not is_plural(text) else text[:-1]
    return None


def last_time(context: Context) -> str | None:
    """The time that was mentioned last."""
    for step in context.steps():
        for text in (step.answer, step.question):
            times = [p.text for p in phrases(text) if p.is_time and not p.is_asked]
            if times:
                return times[-1]
    return None


def last_place(context: Context) -> str | None:
    """The place that was mentioned last: the answer to "where?", or a name after "in" or "to"."""
    for step in context.steps():
        if step.answer and _PLACE_ASKED.search(step.question):
            return _WHERE.sub("", step.answer)
        for phrase in reversed(phrases(step.question)):
            before = step.question[: phrase.start]
            if phrase.is_name and not phrase.is_time and _PLACED.search(before):
                return _whole(phrase, before)
    return None


def _candidates(kind: Reference, context: Context) -> Iterator[tuple[float, str]]:
    """What the last exchange offers, each with a score. Only scores above 0 are acceptable."""
    yield from _carried(kind, context)
    yield from _answered(kind, context)
    question = context.question
    pairs = [match for match in _PAIR.finditer(question) if kind is not Reference.PERSON]
    if kind is Reference.SEVERAL:
        yield from ((_PAIRED, pair[0]) for pair in pairs)
    for position, phrase in enumerate(phrases(question)):
        if not phrase.is_time and not any(
            pair.start() <= phrase.start < pair.end() for pair in pairs
        ):
            yield (
                _score(kind, phrase, question[: phrase.start]) - 0.1 * position,
                _whole(phrase, question[: phrase.start]),
            )


def _carried(kind: Reference, context: Context) -> Iterator[tuple[float, str]]:
    """The topic or the person that was carried over, which stays in focus."""
    if kind is Reference.PERSON:
        if context.person:
            yield _TOPIC, context.person
    elif context.topic:
        agrees = is_plural(context.topic) is (kind is Reference.SEVERAL)
        yield _TOPIC if agrees else _OTHER_NUMBER, context.topic


def _answered(kind: Reference, context: Context) -> Iterator[tuple[float, str]]:
    """The last answer, if it is of this kind."""
    if not context.answer or not _THING_ASKED.search(context.question):
        return
    person = bool(_PERSON_ASKED.search(context.question))
    if kind is Reference.PERSON and person and context.answer[0].isupper():
        yield _ANSWER, context.answer
    if (
        (kind is Reference.SEVERAL or not person)
        and kind is not Reference.PERSON
        and not any(letter.isdigit() for letter in context.answer)
    ):
        yield _ANSWER / 2, context.answer


def _score(kind: Reference, phrase: Phrase, before: str) -> float:
    score = (
        3.0 * phrase.is_name
        + 3.0 * (not phrase.is_relational)
        + (" " in phrase.text)
        + phrase.is_subject
    )
    score -= phrase.is_asked
    score -= 2.0 * bool(_DESCRIPTION.fullmatch(phrase.text)) + 3.0 * bool(_COMPARED.search(before))
    if kind is Reference.PERSON:
        away = _PLACED.search(before) or _COMPLEMENT.search(before)
        is_person = phrase.is_name and phrase.text.rpartition(" ")[2][0].isupper()
        return score - 8.0 * bool(away) if is_person else 0.0
    score += bool(_COMPLEMENT.search(before))
    if kind is Reference.THING:
        # "the commission in Ningbo" is about the commission.
        score -= 3.5 * (phrase.is_name and bool(_PLACED.search(before)))
        return score - 2.5 * phrase.is_plural
    return score + 2.0 * phrase.is_plural


def _whole(phrase: Phrase, before: str) -> str:
    """A phrase with its article, but without the gerund that governs it, as in "consuming energy
    drinks".
    """
    determined = _DETERMINED.search(before)
    if determined and not phrase.is_asked:
        return f"the {determined[1] or ''}{phrase.text}"
    return phrase.text if determined else _GERUND.sub("", phrase.text)
