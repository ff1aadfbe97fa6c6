"""Phrases of a question: the things that it names. Lists of function words and common verbs find
them, without a model.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from corpus.dates import MONTHS, WEEKDAYS

QUESTION_WORDS = frozenset("who whom whose what which when where why how".split())

_TOKEN = re.compile(
    r"\b[A-Z]\.(?= [A-Z])|[“\"][^”\"]{2,60}[”\"]|\$?\d[\d.,]*\d%?"
    r"|\w+(?:[.&/-]\w+)*(?:[’']\w+)?|[^\w\s]"
)
_POSSESSIVE = re.compile(r"(?:[’']s|(?<=s)[’'])$")
_CONTRACTED = re.compile(
    r"\A(?:(?:what|who|where|when|how|why|that|it|there|he|she|let)'s$|\w+n't$"
    r"|\w+'(?:re|ve|ll|d|m)$)"
)
_MODALS = frozenset("do does did can could will would shall should may might must to".split())
_AUXILIARIES = frozenset("be am is are was were been has have had".split()) | _MODALS - {"to"}
DESCRIBING = frozenset(
    """first second last next main different common best better worst worse good bad new old big
    great grand large small long short high low important popular possible famous likely able
    due native apart""".split()
)
_SMALL = (
    QUESTION_WORDS
    | _AUXILIARIES
    | _MODALS
    | DESCRIBING
    | frozenset(
        """a an the some any each every no all both either neither my your our his her its their
        this that these those i me you he him she it we us they them there here then now of in
        on at for from with by about into over after before between during under against among
        through as than since until till without within across per via around toward towards
        near behind beyond upon versus vs like compared besides except and or but nor if whether
        because while although though so not very too also just still ever never again more most
        less least even often much many few several enough such same other others another else
        instead one ones someone somebody anyone anything something everything everyone being
        done doing having ought please ok okay yes oh well up out off down away back along
        together tell describe explain according yet""".split()
    )
)
_COMMANDS = frozenset("name list state".split())
_LY_NOUNS = frozenset(
    "ally anomaly assembly belly butterfly family fly jelly monopoly rally reply supply".split()
)
_VERBS = frozenset(
    """accept achieve affect agree allow announce appear apply argue arrive ask attract avoid
    become begin believe belong blame bring build buy call carry cause choose come compare
    conclude connect consider contain contribute create cross decide define deliver depend
    develop die differ disagree discover discuss drink earn eat eliminate enable encourage end
    ensure enter evolve exist expand expect export express fail find finish follow forbid form
    fund generate get give go grow happen help hold identify import improve include increase
    influence introduce invent invest involve join keep kill know last lead learn leave let live
    lose love make manage matter mean measure meet mention motivate move need obtain occur offer
    open originate own participate pay perform play prefer prevent produce promise promote
    protect prove provide publish put raise reach react read receive recommend recover reduce
    refer regulate reject relate release remain remove repair replace report represent require
    respond result reverse rise run say see sell send serve settle shift show sign solve speak
    spend spoil spread stand start stay stop suffer suggest support take talk teach think treat
    try turn understand use visit vote want warn watch weigh win work write cost mark tell
    describe explain""".split()
)
_PAST = frozenset(
    """arose became began broke brought built bought caught chose chosen came cut drew drawn drank
    drove driven ate eaten fell fallen felt fought found flew flown forgot gave given went gone
    grew grown held hit kept knew known laid led left lent lost made meant met paid ran rose
    risen said saw seen sold sent set shot shown slept spoke spoken spent stood stole struck
    swam taken took taught told thought threw thrown understood won wore written wrote""".split()
)
_NOUNS_TOO = frozenset(
    """call cause cost drink end export form fund help import increase influence lead love measure
    move need offer play produce raise reach release report result reverse rise run shift sign
    spread stand start stop support talk turn use mark visit vote watch work""".split()
)
_RELATIONAL = frozenset(
    """advantage age aim alternative amount application approach area argument aspect author
    background basis benefit cause chairman character characteristic component composition con
    condition consequence contribution controversy cost creator criticism danger date day
    decision definition degree development difference difficulty disadvantage discovery drawback
    duration effect element evidence evolution example fact factor feature field finding formula
    founder function future goal group head history idea impact implication importance influence
    ingredient invention issue kind lack law layer leader length level limit limitation link
    location lot maker manager meaning means measure mechanism member method minister model
    month motive name nature number option origin outcome owner part people percentage period
    phase place point position president price pro problem process property purpose quality
    question range rate reaction reason relation relationship remedy requirement response result
    rise risk role rule share sign significance similarity site size solution sort source
    species speed spokesperson stage standard start state statement status step strategy
    structure style success symptom target team technique term theme theory thing threat time
    topic trait treatment trend type usage use value variety version view volume way weight word
    work world year story""".split()
)
_TIMES = frozenset(
    ["today", "yesterday", "tomorrow", *(name.lower() for name in (*WEEKDAYS, *MONTHS))]
)
_TIME = re.compile(r"(?:1\d|20)\d\d(?:s|[’']s)?|\d{1,2}(?:st|nd|rd|th)?")
SPANS_OF_TIME = frozenset(
    "year month week day decade century morning evening summer winter spring autumn".split()
)
_NAME_JOINTS = frozenset({"of", "de", "von", "van", "al", "&"})
_NOUN_FOLLOWS = frozenset("a an the my its their his her of most no any".split())
_SUBJECTS = frozenset("who i you we they he she".split())
_VERB_FOLLOWS = (
    frozenset("to i you we they he she it who what".split()) | _MODALS | {"has", "have", "had"}
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word or punctuation mark, with its code points in the question, half-open."""

    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        """The text in lower case, with plain apostrophes."""
        return self.text.lower().replace("’", "'")

    @property
    def is_auxiliary(self) -> bool:
        """Whether it is a form of "be", "do" or "have", a modal verb, or a contraction of one."""
        return not self._is_may and (
            self.lower in _AUXILIARIES or bool(_CONTRACTED.match(self.lower))
        )

    @property
    def is_content(self) -> bool:
        """Whether it is neither a function word nor punctuation."""
        is_initial = len(self.text) == 2 and self.text[0].isupper() and self.text[1] == "."
        is_word = self.text[-1].isalnum() or self.text[-1] in '%”"' or is_initial
        if self.text == "US":
            return True
        return is_word and not _CONTRACTED.match(self.lower) and not self._is_small

    @property
    def is_verb(self) -> bool:
        """Whether it is, or looks like, any form of a common verb."""
        if not self.text.islower() and (self.start > 0 or self.lower.endswith("ed")):
            return False  # It is part of a name, or one by itself, such as "Jared".
        return _is_verb(self.lower)

    @property
    def is_noun_too(self) -> bool:
        """Whether it is a verb that is just as often a noun."""
        return self.lower in _NOUNS_TOO or self.lower.removesuffix("s") in _NOUNS_TOO

    @property
    def _is_may(self) -> bool:
        """Whether it is the month of May, and not the verb."""
        return self.text == "May" and self.start > 0

    @property
    def _is_small(self) -> bool:
        if self.start == 0 and self.lower in _COMMANDS:
            return True
        if self.lower in _SMALL and not self._is_may:
            # A capitalised adjective inside a question is part of a name, as in "First Lady".
            return not (self.start > 0 and self.text.istitle() and self.lower in DESCRIBING)
        return self.text.islower() and self.lower.endswith("ly") and self.lower not in _LY_NOUNS


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something that a question names.

    :param text: its words, without determiner and possessive ending
    :param start: offset in code points of the question; ``end`` is half-open and includes a
        possessive ending
    :param is_name: whether it is written as a proper name
    :param is_plural: whether its last word looks like a plural
    :param is_relational: whether it says little without what it is of, as "symptoms"
    :param is_time: whether it is a date or a span of time
    :param is_subject: whether it is in the position of a question's subject
    :param is_asked: whether it is part of what is asked for, as in "which city"
    """

    text: str
    start: int
    end: int
    is_name: bool
    is_plural: bool
    is_relational: bool
    is_time: bool
    is_subject: bool
    is_asked: bool


def tokens(text: str) -> list[Token]:
    """The words and punctuation marks of a question."""
    return [Token(match[0], *match.span()) for match in _TOKEN.finditer(text)]


def has_verb(text: str) -> bool:
    """Whether a text has a verb, and so may be a sentence."""
    return _first_verb(tokens(text)) is not None


def is_relational(noun: str) -> bool:
    """Whether a noun says little without a complement, as "the cause" does without "of …"."""
    return noun in _RELATIONAL or noun.removesuffix("s") in _RELATIONAL


def is_plural(text: str) -> bool:
    """Whether the last word looks like a plural."""
    return text.endswith("s") and not text.endswith(("ss", "us", "is", "news", "gas", "lens"))


@lru_cache(maxsize=1024)
def phrases(text: str) -> tuple[Phrase, ...]:
    """The phrases of a question, in order."""
    words = tokens(text)
    verb = _first_verb(words)
    return tuple(_phrase(words, run, len(words) if verb is None else verb) for run in _runs(words))


def _first_verb(words: Sequence[Token]) -> int | None:
    """The index of the first word that can only be a verb. "What causes it?" has one, and "the
    cause" has none.
    """
    for number, token in enumerate(words):
        asks = number > 0 and words[number - 1].lower in {"what", "who", "which"}
        if token.is_auxiliary or (token.is_verb and (asks or not token.is_noun_too)):
            return number
        if _follows_subject(words, number):
            return number
    return None


def _follows_subject(words: Sequence[Token], number: int) -> bool:
    """Whether the word here is a verb because a pronoun before it is its subject, as in "Who
    approves" and "How do I reset".
    """
    token = words[number]
    return (
        number > 0
        and words[number - 1].lower in _SUBJECTS
        and token.text.islower()
        and token.text.isalpha()
        and token.is_content
    )


@lru_cache(maxsize=8192)
def _is_verb(word: str) -> bool:
    bases = {
        word,
        *(word.removesuffix(ending) for ending in ("s", "es", "d", "ed")),
        f"{word.removesuffix('ies')}y",
    }
    return word in _PAST or not bases.isdisjoint(_VERBS) or (len(word) > 4 and word.endswith("ed"))


def _runs(words: Sequence[Token]) -> Iterator[range]:
    """Stretches of content words without a verb. A name may contain "of"."""
    number = 0
    while number < len(words):
        end = number
        while end < len(words) and (step := _step(words, number, end)):
            end += step
        if end > number:
            yield range(number, end)
        number = max(end, number + 1)


def _step(words: Sequence[Token], start: int, end: int) -> int:
    """How many words a phrase that began at ``start`` continues by at ``end``."""
    if end > start and _POSSESSIVE.search(words[end - 1].text):
        return 0
    if end > start and _joins(words, end):
        return 2
    if (
        end > start
        and _is_time(words[end - 1].text)
        and not _is_time(words[end].text)
        and words[end].text.islower()
    ):
        return 0
    return int(words[end].is_content and not _is_predicate(words, start, end))


def _joins(words: Sequence[Token], number: int) -> bool:
    """Whether the word here is an "of" between two capitalised words."""
    joins = words[number].lower in _NAME_JOINTS or words[number].text.istitle()
    if not joins or number + 1 == len(words):
        return False
    return words[number - 1].text[0].isupper() and words[number + 1].text[0].isupper()


def _is_predicate(words: Sequence[Token], start: int, number: int) -> bool:
    """Whether the word here is the verb of its clause, and not part of the phrase that begins at
    ``start``.
    """
    token = words[number]
    before = words[start - 1].lower if start else ""
    if number == start and _follows_subject(words, number):
        return True
    # "China's exports" and "Why do leaves fall" name things.
    if number == start and start:
        inflected = token.lower.endswith("s") and before in _MODALS
        if inflected or _POSSESSIVE.search(words[start - 1].text):
            return False
    # "Which company runs the ferry?"; "How reliable is the test?"
    following = words[number + 1].lower if number + 1 < len(words) else ""
    if number == start and before == "how" and following in _AUXILIARIES:
        return True
    if number > start and before in {"which", "what"} and following in {"the", "a", "an"}:
        return token.text.islower() and token.lower.endswith(("s", "ed")) and token.is_verb
    if not token.is_verb or (number == start and before in _NOUN_FOLLOWS):
        return False
    if not token.is_noun_too:
        return True
    is_governed = any(each.lower in _MODALS for each in words[:start])
    if number == start and before in _MODALS:
        return not token.lower.endswith("s")
    if number == start:
        return before in _VERB_FOLLOWS or (is_governed and words[start - 1].is_content)
    return is_governed


def _phrase(words: Sequence[Token], run: range, verb: int) -> Phrase:
    part = [words[number] for number in run]
    texts = [_POSSESSIVE.sub("", token.text) for token in part]
    head = texts[-1].lower()
    is_name = any(_is_capitalised(words, number) for number in run)
    return Phrase(
        text=" ".join(texts),
        start=part[0].start,
        end=part[-1].end,
        is_name=is_name,
        is_plural=is_plural(head),
        is_relational=not is_name and is_relational(head),
        is_time=all(_is_time(word) for word in texts)
        or (not is_name and head.removesuffix("s") in SPANS_OF_TIME),
        is_subject=_is_subject(words, run.start, verb),
        is_asked=0 < run.start < verb
        and any(each.lower in QUESTION_WORDS for each in words[: run.start]),
    )


def _is_capitalised(words: Sequence[Token], number: int) -> bool:
    text = words[number].text
    if text[0] in '“"':
        return True
    opens = number == 0 or words[number - 1].text in ".?!"
    return (
        text[0].isupper()
        and not _is_time(text)
        and (not opens or any(letter.isupper() for letter in text[1:]))
    )


def _is_time(word: str) -> bool:
    return word.lower() in _TIMES or bool(_TIME.fullmatch(word))


def _is_subject(words: Sequence[Token], start: int, verb: int) -> bool:
    """Whether the first verb is an auxiliary with only function words between it and ``start``."""
    between = words[verb + 1 : start]
    follows = verb < start and words[verb].is_auxiliary
    return follows and all(token.text.isalpha() and not token.is_content for token in between)
