"""What to do about what happened: a function of the event and of what is remembered, and of nothing
else.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from service.slack.event import Deleted, Edited, Event, Me, Message
from service.slack.mrkdwn import has_words, mentioned, plain_text

THREAD_LIFETIME_S = 24 * 3600
"""How long after the last question a thread is still listened to."""

_SPOKEN = (None, "file_share", "thread_broadcast", "me_message")
_STOP = re.compile(
    r"(?:(?:please|ok|okay|thanks|thank you|quoth)[,.!]? )*"
    r"(?:stop(?: (?:it|now|here|answering|replying|talking))?|(?:be )?quiet|shut up|go away|"
    r"(?:that'?s |that is )?enough|that'?s all|that is all)"
    r"(?:[,.!]? (?:please|thanks|thank you|quoth|now|bot))*[.! ]*",
    re.IGNORECASE,
)
_SMALL_TALK = re.compile(
    r"(?:(?:ok|okay|thanks|thank you|thx|ty|great|cool|nice|perfect|good|awesome|got it|i see"
    r"|ah|oh|wow|yes|no|yep|"
    r"nope|hi|hello|hey|lol|sure|fine|so much|a lot|very much|that helps|good to know|makes "
    r"sense)[\s,.!:)]*)+",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"(?:and |but |so |or )?(?:who|whom|whose|what|what's|when|where|which|why|how|is|are|was"
    r"|were|do|does|did|can|"
    r"could|will|would|should|has|have|had|may|might)\b",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(r"^[,:;–—-]+(?: |$)")


class Way(StrEnum):
    """How a question came to the bot."""

    MENTION = "mention"
    DIRECT = "direct"
    THREAD = "thread"
    AUTO = "auto"


class Silence(StrEnum):
    """Why nothing is said."""

    NOBODY_ASKED = "nobody asked"
    A_BOT = "a bot wrote it"
    NOT_SAID = "it is nothing that somebody said"
    OTHER_EVENT = "no event for the bot"
    SMALL_TALK = "there is nothing to answer in it"
    STOPPED = "the thread was told to be left alone"
    EXPIRED = "the thread is too old"
    BETWEEN_PEOPLE = "people talk to each other"
    NO_CHANGE = "the question is the same"
    NOT_ANSWERED = "it was not answered"


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread that the bot answers in.

    :param speaker: who asked last
    :param asked_at: when, seconds since 1970
    :param quiet: somebody said stop, or people talk to each other
    """

    speaker: str
    asked_at: float
    quiet: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What is remembered of the place where something happened.

    :param thread: the thread, None where the bot has not answered in it
    :param question: the very message as a question that was accepted, None where it was not
    :param auto: questions in the channel are answered without being put to the bot
    """

    thread: Thread | None = None
    question: str | None = None
    auto: bool = False


@dataclass(frozen=True, slots=True)
class Ignore:
    """Say nothing."""

    why: Silence


@dataclass(frozen=True, slots=True)
class Ask:
    """Answer this."""

    message: Message
    way: Way
    question: str


@dataclass(frozen=True, slots=True)
class Reask:
    """Answer it anew, in place of the answer before."""

    edited: Edited
    question: str


@dataclass(frozen=True, slots=True)
class Retract:
    """Take the answer back."""

    deleted: Deleted


@dataclass(frozen=True, slots=True)
class Quieten:
    """Leave the thread alone until somebody mentions the bot in it."""

    channel: str
    root: str
    why: Silence


Decision = Ignore | Ask | Reask | Retract | Quieten


def decide(me: Me, event: Event, facts: Facts) -> Decision:
    """What to do about an event."""
    if isinstance(event, Message):
        return _on_message(me, event, facts)
    if isinstance(event, Edited):
        return _on_edit(me, event, facts)
    if isinstance(event, Deleted):
        return Ignore(Silence.NOT_ANSWERED) if facts.question is None else Retract(event)
    return Ignore(Silence.OTHER_EVENT)


def is_question(text: str) -> bool:
    """Whether a text reads as a question by its mark or its first word."""
    return has_words(text) and (text.rstrip(" .!)\"'”").endswith("?") or bool(_ASKING.match(text)))


def question_of(text: str) -> str:
    """The question that a message puts, without markup and without what addresses the bot."""
    return _ADDRESSED.sub("", plain_text(text))


def _on_message(me: Me, message: Message, facts: Facts) -> Decision:
    if message.automatic or message.user == me.user:
        return Ignore(Silence.A_BOT)
    if message.subtype not in _SPOKEN:
        return Ignore(Silence.NOT_SAID)
    question = question_of(message.text)
    if _names(me, message):
        return _asked(message, Way.MENTION, question)
    if message.direct:
        return _asked(message, Way.DIRECT, question)
    if message.thread_ts is not None and message.thread_ts != message.ts:
        return _in_thread(message, facts.thread, question)
    if (
        facts.auto
        and question.endswith("?")
        and is_question(question)
        and not mentioned(message.text)
    ):
        return Ask(message, Way.AUTO, question)
    return Ignore(Silence.NOBODY_ASKED)


def _asked(message: Message, way: Way, question: str) -> Decision:
    """A message that is put to the bot: answered, unless it says stop, or nothing but thanks.

    A greeting outside threads is an empty question, which is answered with a hint.
    """
    if _STOP.fullmatch(question):
        return Quieten(message.channel, message.root, Silence.STOPPED)
    if not _SMALL_TALK.fullmatch(question):
        return Ask(message, way, question)
    return Ignore(Silence.SMALL_TALK) if message.thread_ts else Ask(message, way, "")


def _in_thread(message: Message, thread: Thread | None, question: str) -> Decision:
    """A message in a thread that does not name the bot."""
    if thread is None:
        return Ignore(Silence.NOBODY_ASKED)
    if thread.quiet:
        return Ignore(Silence.STOPPED)
    if float(message.ts) - thread.asked_at > THREAD_LIFETIME_S:
        return Ignore(Silence.EXPIRED)
    if _STOP.fullmatch(question):
        return Quieten(message.channel, message.root, Silence.STOPPED)
    if mentioned(message.text):
        return Quieten(message.channel, message.root, Silence.BETWEEN_PEOPLE)
    if not has_words(question) or _SMALL_TALK.fullmatch(question):
        return Ignore(Silence.SMALL_TALK)
    same, asking = message.user == thread.speaker, is_question(question)
    if same and asking:
        return Ask(message, Way.THREAD, question)
    if (
        same or asking
    ):  # it may well be for the people in the thread: answered only where the documents say
        return Ask(message, Way.AUTO, question)
    return Quieten(message.channel, message.root, Silence.BETWEEN_PEOPLE)


def _on_edit(me: Me, edited: Edited, facts: Facts) -> Decision:
    """An edited question edits its answer; an edited message may become a question."""
    message = edited.message
    if facts.question is None:
        put = message.direct or _names(me, message)
        return _on_message(me, message, facts) if put else Ignore(Silence.NOBODY_ASKED)
    if message.automatic or message.user == me.user:
        return Ignore(Silence.A_BOT)
    question = question_of(message.text)
    return Ignore(Silence.NO_CHANGE) if question == facts.question else Reask(edited, question)


def _names(me: Me, message: Message) -> bool:
    return message.mentioning or me.user in mentioned(message.text)
