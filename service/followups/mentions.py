"""Mentions: the words of a question that refer to something earlier in the conversation."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.followups.phrases import (
    DESCRIBING,
    SPANS_OF_TIME,
    Phrase,
    Token,
    is_plural,
    phrases,
    tokens,
)
from service.followups.referents import (
    Context,
    Reference,
    common,
    last_place,
    last_time,
    named,
    referent,
)

_JUDGEMENT = (
    "(?:possible|true|better|best|good|necessary|important|safe|hard|easy|difficult|likely|legal"
    "|worth|ok|common|normal|allowed|bad|illegal|dangerous)"
)
# An "it" that refers to nothing: "Is it true that", "How long does it take to", "What time is it?"
_EMPTY_IT = re.compile(
    rf"\bit(?:['’]s| is| was| be)? {_JUDGEMENT} (?:that|if|when)\b"
    r"|\bit (?:called|like|known|means?|\w{1,30}ed) (?:when|if|that)\b"
    r"|\bit like to\b"
    r"|\bit (?:known|clear|stated|said)\b.{0,60}? (?:who|what|when|where|how|why|whether)\b"
    r"|\b(?:far|long) is it (?:from|to)\b|\bwhat (?:time|day|year) is it\b"
    r"|\bit (?:(?:rain|snow)(?:s|ing)?|(?:(?:gets?|becomes?) )?(?:dark|cold|hot|warm|sunny))\b",
    re.I,
)
# Here it refers to nothing only if the infinitive has an object: "Is it safe to eat?" asks about
# something earlier, and "Is it safe to eat raw eggs?" does not.
_EMPTY_IT_BEFORE_INFINITIVE = re.compile(
    rf"\bit (?:mean|take|matter|cost)s?\b.{{0,80}}? to\b"
    rf"|\bit(?:['’]s| is| was| be)? {_JUDGEMENT} (?:for .{{1,60}}? )?to\b",
    re.I,
)
_NEXT_CLAUSE = re.compile(
    r"[,;:.?!—]|\b(?:and|or|but|if|when|while|because|before|after|since|until|unless|although"
    r"|though|that|than|as|so|where|how|why|what|who|which|whether|once)\b",
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
# Most nouns for people: "singer", "director", "comedian", "president" and the like.
_PERSON = re.compile(
    r"(?:er|or|ist|ian|man|woman|(?<!m)ent|ant|athlete|star|figure|official|pilot|coach|wife|son"
    r"|actress|boy|girl|candidate|guy)\Z",
    re.I,
)
_AROUND = re.compile(r"^in |[’']s?$")
_POSSESSIVE = re.compile(r"[’']s?$")
_BE = frozenset("is are was were be been being".split())
_PRESENT = SPANS_OF_TIME | {"time", "weekend", "season", "quarter"}
_PLACES_OF_TIME = frozenset({"after", "before", "since", "by", "until"})
_PREPOSITIONS = _PLACES_OF_TIME | frozenset(
    "about against at between by during for from in into like of on over through to with".split()
)
_SUBJECTS = frozenset("it he she they".split())
_DESCRIBING = DESCRIBING | {"that", "another"}
_DETERMINERS = frozenset("the a an this that another last first next".split())
_GOVERNED = re.compile(rf" (?:{'|'.join(sorted(_PREPOSITIONS))}|near|around|behind|within) ", re.I)
_RELATIVES = frozenset({"who", "that", "which", "whose", "with", "of", "in", "on"})


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
    """The mentions of a question in order, with only the first pronoun of each kind, and nothing
    that two of them refer to.
    """
    words = tokens(question)
    seen: set[Reference] = set()
    used: set[str] = set()
    for number, token in enumerate(words):
        if PRONOUNS.get(token.lower) in seen or _is_empty_it(question, token):
            continue
        if _is_in_name(words, number):
            continue
        mention = _mention(words, number, question, context)
        if mention is None:
            continue
        seen |= {mention.kind} if mention.kind else set()
        thing = _AROUND.sub("", mention.text)
        if not thing or thing not in used:
            used.add(thing)
            yield mention


def _is_in_name(words: Sequence[Token], number: int) -> bool:
    """Whether a capital letter shows that the word is a name, as in "He Lifeng" or "IT"."""
    opens = number == 0 or words[number - 1].text in ".?!:;"
    return words[number].text[0].isupper() and not opens


def _is_empty_it(question: str, token: Token) -> bool:
    if token.lower not in {"it", "it's"}:
        return False
    for match in _EMPTY_IT.finditer(question):
        if match.start() <= token.start < match.end():
            return True
    return any(
        match.start() <= token.start < match.end()
        and any(phrase.start >= match.end() for phrase in phrases(question))
        for match in _EMPTY_IT_BEFORE_INFINITIVE.finditer(question)
    )


def _mention(
    words: Sequence[Token], number: int, question: str, context: Context
) -> Mention | None:
    token, before, following = words[number], _word(words, number - 1), _at(words, number + 1)
    if token.lower in {"that", "then"} and before in _PLACES_OF_TIME and not _goes_on(following):
        return Mention(token.start, token.end, last_time(context) or "", is_sure=False)
    if token.lower in {"one", "ones"}:
        return _one(words, number, question, context)
    if token.lower == "there":
        return _there(words, number, context)
    if token.lower == "the" and following and following.text.islower() and following.is_content:
        return _definite(words, number, question, context)
    if token.lower in DEMONSTRATIVES:
        return _demonstrative(words, number, question, context)
    if token.lower in PRONOUNS and not _is_explained(words, number, question):
        return _pronoun(token, following, context)
    return None


def _at(words: Sequence[Token], number: int) -> Token | None:
    return words[number] if 0 <= number < len(words) else None


def _word(words: Sequence[Token], number: int) -> str:
    token = _at(words, number)
    return token.lower if token else ""


def _goes_on(following: Token | None) -> bool:
    """Whether a clause goes on with this word."""
    return following is not None and following.text[0].isalnum()


def _owns(words: Sequence[Token], number: int) -> bool:
    token, following = words[number], _at(words, number + 1)
    return token.lower in _OWNERS or (
        token.lower == "her" and following is not None and following.is_content
    )


def _is_explained(words: Sequence[Token], number: int, question: str) -> bool:
    """Whether the question itself names what a pronoun may refer to.

    A possessive may refer to anything before it. Any other pronoun may not refer to the subject of
    its own clause, so there has to be the beginning of another clause in between.
    """
    token = words[number]
    before = [phrase for phrase in phrases(question) if phrase.end <= token.start]
    comma = question.find(",", token.end)
    if comma >= 0 and any(phrase.is_name and phrase.start > comma for phrase in phrases(question)):
        return True  # "According to his biographer, who is Keir Starmer?"
    if _owns(words, number):
        # "near its campus" says nothing of the restaurants of "restaurants near its campus".
        before = [
            phrase
            for phrase in before
            if phrase.is_name or not _GOVERNED.fullmatch(question[phrase.end : token.start])
        ]
        asked = _word(words, 0) == "who" and not words[1].is_auxiliary
        return any(
            _may_be_meant(phrase) or (phrase.is_asked and not phrase.is_time) for phrase in before
        ) or (asked and token.lower != "its")
    own = [phrase for phrase in before if _may_be_meant(phrase)]
    if PRONOUNS.get(token.lower) is Reference.PERSON:
        own = [phrase for phrase in own if phrase.is_name or _PERSON.search(phrase.text)]
    if not own:
        return False
    between = question[own[0].end : token.start]
    following = _at(words, number + 1)
    goes_on = _goes_on(following)
    boundaries = list(_NEXT_CLAUSE.finditer(between))
    if boundaries and (goes_on or between[boundaries[-1].end() :].strip()):
        return True
    # "Taiwan" may be meant in "How does Taiwan respond to the claim of Beijing on it?", since the
    # claim has an owner of its own.
    if any(_POSSESSIVE.search(question[phrase.start : phrase.end]) for phrase in own[1:]):
        return True
    previous = words[number - 1]
    if token.lower in _SUBJECTS and not previous.is_auxiliary and _begins_verb(following):
        # "said it raised" begins a clause, and so does "the service they offer", but there the
        # noun just before is not what is meant.
        has_verb_between = any(word.is_verb for word in tokens(between))
        return has_verb_between or (own[-1].end == token.start - 1 and len(own) > 1)
    return False


def _begins_verb(token: Token | None) -> bool:
    return token is not None and (token.is_auxiliary or token.is_content)


def _may_be_meant(phrase: Phrase) -> bool:
    return (not phrase.is_relational or " " in phrase.text) and not phrase.is_time


def _one(words: Sequence[Token], number: int, question: str, context: Context) -> Mention | None:
    """The mention "one" after a word that describes it, as in "the Chinese one"."""
    token, following = words[number], _at(words, number + 1)
    described = {_word(words, number - 1), _word(words, number - 2)} & _DETERMINERS
    several = token.lower == "ones"
    before = _at(words, number - 1)
    is_bare = before is not None and before.lower == "the"
    if before is None or not (before.is_content or before.lower in _DESCRIBING or is_bare):
        return None
    # "the one in Canada" is one of what was said, and "the one man" is not.
    if is_bare and (following is None or following.is_content or following.is_verb):
        return None
    if not described and not several:
        return None
    if following is not None and (
        following.lower in {"of", "who", "that", "which"}
        or (following.is_content and not following.is_verb)
    ):
        return None
    earlier = (phrase for phrase in phrases(question) if phrase.end <= token.start)
    if any(
        phrase.is_plural if several else phrase.is_asked and not phrase.is_plural
        for phrase in earlier
    ):
        return None  # The question itself says what is meant.
    return Mention(token.start, token.end, common(context, several=several) or "", is_sure=False)


def _there(words: Sequence[Token], number: int, context: Context) -> Mention | None:
    """The mention "there" where it names a place, and does not say that something exists."""
    token, before, following = words[number], _at(words, number - 1), _at(words, number + 1)
    if before is None or before.lower in _BE or (following and following.lower in _BE):
        return None
    if _goes_on(following) and before.is_auxiliary:
        return None
    place = last_place(context)
    if not place:
        return None
    is_governed = before.lower in _PREPOSITIONS
    return Mention(token.start, token.end, place if is_governed else f"in {place}", is_sure=False)


def _definite(
    words: Sequence[Token], number: int, question: str, context: Context
) -> Mention | None:
    """The mention "the experiment", if the conversation has a longer name for it, and the question
    names nothing else.
    """
    article, noun, following = words[number], words[number + 1], _at(words, number + 2)
    if following is not None and (following.is_content or following.lower in _RELATIVES):
        return None
    others = (phrase for phrase in phrases(question) if phrase.start != noun.start)
    if any(_may_be_meant(phrase) for phrase in others):
        return None
    text = named(noun.lower, context)
    return Mention(article.start, noun.end, _with_article(text), is_sure=False) if text else None


def _with_article(text: str) -> str:
    return text if text.lower().startswith("the ") else f"the {text}"


def _demonstrative(
    words: Sequence[Token], number: int, question: str, context: Context
) -> Mention | None:
    token, before, noun = words[number], _at(words, number - 1), _at(words, number + 1)
    inverted = before is not None and before.is_auxiliary
    has_noun = (
        noun is not None
        and noun.is_content
        and not (noun.is_verb and (inverted or not noun.is_noun_too))
    )
    starts = before is None or inverted or before.lower in _PREPOSITIONS
    if has_noun and noun is not None:
        if noun.lower.removesuffix("s") in _PRESENT:  # "this week" refers to the present.
            return None
        if _word(words, number + 2) == "of":  # "this set of documents" says what it is.
            return None
        # After other words, "that" begins a clause: "the gas that Russia sells".
        if token.lower == "that" and not starts:
            return None
        text = named(noun.lower, context)
        # Without it the question means nothing, unless it names something else.
        is_sure = starts and not any(
            _may_be_meant(phrase)
            for phrase in phrases(question)
            if not token.start < phrase.end <= noun.end
        )
        return Mention(token.start, noun.end, text or "", is_sure=is_sure)
    if noun is not None and noun.lower in {"the", "a", "an"}:
        return None  # "Is this the last race of the season?" says itself what "this" is.
    if token.lower in {"those", "that"} and _word(words, number + 1) in _RELATIVES:
        return None
    if token.lower == "that" and not starts and _goes_on(noun):
        return None
    if _is_explained(words, number, question):
        return None
    kind = DEMONSTRATIVES[token.lower]
    if kind is Reference.SEVERAL:
        text = referent(kind, context) or ""
        is_several = is_plural(text) or " and " in text
        return Mention(token.start, token.end, text if is_several else "")
    # Outside "after that" and "of this", it may mean all that was asked.
    is_governed = before is not None and before.lower in _PREPOSITIONS
    return Mention(token.start, token.end, _only_thing(context) if is_governed else "")


def _only_thing(context: Context) -> str:
    """What "this" or "that" refers to if the last question names only one thing, else "".

    If it names several things, "this" may mean all of it.
    """
    things = [phrase for phrase in phrases(context.question) if _may_be_meant(phrase)]
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
