"""Mentions: the words of a question that refer to something earlier in the conversation."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.followups.phrases import Token, phrases, tokens
from service.followups.referents import Context, Reference, common, last_time, named, referent

_JUDGEMENT = (
    "possible|true|better|best|good|necessary|important|safe|hard|easy|difficult|likely|legal|worth"
    "|ok|common|normal"
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
PRONOUNS = {
    **dict.fromkeys("he him his she her hers".split(), Reference.PERSON),
    **dict.fromkeys("it its it's".split(), Reference.THING),
    **dict.fromkeys("they them their theirs".split(), Reference.SEVERAL),
}
DEMONSTRATIVES = {
    **dict.fromkeys(("this", "that"), Reference.THING),
    **dict.fromkeys(("these", "those"), Reference.SEVERAL),
}
_OWNERS = frozenset({"his", "its", "their"})
_PLACES_OF_TIME = frozenset({"after", "before", "since", "by", "until"})
_NO_ONE = frozenset({"", "of", "no", "any", "some", "every", "each", "if"})


@dataclass(frozen=True, slots=True)
class Mention:
    """One or two words that refer to something earlier in the conversation.

    :param text: what they refer to, "" if that is unknown
    :param is_sure: whether the question makes no sense without it
    """

    start: int
    end: int
    text: str
    kind: Reference | None = None
    is_sure: bool = True


def mentions(question: str, context: Context) -> Iterator[Mention]:
    """The mentions of a question in order, with only the first pronoun of each kind."""
    words, empty = tokens(question), _EMPTY_IT.search(question)
    seen: set[Reference] = set()
    for number, token in enumerate(words):
        known = PRONOUNS.get(token.lower) in seen
        if known or (empty and empty.start() <= token.start < empty.end()):
            continue
        mention = _mention(words, number, question, context)
        if mention is not None:
            seen |= {mention.kind} if mention.kind else set()
            yield mention


def _mention(
    words: Sequence[Token], number: int, question: str, context: Context
) -> Mention | None:
    token, before, following = words[number], _word(words, number - 1), _at(words, number + 1)
    if token.lower in {"that", "then"} and before in _PLACES_OF_TIME:
        return Mention(token.start, token.end, last_time(context) or "", is_sure=False)
    if token.lower in {"one", "ones"}:
        return _one(token, before, _word(words, number + 1), context)
    if token.lower == "the" and following and following.text.islower() and following.is_content:
        return _definite(following, _at(words, number + 2), token, context)
    if token.lower in DEMONSTRATIVES and not _is_explained(question[: token.start]):
        return _demonstrative(words, number, context)
    if token.lower in PRONOUNS and not _is_explained(question[: token.start]):
        return _pronoun(token, following, context)
    return None


def _at(words: Sequence[Token], number: int) -> Token | None:
    return words[number] if 0 <= number < len(words) else None


def _word(words: Sequence[Token], number: int) -> str:
    token = _at(words, number)
    return token.lower if token else ""


def _is_explained(before: str) -> bool:
    """Whether an earlier clause of the same question names what a pronoun may refer to."""
    own = [phrase for phrase in phrases(before) if not phrase.is_relational and not phrase.is_time]
    return bool(own) and bool(_NEXT_CLAUSE.search(before))


def _one(token: Token, before: str, following: str, context: Context) -> Mention | None:
    if before in _NO_ONE or following == "of":
        return None
    return Mention(
        token.start, token.end, common(context, several=token.lower == "ones") or "", is_sure=False
    )


def _definite(
    noun: Token, following: Token | None, article: Token, context: Context
) -> Mention | None:
    """The mention "the experiment", if the conversation has a longer name for it."""
    if following is not None and (following.is_content or following.lower in {"of", "for"}):
        return None
    text = named(noun.lower, context)
    return (
        Mention(article.start, noun.end, f"the {text}" if text else "", is_sure=False)
        if text
        else None
    )


def _demonstrative(words: Sequence[Token], number: int, context: Context) -> Mention | None:
    token, before, noun = words[number], _at(words, number - 1), _at(words, number + 1)
    inverted = before is not None and before.is_auxiliary
    if (
        noun is not None
        and noun.is_content
        and not (noun.is_verb and (inverted or not noun.is_noun_too))
    ):
        if token.lower == "that" and before is not None and before.is_content:
            return None  # It begins a relative clause.
        return Mention(token.start, noun.end, named(noun.lower, context) or "")
    if (
        token.lower == "that"
        and noun is not None
        and noun.text.isalpha()
        and number > 1
        and not inverted
    ):
        return None
    kind = DEMONSTRATIVES[token.lower]
    return Mention(
        token.start,
        token.end,
        _only_thing(context) if kind is Reference.THING else referent(kind, context) or "",
    )


def _only_thing(context: Context) -> str:
    """What "this" or "that" refers to if the last question names only one thing, else "".

    If it names several things, "this" may mean all of it.
    """
    things = [
        phrase
        for phrase in phrases(context.question)
        if not phrase.is_relational and not phrase.is_time
    ]
    return (referent(Reference.THING, context) or "") if context.topic or len(things) < 2 else ""


def _pronoun(token: Token, following: Token | None, context: Context) -> Mention:
    kind = PRONOUNS[token.lower]
    text = referent(kind, context) or ""
    is_owner = token.lower in _OWNERS or (
        token.lower in {"her", "it's"} and following is not None and following.is_content
    )
    if text and is_owner:
        text += "’" if text.endswith("s") else "’s"
    elif text and token.lower == "it's":
        text += " is"
    return Mention(token.start, token.end, text, kind)
