"""Completes follow-up questions from the conversation before them.

Rules over the words of the question do this, and the encoder finds the phrase that a new one
replaces. A question that is already complete, or that the conversation does not explain, stays as
it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.encoding.encoder import Encoder
from service.followups.ellipsis import (
    agreeing,
    appended,
    asks_alone,
    bare,
    both_questions,
    fragment,
    swapped,
    with_other_question,
    with_time,
    without_article,
)
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

_NUMBERED = frozenset({Reference.THING, Reference.SEVERAL})
_ANSWER_WORDS = 10
_TURN_CHARACTERS = 300
_LEAD = re.compile(
    r"(?:(?:and|but|so|or|also|ok|okay|oh|well|yes|no|now|then|thanks|thank you|interesting"
    r"|great|in general)\b"
    r"[,.!:;]? *)+",
    re.I,
)
_ABOUT = re.compile(r"(?:what|how) about\b *", re.I)
# White space is looked at from its beginning alone, so that much of it takes linear time.
_MARKS = re.compile(r"(?:(?<!\s)\s+)?\[\d+\]|\*+|^[>\-#]+\s*")
_ALONE = re.compile(r"(?:its|their|his|her) ", re.I)
_POSSESSIVE_END = re.compile(r"[’']s?$|(?<=s) is$")
_SAME = re.compile(
    r"(?<!all )\bthe same(?: thing)?(?= *[?.!]| (?:for|in|at|on|to|with|true|apply)\b|$)", re.I
)
_KIND_ASKED = re.compile(
    r"^(?:are|is|were|was) there (?:any|some|other)\b"
    r"|\b(?:what|which) (?:kind|type|sort)s? (?!of\b)",
    re.I,
)
_OTHER = re.compile(r"\b(?:other|another|similar) $", re.I)
_COMPLEMENT = re.compile(
    r"\A\W*(?:of|between|about|that|who|which|behind|for|with|to|on|in|at|than|besides)\b", re.I
)
_DEFINITE = re.compile(r"\bthe (?:\w+ )?$", re.I)
_BE = re.compile(r"\b(?:is|are|was|were|be|been)\b", re.I)
_GOES_ON = re.compile(r" (?!like\b)\w", re.I)
_COMPARED = re.compile(r"\b(?:most|more|so|very|too|as) $", re.I)
_COMPARED_ONLY = re.compile(r"\b(?:is|are|was|were) [a-z]{2,20}er(?=\W*$| and | or )", re.I)
_ANY = re.compile(r"(?:are|is|were|was) there\b", re.I)
_SUPERLATIVE = re.compile(r"[a-z]+est")
_PAIR = re.compile(r" (?:and|or) (?!why|how|when|where|who|what)\w+(?=\W*$| (?:of|for|in)\b)")
# Words that describe without saying what is meant, as in "the key findings".
_GENERIC = re.compile(
    r"^(?:(?:key|side|major|typical|basic|core|primary|general|current|total|exact|full|average"
    r"|usual|notable|known) )+",
    re.I,
)
_US = frozenset("i you we me us my your our".split())


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
        start = _lead(question)
        lead, body = (question[:start], question[start:]) if question[start:] else ("", question)
        if not _ABOUT.match(body) and asks_alone(body):
            text = with_other_question(context.question, body)
            return Resolution(text, context.topic, context.person)
        resolution = (
            self._with_part_replaced(body, context, lead)
            or _with_same(body, context)
            or _with_referents(body, context)
            or _with_topic(body, context)
            or Resolution(question)
        )
        is_whole = resolution.text == both_questions(context.question, body)
        return _both(context, question) if is_whole else resolution

    def _with_part_replaced(self, question: str, context: Context, lead: str) -> Resolution | None:
        """The last question with one part replaced: "And in 2023?", "What about imports?"."""
        about = _ABOUT.match(question)
        part = fragment(
            question[about.end() :] if about else question, is_introduced=bool(about or lead)
        )
        if part is None:
            return _both(context, f"{lead}{question}") if about else None
        words = tokens(part)
        if any(word.lower in PRONOUNS or word.lower in DEMONSTRATIVES for word in words):
            return None
        replaced = self._part_replaced(part, context.question)
        if replaced is None:
            # Without "and" or "what about", words that fit nowhere begin another topic.
            return _both(context, f"{lead}{question}") if about or lead else None
        things = [phrase.text for phrase in phrases(part) if not phrase.is_time]
        return Resolution(replaced, things[0] if things else context.topic, context.person)

    def _part_replaced(self, part: str, question: str) -> str | None:
        new, old = phrases(part), phrases(question)
        words = tokens(part)
        if not new or words[-1].lower in {"one", "ones"}:
            return self._reworded(without_article(words), question)
        if new[0].is_time:
            return with_time(question, part, new[0])
        things = [phrase for phrase in old if not phrase.is_time]
        nearest = self._nearest(part[new[0].start :], [thing.text for thing in things])
        return (
            appended(question, part)
            if nearest is None
            else swapped(question, things[nearest], part)
        )

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


def is_sentence(question: str) -> bool:
    """Whether a question has a verb and names something, and so may be complete."""
    return has_verb(question) and any(not phrase.is_time for phrase in phrases(question))


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
        named = phrases(question)
        if named and all(phrase.is_relational or phrase.is_time for phrase in named):
            topic = topic or before.topic  # "the main versions" are versions of the topic.
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


def _both(context: Context, question: str) -> Resolution:
    """Both questions, the earlier one first. This is the fallback if they cannot be joined."""
    return Resolution(both_questions(context.question, question), context.topic, context.person)


def _with_same(question: str, context: Context) -> Resolution | None:
    """Both questions if the second one asks about "the same"."""
    return _both(context, question) if _SAME.search(question) else None


def _with_referents(question: str, context: Context) -> Resolution | None:
    """The question with its mentions replaced by what they refer to."""
    unresolved = list(mentions(question, context))
    known = [mention for mention in unresolved if mention.text]
    if not known:
        return _both(context, question) if any(each.is_sure for each in unresolved) else None
    text = question
    for mention in reversed(known):
        before, after = text[: mention.start], text[mention.end :]
        if mention.kind in _NUMBERED and not mention.text.endswith(("’", "’s")):
            several = mention.kind is Reference.SEVERAL
            before, after = agreeing(before, after, was_plural=several, text=mention.text)
        text = before + mention.text + after
    if _ALONE.match(question) and not has_verb(question):  # "its capacity?" asks what that is
        text = f"What {'are' if is_plural(bare(question)) else 'is'} {text}"
    if question[0].isupper():
        text = text[0].upper() + text[1:]
    people = [mention for mention in known if mention.kind is Reference.PERSON]
    things = [mention for mention in known if mention.kind is not Reference.PERSON]
    return Resolution(text, _plain(things), _plain(people))


def _plain(same_kind: Sequence[Mention]) -> str:
    return _POSSESSIVE_END.sub("", same_kind[0].text) if same_kind else ""


def _with_topic(question: str, context: Context) -> Resolution | None:
    """The question with the topic after the phrase that needs it: "the symptoms of anemia"."""
    named = [phrase for phrase in phrases(question) if not phrase.is_time]
    words = {token.lower for token in tokens(question)}
    if not words.isdisjoint(PRONOUNS):
        return None
    if not named or (len(named) == 1 and _COMPARED_ONLY.search(question)):
        # "What happened?" and "Which is younger?" name nothing at all.
        if not named and (phrases(question) or not words.isdisjoint(_US)):
            return None
        return _both(context, question) if has_verb(question) else None
    if not all(_is_wanting(phrase, question) for phrase in named):
        return None
    topic = context.topic or referent(Reference.SEVERAL, context)
    if not topic or topic.removeprefix("the ").rstrip("s").lower() in question.lower():
        return None
    before = question[: named[0].start]
    if _OTHER.search(before) and not named[0].is_relational:
        return _both(context, question)
    pair = _PAIR.match(question, named[0].end)
    end = pair.end() if pair else named[0].end
    is_of = named[0].is_relational or not _ANY.match(question)
    return Resolution(f"{question[:end]} {'of' if is_of else 'for'} {topic}{question[end:]}", topic)


def _is_wanting(phrase: Phrase, question: str) -> bool:
    """Whether a phrase needs a complement, as "the symptoms" without saying of what."""
    before, after = question[: phrase.start], question[phrase.end :]
    if phrase.is_name:
        return False
    if _SUPERLATIVE.fullmatch(phrase.text) and not after.startswith(" of "):
        return True
    if _COMPLEMENT.match(after) and phrases(after):
        return False
    if _ANY.match(question) and phrases(after):
        return False
    if _OTHER.search(before) or _KIND_ASKED.search(question):
        return True
    if " " in _GENERIC.sub("", phrase.text):
        return False
    if _COMPARED.search(before):
        return True
    definite = bool(_DEFINITE.search(before))
    if phrase.is_relational:
        return definite or phrase.is_plural
    return definite and bool(_BE.search(before)) and not _GOES_ON.match(after)
