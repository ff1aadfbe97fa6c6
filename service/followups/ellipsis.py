"""Elliptic questions, such as "Why?", "in which waters?" and "and imports?", and how their words
fit into the question before them.

Words are joined only where the result is a grammatical question. Otherwise the two questions are
put one after the other.
"""

import re
from collections.abc import Sequence

from service.followups.phrases import (
    QUESTION_WORDS,
    SPANS_OF_TIME,
    Phrase,
    Token,
    has_verb,
    is_plural,
    phrases,
    tokens,
)

_FRAGMENT_WORDS = 6
_BARE_FRAGMENT_WORDS = 2
_TOGETHER_WORDS = 30
_PREPOSITIONS = (
    "in|on|at|for|from|to|by|of|with|during|since|until|before|after|under|through|between|within"
    "|as|near|over|about|against|among|without"
)
_PREPOSITION = re.compile(rf"\b(?:{_PREPOSITIONS}) (?:the |an? )?$", re.I)
_OPENS_WITH_PREPOSITION = re.compile(rf"(?:{_PREPOSITIONS})\b", re.I)
_BETWEEN = re.compile(r"\bbetween (?:the |an? )?$", re.I)
_ARTICLE = re.compile(r"\b(?:the|an?) $", re.I)
_OPENS_WITH_ARTICLE = re.compile(r"(?:the|an?) ", re.I)
_DAY = re.compile(r"\d{1,2} [A-Z]")
_VERB_BEFORE = re.compile(r"(?<!\S)(\S{2,8}) (?:the |an? )?$")
_VERB_AFTER = re.compile(r" ([^\s?.!,]{2,8})(?=[\s?.!,]|$)")
_POSSESSIVE = re.compile(r"[’']s?$")
_ADVERBS = frozenset("when where why how".split())
_OF_MEASURE = frozenset("long often far soon fast exactly else".split())
_DETERMINERS = frozenset("the a an this that these those my your our who".split())
_BE = frozenset("is are was were".split())
_AGREEMENT = {
    "is": "are",
    "was": "were",
    "has": "have",
    "does": "do",
    "isn't": "aren't",
    "wasn't": "weren't",
    "hasn't": "haven't",
    "doesn't": "don't",
}
_SINGULAR = {plural: singular for singular, plural in _AGREEMENT.items()}


def bare(question: str) -> str:
    """The question without its question mark."""
    return question.strip().rstrip("?!. ")


def both_questions(last: str, question: str) -> str:
    """Both questions, the earlier one first."""
    return f"{' '.join(bare(last).split()[-_TOGETHER_WORDS:])}? {question}"


def asks_alone(question: str) -> bool:
    """Whether it consists of a question word with its preposition and noun: "by whom?", "in which
    waters?".
    """
    words = [word for word in tokens(question) if word.text[0].isalnum()]
    if words and words[0].lower in _PREPOSITIONS.split("|"):
        words = words[1:]
    if not words or words[0].lower not in QUESTION_WORDS or has_verb(question):
        return False
    first, rest = words[0].lower, words[1:]
    if first in {"which", "what", "whose"} or [first, *(w.lower for w in rest[:1])] in (
        ["how", "many"],
        ["how", "much"],
    ):
        # A longer one is a whole question with a verb that is not in the lists.
        return len(rest) <= 3 and not any(word.lower in _DETERMINERS for word in rest)
    return not rest or (len(rest) == 1 and (rest[0].lower in _OF_MEASURE or first == "why"))


def with_other_question(last: str, question: str) -> str:
    """The last question, asking for something else: "by whom was the treaty signed?".

    Question words that ask for a time, place, reason or way may replace one another, since the
    rest of the question is complete without them.
    """
    words = tokens(last)
    end = _end_of_asking(words)
    if _is_adverbial(tokens(question)) and words:
        if end is not None and _is_adverbial(words) and not _is_copular(words, end):
            return f"{bare(question)} {last[words[end].start :]}"
        # "Did exports rise?" is asked for its reason as "Why did exports rise?".
        if words[0].is_auxiliary and words[0].lower not in _BE:
            return f"{bare(question)} {last[0].lower()}{last[1:]}"
    return both_questions(last, question)


def _end_of_asking(words: Sequence[Token]) -> int | None:
    """The index of the auxiliary verb that follows what is asked for, as in "In which year did"."""
    asked = next((n for n, word in enumerate(words[:2]) if word.lower in QUESTION_WORDS), None)
    if asked is None:
        return None
    for number in range(asked + 1, len(words)):
        if words[number].is_auxiliary:
            return number
        if words[number].lower in _DETERMINERS or not words[number].text[0].isalnum():
            return None
    return None


def _is_adverbial(words: Sequence[Token]) -> bool:
    """Whether it asks for a time, place, reason or way: "when", "how long", "in which waters"."""
    lower = [word.lower for word in words]
    if not lower:
        return False
    if lower[0] in _PREPOSITIONS.split("|"):
        return len(lower) > 1 and lower[1] in QUESTION_WORDS
    if lower[0] == "how" and len(lower) > 1 and lower[1] in {"much", "many"}:
        # "How much did it rise" asks for a degree, and "how much gas" for a thing.
        return lower[1] == "much" and len(words) > 2 and words[2].is_auxiliary
    return lower[0] in _ADVERBS


