"""Follow-up questions: what a question means after what was said before it.

Rules over the words of the question and, where something takes the place of its like, the embedder.
A question that is complete stays as it is; so does one that nothing before explains."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.encoding.encoder import Encoder
from service.answering.question import MAX_QUESTION_LENGTH, Role, Turn
from service.followups.phrases import (
    QUESTION_WORDS,
    Phrase,
    Token,
    has_verb,
    is_plural,
    phrases,
    tokens,
)
from service.followups.referents import Context, Reference, common, last_time, named, referent

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
_JUDGEMENT = (
    "possible|true|better|best|good|necessary|important|safe|hard|easy|difficult|likely|legal|worth|ok"
    "|common|normal"
)
_EMPTY_IT = re.compile(
    rf"\bit (?:(?:mean|take|matter)s?\b.* to\b|(?:{_JUDGEMENT}) (?:to|that|for|if)\b)"
    rf"|\bit(?:['’]s| is| was) (?:{_JUDGEMENT}) (?:to|that|for|if)\b",
    re.I,
)
_NEXT_CLAUSE = re.compile(
    r"[,;.?]|\band (?:how|what|why|when|where|who|is|are|does|do|did)\b|\b(?:and|if|when"
    r"|because) *$",
    re.I,
)
_PRONOUNS = {
    **dict.fromkeys("he him his she her hers".split(), Reference.PERSON),
    **dict.fromkeys("it its it's".split(), Reference.THING),
    **dict.fromkeys("they them their theirs".split(), Reference.SEVERAL),
}
_DEMONSTRATIVES = {
    **dict.fromkeys(("this", "that"), Reference.THING),
    **dict.fromkeys(("these", "those"), Reference.SEVERAL),
}
_OWNERS = frozenset({"his", "its", "their"})
_ALONE = re.compile(r"(?:its|their) ", re.I)
_PLACES_OF_TIME = frozenset({"after", "before", "since", "by", "until"})
_NO_ONE = frozenset({"", "of", "no", "any", "some", "every", "each", "if"})
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
        if any(word.lower in _PRONOUNS or word.lower in _DEMONSTRATIVES for word in words):
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
    """Both questions, the last one first: what is left where none of its parts can be told to be
    meant.
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


@dataclass(frozen=True, slots=True)
class _Mention:
    """A word or two that stand for something said before.

    :param text: what they stand for, "" where that is unknown
    :param is_sure: whether the question cannot be understood without it
    """

    start: int
    end: int
    text: str
    kind: Reference | None = None
    is_sure: bool = True


def _with_referents(question: str, context: Context) -> Resolution | None:
    """Pronouns, each kind where it first stands, replaced by what they stand for."""
    mentions = list(_mentions(question, context))
    known = [mention for mention in mentions if mention.text]
    if not known:
        return (
            _together(context, question) if any(mention.is_sure for mention in mentions) else None
        )
    text = question
    for mention in reversed(known):
        text = text[: mention.start] + mention.text + text[mention.end :]
    if _ALONE.match(question) and not has_verb(question):  # "its capacity?" asks what that is
        text = f"What {'are' if is_plural(_bare(question)) else 'is'} {text}"
    people = [mention for mention in known if mention.kind is Reference.PERSON]
    things = [mention for mention in known if mention.kind is not Reference.PERSON]
    return Resolution(text, _plain(things), _plain(people))


def _plain(mentions: Sequence[_Mention]) -> str:
    return re.sub(r"[’']s?$|(?<=s) is$", "", mentions[0].text) if mentions else ""


def _mentions(question: str, context: Context) -> Iterator[_Mention]:
    found, empty = tokens(question), _EMPTY_IT.search(question)
    seen: set[Reference] = set()
    for number, token in enumerate(found):
        known = _PRONOUNS.get(token.lower) in seen
        if known or (empty and empty.start() <= token.start < empty.end()):
            continue
        mention = _mention(found, number, question, context)
        if mention is not None:
            seen |= {mention.kind} if mention.kind else set()
            yield mention


def _mention(
    found: Sequence[Token], number: int, question: str, context: Context
) -> _Mention | None:
    token, before, following = found[number], _word(found, number - 1), _at(found, number + 1)
    if token.lower in {"that", "then"} and before in _PLACES_OF_TIME:
        return _Mention(token.start, token.end, last_time(context) or "", is_sure=False)
    if token.lower in {"one", "ones"}:
        return _one(token, before, _word(found, number + 1), context)
    if token.lower == "the" and following and following.text.islower() and following.is_content:
        return _definite(following, _at(found, number + 2), token, context)
    if token.lower in _DEMONSTRATIVES and not _is_explained(question[: token.start]):
        return _demonstrative(found, number, context)
    if token.lower in _PRONOUNS and not _is_explained(question[: token.start]):
        return _pronoun(token, following, context)
    return None


def _at(found: Sequence[Token], number: int) -> Token | None:
    return found[number] if 0 <= number < len(found) else None


def _word(found: Sequence[Token], number: int) -> str:
    token = _at(found, number)
    return token.lower if token else ""


def _is_explained(before: str) -> bool:
    """Whether an earlier clause of the same question names what a pronoun may stand for."""
    own = [phrase for phrase in phrases(before) if not phrase.is_relational and not phrase.is_time]
    return bool(own) and bool(_NEXT_CLAUSE.search(before))


def _one(token: Token, before: str, following: str, context: Context) -> _Mention | None:
    if before in _NO_ONE or following == "of":
        return None
    return _Mention(
        token.start, token.end, common(context, several=token.lower == "ones") or "", is_sure=False
    )


def _definite(
    noun: Token, following: Token | None, article: Token, context: Context
) -> _Mention | None:
    """ "The experiment", where a longer name of it was said."""
    if following is not None and (following.is_content or following.lower in {"of", "for"}):
        return None
    text = named(noun.lower, context)
    return (
        _Mention(article.start, noun.end, f"the {text}" if text else "", is_sure=False)
        if text
        else None
    )


def _demonstrative(found: Sequence[Token], number: int, context: Context) -> _Mention | None:
    token, before, noun = found[number], _at(found, number - 1), _at(found, number + 1)
    inverted = before is not None and before.is_auxiliary
    if (
        noun is not None
        and noun.is_content
        and not (noun.is_verb and (inverted or not noun.is_noun_too))
    ):
        if token.lower == "that" and before is not None and before.is_content:
            return None  # a relative clause
        return _Mention(token.start, noun.end, named(noun.lower, context) or "")
    if (
        token.lower == "that"
        and noun is not None
        and noun.text.isalpha()
        and number > 1
        and not inverted
    ):
        return None
    kind = _DEMONSTRATIVES[token.lower]
    return _Mention(
        token.start,
        token.end,
        _only_thing(context) if kind is Reference.THING else referent(kind, context) or "",
    )


def _only_thing(context: Context) -> str:
    """What "this" or "that" stands for where only one thing was spoken of; it may else mean all
    that was said.
    """
    things = [
        phrase
        for phrase in phrases(context.question)
        if not phrase.is_relational and not phrase.is_time
    ]
    return (referent(Reference.THING, context) or "") if context.topic or len(things) < 2 else ""


def _pronoun(token: Token, following: Token | None, context: Context) -> _Mention:
    kind = _PRONOUNS[token.lower]
    text = referent(kind, context) or ""
    is_owner = token.lower in _OWNERS or (
        token.lower in {"her", "it's"} and following is not None and following.is_content
    )
    if text and is_owner:
        text += "’" if text.endswith("s") else "’s"
    elif text and token.lower == "it's":
        text += " is"
    return _Mention(token.start, token.end, text, kind)


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
