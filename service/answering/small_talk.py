"""Greetings, thanks and questions about Quoth itself: messages that no document is searched for.

A message is small talk only if all of it is. A greeting before a question, or thanks after it, are
left out of what is searched and read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import islice

from service.answering import wording
from service.question import Question, Role


class SmallTalk(StrEnum):
    """What a message without a question about documents is."""

    GREETING = "greeting"
    THANKS = "thanks"
    AGREEMENT = "agreement"
    FAREWELL = "farewell"
    ABOUT_QUOTH = "about_quoth"


REPLIES = {
    SmallTalk.GREETING: wording.GREETING,
    SmallTalk.THANKS: wording.WELCOME,
    SmallTalk.AGREEMENT: wording.AGREED,
    SmallTalk.FAREWELL: wording.FAREWELL,
    SmallTalk.ABOUT_QUOTH: wording.ABOUT_QUOTH,
}
"""What Quoth replies to each kind."""

_PHRASES = {
    SmallTalk.GREETING: """
        hi, hello, hey, heya, hiya, hallo, howdy, yo, greetings, welcome, salutations,
        good morning, good afternoon, good evening, good day, morning, evening, g'day,
        how are you, how are you doing, how do you do, how is it going, how's it going, what's up,
        nice to meet you, pleased to meet you, happy monday, happy friday,
        hola, bonjour, bonsoir, salut, ciao, moin, servus, guten morgen, guten tag, guten abend
    """,
    SmallTalk.THANKS: """
        thanks, thank you, thank u, thankyou, thx, tnx, ty, tysm, cheers, many thanks, much obliged,
        much appreciated, appreciate it, i appreciate it, appreciated, that helps, that helped,
        that is helpful, that's helpful, that was helpful, very helpful, helpful, danke,
        danke schön, vielen dank, merci, merci beaucoup, gracias, muchas gracias, grazie, obrigado
    """,
    SmallTalk.AGREEMENT: """
        ok, okay, okey, k, kk, alright, all right, great, good, cool, nice, perfect, excellent,
        awesome, amazing, wonderful, fantastic, brilliant, super, wow, lovely, fine, sure, got it,
        gotcha, i see, i understand, understood, makes sense, that makes sense, good job, well done,
        never mind, nevermind, no problem, no worries, sounds good, good to know, will do
    """,
    SmallTalk.FAREWELL: """
        bye, bye bye, goodbye, good bye, farewell, see you, see ya, see you later, see you soon,
        talk to you later, good night, take care, have a nice day, have a good day,
        have a great day, have a nice weekend, have a good weekend, until next time, so long,
        that's all, that is all, that will be all, tschüss, au revoir, adios
    """,
}
"""What each kind says."""

_FILLERS = """
    there, everyone, everybody, all, team, folks, guys, friend, my friend, quoth, bot, assistant,
    again, so much, very much, a lot, a bunch, a million, ever so much, in advance, once more,
    for your help, for the help, for helping, for helping me, for that, for this, for it,
    for everything, for the answer, for your answer, for the info, for the information,
    for the quick reply, for your time, to you, to you all, you too, and you, today, now, then, and,
    oh, well, so, very, really, indeed, dear, just, for now, too, also, kindly, please, sir, madam
"""
"""What may stand beside the phrases, and says nothing alone."""

_ABOUT_QUOTH = """
    help, help me, i need help, can you help, can you help me, could you help me,
    who are you, what are you, what is quoth, what's quoth, who is quoth, what is your name,
    what's your name, what can you do, what can you do for me, what do you do, what can i ask,
    what can i ask you, what should i ask, what should i ask you, what can i do here,
    what can you help me with, what can you help with, how can you help, how can you help me,
    how do you work, how do i use you, how do i use this, how can i use you, how does quoth work,
    tell me about yourself, introduce yourself, are you a bot, are you a robot, are you an ai,
    are you a human, are you human, are you chatgpt, are you real, are you there, who made you,
    who built you, what model are you, which model are you, test, testing
