"""Unanswerable pairs made from answerable ones.

The authors of SQuAD v2.0's unanswerable questions changed a name, a number or a word of a question
so that its paragraph no longer answers it. These functions imitate that, or remove the sentence
with the answer.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from eval.training.examples import Chars

_KINDS = {
    "year": re.compile(r"\b(?:1\d{3}|20\d{2})\b"),
    "number": re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?\b"),
    "names": re.compile(r"\b[A-Z][\w'\u2019-]+(?: (?:of |the |de |von |van )?[A-Z][\w'\u2019-]+)+"),
    "name": re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][a-z'\u2019-]\w+(?! [A-Z])"),
}
_NOT_NAMES = """The This That These Those There They What Who Which When Where Why How In On At
By For From With After Before During While His Her Its Their Our Your And But
Although However Since Some Many Most Each Both It He She We"""
_SMALL = frozenset(_NOT_NAMES.split())

_OPPOSITES = """first last|largest smallest|biggest smallest|highest lowest|most least|more less
more fewer|before after|early late|earlier later|earliest latest|north south|northern southern
east west|eastern western|increase decrease|increased decreased|increases decreases|rise fall
rose fell
won lost|win lose|winner loser|male female|men women|man woman|father mother|son daughter
brother sister|husband wife|king queen|inside outside|internal external|minimum maximum
above below|major minor|majority minority|best worst|better worse|old new|older newer
oldest newest|oldest youngest|older younger|high low|higher lower|large small|larger smaller
long short|longer shorter|longest shortest|began ended|begin end|start stop|started stopped
opened closed|open closed|born died|birth death|accepted rejected|allowed forbidden
legal illegal|public private|domestic foreign|rural urban|upper lower|left right
positive negative|strong weak|stronger weaker|hot cold|warm cool|wet dry|rich poor|good bad
success failure|always never|same different|similar different|included excluded|include exclude
including excluding|gained lost|supported opposed|support oppose|attacked defended|arrived left
joined left|built destroyed|created destroyed|friend enemy|ally enemy|allies enemies
ancient modern|former current|previous next|original modified|top bottom|front back
summer winter|day night|morning evening|fast slow|faster slower|heavy light|heavier lighter
thick thin|wide narrow|deep shallow|common rare|popular unpopular|easy difficult|simple complex
known unknown|possible impossible|able unable|agree disagree|agreed disagreed|approved rejected
bought sold|buy sell|lend borrow|teach learn|give take|gave took|sent received|send receive
cause prevent|caused prevented|causes prevents|encouraged discouraged|rare usual
primary secondary|formal informal|direct indirect|conservative liberal|liberal conservative
democratic republican|national local|federal state|civilian military|import export
imports exports|imported exported|land sea|peace war|expanded shrank|advantage disadvantage
benefits drawbacks|strength weakness|married divorced|hired fired|one two|two three|three four
second third|third fourth|all none|every no|only also|exactly about|similar opposite"""


def _opposites() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for pair in re.split(r"[|\n]", _OPPOSITES):
        left, right = pair.split()
        table.setdefault(left, []).append(right)
        table.setdefault(right, []).append(left)
    return table


OPPOSITES = _opposites()
_AUXILIARY = re.compile(
    r"\b(did|does|do|was|were|is|are|has|had|have|can|could|would|will|should)\b(?! not)"
)

Nearest = Callable[[str, list[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Setting:
    """The context of a question: its paragraph, its whole article, and the texts of its
    answers.
    """

    paragraph: str
    article: str
    golds: tuple[str, ...]


def entities(text: str) -> list[tuple[str, Chars]]:
    """The kind ("year", "number", "names" or "name") and span of each name and number. A span has
    the first kind that matches it.
    """
    found: list[tuple[str, Chars]] = []
    for kind, pattern in _KINDS.items():
        for match in pattern.finditer(text):
            start, end = match.span()
            if match.group() not in _SMALL and all(end <= s or e <= start for _, (s, e) in found):
                found.append((kind, (start, end)))
    return found


def swap_entity(question: str, setting: Setting, generator: random.Random) -> str | None:
    """The question with one name or number replaced by another of its kind; None if there is
    none to replace, or nothing to replace it with.
    """
    mine = [(kind, span) for kind, span in entities(question) if span[0] > 0]
    generator.shuffle(mine)
    source = setting.paragraph if generator.random() < 0.4 else setting.article
    offered = entities(source)
    for kind, (start, end) in mine:
        rest = question[:start] + question[end:]
        others = sorted({source[s:e] for k, (s, e) in offered if k == kind})
        fit = [
            other
            for other in others
            if _is_new(other, question[start:end], question, setting.golds)
        ]
        if fit:
            return rest[:start] + generator.choice(fit) + rest[start:]
    return None


def _is_new(other: str, old: str, question: str, golds: tuple[str, ...]) -> bool:
    low = other.lower()
    if low in question.lower() or old.lower() in low:
        return False
    return all(low not in gold.lower() and gold.lower() not in low for gold in golds)


def swap_opposite(question: str, generator: random.Random) -> str | None:
    """The question with a word replaced by its opposite, or negated; None if neither is
    possible.
    """
    words = [
        match for match in re.finditer(r"[A-Za-z]+", question) if match.group().lower() in OPPOSITES
    ]
    words = [match for match in words if match.start() > 0]
    if words and generator.random() < 0.8:
        match = generator.choice(words)
        other = generator.choice(OPPOSITES[match.group().lower()])
        return question[: match.start()] + other + question[match.end() :]
    return _negated(question, generator)


def _negated(question: str, generator: random.Random) -> str | None:
    matches = list(_AUXILIARY.finditer(question))
    if not matches:
        return None
    match = generator.choice(matches)
    after = (
        re.match(r" (?:it|he|she|they|[A-Z]\w+)(?= [a-z])", question[match.end() :])
        if match.start()
        else None
    )
    place = match.end() + (after.end() if after and generator.random() < 0.8 else 0)
    return question[:place] + " not" + question[place:]


def swap_word(
    question: str, setting: Setting, nearest: Nearest, generator: random.Random
) -> str | None:
    """The question with one content word that is also in the paragraph replaced by a related word
    from the article; None if there is no such word.

    :param nearest: sorts a list of words by how close their embeddings are to that of a word
    """
    text = setting.paragraph.lower()
    words = [
        m
        for m in re.finditer(r"\b[a-z]{4,}\b", question)
        if m.group() not in _PLAIN and m.group() in text
    ]
    if not words:
        return None
    match = generator.choice(words)
    old = match.group()
    gold = " ".join(setting.golds).lower()
    offered = sorted(set(re.findall(r"\b[a-z]{4,}\b", setting.article)) - _PLAIN)
    fit = [
        word
        for word in offered
        if word[:4] != old[:4] and word not in question and word not in gold
    ]
    near = [word for word in nearest(old, fit)[:6] if word[-2:] == old[-2:]] or nearest(old, fit)[
        :4
    ]
    return (
        question[: match.start()] + generator.choice(near) + question[match.end() :]
        if near
        else None
    )


_PLAIN_WORDS = """what which when where whom whose that this these those with from into about were
have does been being their there they them than then also many much some name
kind type call called used during after before would could should will over
under between other such only very more most first last year years time person
people part did"""
_PLAIN = frozenset(_PLAIN_WORDS.split())


def without_sentences(text: str, sentences: list[Chars], golds: tuple[str, ...]) -> str | None:
    """The text without the sentences that contain an answer; None if there are none or too little
    text would be left.
    """
    wanted = [gold.lower() for gold in golds]
    kept = [text[start:end] for start, end in sentences]
    kept = [part for part in kept if not any(gold in part.lower() for gold in wanted)]
    left = " ".join(part.strip() for part in kept)
    return left if len(left) >= 120 and len(kept) < len(sentences) else None