def _is_copular(words: Sequence[Token], auxiliary: int) -> bool:
    """Whether a form of "be" is the only verb, so that what is asked for is its complement."""
    return words[auxiliary].lower in _BE and not any(
        word.is_verb or word.lower.endswith(("ed", "ing")) for word in words[auxiliary + 1 :]
    )


def fragment(question: str, *, is_introduced: bool) -> str | None:
    """The part that a question without a verb puts into the last question, else None.

    :param is_introduced: whether "and", "what about" or the like came before. Without these words,
        only a very short fragment is taken for one: a longer one is a query in key words
    """
    part = bare(question)
    words = [word for word in tokens(part) if word.text[0].isalnum() or word.text[0] in '“"$']
    if not words or any(word.lower in QUESTION_WORDS for word in words):
        return None
    if is_introduced:
        return part if len(words) <= _FRAGMENT_WORDS and not has_verb(part) else None
    if has_verb(part) or len(words) > _FRAGMENT_WORDS:
        return None
    content = sum(word.is_content for word in words)
    is_short = content <= _BARE_FRAGMENT_WORDS and question.rstrip().endswith("?")
    return part if is_short or _OPENS_WITH_PREPOSITION.match(part) else None


def with_time(last: str, part: str, time: Phrase) -> str:
    """The last question with another time in place of its own, or with a time if it has none."""
    times = [phrase for phrase in phrases(last) if phrase.is_time]
    own = part if _OPENS_WITH_PREPOSITION.match(part) else f"{_preposition(time.text)}{part}"
    if not times:
        return f"{bare(last)} {own}?"
    before = last[: times[-1].start]
    governed = _PREPOSITION.search(before)
    if governed:
        return f"{last[: governed.start()]}{own}{last[times[-1].end :]}"
    if own != part:  # "the 2024 report" becomes "the 2023 report".
        return f"{before}{part}{last[times[-1].end :]}"
    return f"{bare(last)} {part}?"


def _preposition(time: str) -> str:
    head = time.rpartition(" ")[2].lower()
    if head in {"today", "yesterday", "tomorrow"} or head.removesuffix("s") in SPANS_OF_TIME:
        return ""
    if (head.isdigit() and len(head) < 4) or head.endswith("day"):
        return "on "
    return "on " if _DAY.match(time) else "in "


def appended(last: str, part: str) -> str | None:
    """The last question with ``part`` at its end, if that begins with a preposition of its own."""
    opening = _OPENS_WITH_PREPOSITION.match(part)
    if opening is None or f" {opening[0].lower()} " in last.lower():
        return None
    return f"{bare(last)} {part}?"


def swapped(last: str, phrase: Phrase, part: str) -> str | None:
    """The last question with ``part`` in place of one of its phrases, or None if it does not fit
    there.
    """
    before, after = last[: phrase.start], last[phrase.end :]
    if _BETWEEN.search(before) and " and " not in part:
        return None  # There is nothing between one thing.
    if phrase.is_asked and _OPENS_WITH_ARTICLE.match(part):
        return None  # "Which the managers" is no question.
    governed = _PREPOSITION.search(before)
    if _OPENS_WITH_PREPOSITION.match(part):
        if not governed:
            return appended(last, part)
        before = before[: governed.start()]
    elif _OPENS_WITH_ARTICLE.match(part) or part[0].isupper():
        before = _ARTICLE.sub("", before)
    owns = _POSSESSIVE.search(last[phrase.start : phrase.end])
    new = f"{part}{'’' if part.endswith('s') else '’s'}" if owns else part
    if not phrase.is_name and not phrase.is_asked and not owns:
        before, after = agreeing(before, after, was_plural=phrase.is_plural, text=part)
    return f"{before}{new}{after}"


def agreeing(before: str, after: str, *, was_plural: bool, text: str) -> tuple[str, str]:
    """What is before and after a subject, with an auxiliary verb that agrees with its number.

    :param was_plural: the number of the subject that the verb agrees with so far
    :param text: the subject that is put there
    """
    head = text.rpartition(" ")[2]
    becomes_plural = is_plural(head) or " and " in text
    if any(letter.isupper() for letter in head) and " and " not in text:
        # The number of a name that ends in s, or has an article, is not known.
        unknown = head.endswith("s") or text.startswith("the ")
        becomes_plural = was_plural and unknown
    if becomes_plural == was_plural:
        return before, after
    table = _AGREEMENT if becomes_plural else _SINGULAR
    match = _VERB_BEFORE.search(before)
    if match and match[1].lower() in table:
        verb = table[match[1].lower()]
        verb = verb.capitalize() if match[1][0].isupper() else verb
        return f"{before[: match.start(1)]}{verb}{before[match.end(1) :]}", after
    follows = _VERB_AFTER.match(after)
    if follows and follows[1] in table and not any(w.is_auxiliary for w in tokens(before)):
        return before, f" {table[follows[1]]}{after[follows.end(1) :]}"
    return before, after


def without_article(words: Sequence[Token]) -> list[Token]:
    """The words that describe "one": "Chinese" of "the Chinese one"."""
    return [word for word in words if word.lower not in {"the", "a", "an", "one", "ones"}]