"""

_PRECEDENCE = (SmallTalk.FAREWELL, SmallTalk.THANKS, SmallTalk.GREETING, SmallTalk.AGREEMENT)
"""Which reply a message gets that says several of these: "ok thanks, bye" is a farewell."""

_MOST_WORDS = 14
_LONGEST_CLOSING = 80
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SEPARATOR = re.compile(r"[ \t]*(?:[,.!;:–—\n]|-(?=\s))[\s,.!;:–—-]*")
_ASKING = re.compile(
    r"\s+(?=(?:how|what|what's|when|where|which|who|whose|why|can|could|would|will|should|may|is|"
    r"are|was|were|do|does|did|has|have|please|tell|show|explain|describe|i|i'd|i'm|we)\b)",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"[?.!,;\n][\s–—-]*([^?.!,;\n]{2,60})[!.\s]*$")


def _listed(phrases: str) -> Iterator[tuple[str, ...]]:
    return (tuple(phrase.split()) for phrase in phrases.split(","))


_ASKED_OF_QUOTH = frozenset(_listed(_ABOUT_QUOTH))
_KINDS: dict[tuple[str, ...], SmallTalk | None] = dict.fromkeys(_listed(_FILLERS))
for _kind, _phrases in _PHRASES.items():
    _KINDS.update(dict.fromkeys(_listed(_phrases), _kind))
_LONGEST = max(map(len, _KINDS))


def small_talk(text: str) -> SmallTalk | None:
    """What kind of small talk a whole message is, None if it asks or says anything else."""
    words = [_plain(word[0]) for word in _WORD.finditer(text[: 40 * _MOST_WORDS])]
    if not words or len(words) > _MOST_WORDS:
        return None
    ends = _ends_of_phrases(words)
    spoken = {kind for kind in ends.values() if kind is not None}
    rest = tuple(words[max(ends, default=0) :])
    if rest in _ASKED_OF_QUOTH:
        return SmallTalk.ABOUT_QUOTH
    return next((kind for kind in _PRECEDENCE if kind in spoken), None) if not rest else None


def without_small_talk(question: Question) -> Question:
    """The question alone, without a greeting before it, thanks after it, and turns of its history
    that are small talk.
    """
    replies = set(REPLIES.values())
    history = tuple(
        turn
        for turn in question.history
        if (small_talk(turn.text) is None if turn.role is Role.USER else turn.text not in replies)
    )
    return replace(question, text=_asked(question.text), history=history)


def _asked(text: str) -> str:
    """A question without what is said before and after it, all of it if nothing else is said."""
    closing = _CLOSING.search(text, max(len(text) - _LONGEST_CLOSING, 0))
    kind = small_talk(closing[1]) if closing else None
    # After a comma only thanks: "Who wrote Hello, Goodbye" ends with no farewell.
    is_end = kind is SmallTalk.FAREWELL and closing and closing[0][0] not in ",;"
    if closing and (is_end or kind is SmallTalk.THANKS):
        # The mark that ends the question stays.
        text = text[: closing.start() + 1].rstrip(" ,;\n")
    opening = list(islice(_WORD.finditer(text), _MOST_WORDS))
    ends = _ends_of_phrases([_plain(word[0]) for word in opening])
    for end in sorted(ends, reverse=True):
        # "Hi, how long is it?" and "Hi how long is it?", but neither "Hi-Fi" nor "Hello Kitty".
        follows = _SEPARATOR.match(text, opening[end - 1].end()) or _ASKING.match(
            text, opening[end - 1].end()
        )
        if follows and any(ends[before] for before in ends if before <= end):
            return text[follows.end() :] or text
    return text


def _ends_of_phrases(words: Sequence[str]) -> dict[int, SmallTalk | None]:
    """The phrases that a message begins with, one after another: the number of words up to the end
    of each, and its kind, None for what may only stand beside others.
    """
    ends: dict[int, SmallTalk | None] = {}
    end = 0
    while end < len(words):
        lengths = range(min(_LONGEST, len(words) - end), 0, -1)
        phrases = (tuple(words[end : end + length]) for length in lengths)
        phrase = next((each for each in phrases if each in _KINDS), None)
        if phrase is None:
            break
        end += len(phrase)
        ends[end] = _KINDS[phrase]
    return ends


def _plain(word: str) -> str:
    return word.casefold().replace("’", "'")
