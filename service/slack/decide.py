"""Decides what to do about an event, from the event and what is known about its thread alone."""

import re
from dataclasses import dataclass
from enum import StrEnum

from service.slack.event import (
    BotIdentity,
    MessageChanged,
    MessageDeleted,
    SlackEvent,
    SlackMessage,
)
from service.slack.mrkdwn import has_words, mentioned_users, plain_text

THREAD_LIFETIME_S = 24 * 3600
"""How long after the last question the bot listens for follow-up questions in a thread."""

_SUBTYPES_OF_PEOPLE = (None, "file_share", "thread_broadcast", "me_message")
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
_QUESTION_START = re.compile(
    r"(?:and |but |so |or )?(?:who|whom|whose|what|what's|when|where|which|why|how|is|are|was"
    r"|were|do|does|did|can|"
    r"could|will|would|should|has|have|had|may|might)\b",
    re.IGNORECASE,
)
_AFTER_MENTION = re.compile(r"^[,:;–—-]+(?: |$)")


class QuestionOrigin(StrEnum):
    """How a question reached the bot."""

    MENTION = "mention"
    DIRECT = "direct"
    THREAD = "thread"
    AUTO = "auto"


class IgnoreReason(StrEnum):
    """Why the bot stays silent."""

    NOT_ADDRESSED = "the message is not for the bot"
    AUTOMATIC = "a bot wrote the message"
    NOT_A_PERSON = "Slack wrote the message"
    OTHER_EVENT = "the event is not for the bot"
    SMALL_TALK = "there is nothing to answer"
    MUTED = "somebody asked the bot to stop in this thread"
    EXPIRED = "the last question in the thread is too old"
    BETWEEN_PEOPLE = "people are talking to each other"
    UNCHANGED = "the question is the same"
    NOT_ANSWERED = "the message was not a question to the bot"


@dataclass(frozen=True, slots=True)
class AnsweredThread:
    """A thread that the bot answers in.

    :param last_asker: who asked the last question
    :param asked_at: when, in seconds since 1970
    :param is_muted: somebody said stop, or people talk to each other
    """

    last_asker: str
    asked_at: float
    is_muted: bool


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What is known about a message before it is decided on.

    :param thread: its thread, None where the bot has not answered in it
    :param question: the question that the message asked, None where it was not accepted as one
    :param auto: the channel's setting: questions are answered that do not mention the bot
    """

    thread: AnsweredThread | None = None
    question: str | None = None
    auto: bool = False


@dataclass(frozen=True, slots=True)
class Ignore:
    """Stay silent."""

    reason: IgnoreReason


@dataclass(frozen=True, slots=True)
class AnswerMessage:
    """Answer a message.

    :param question: its text without markup, empty for a greeting
    """

    message: SlackMessage
    origin: QuestionOrigin
    question: str


@dataclass(frozen=True, slots=True)
class AnswerAgain:
    """Answer an edited question, in place of the answer before."""

    change: MessageChanged
    question: str


@dataclass(frozen=True, slots=True)
class RetractAnswer:
    """Delete the answer to a deleted question."""

    deletion: MessageDeleted


@dataclass(frozen=True, slots=True)
class MuteThread:
    """Stop answering in a thread until somebody mentions the bot in it."""

    channel: str
    root: str
    reason: IgnoreReason


Decision = Ignore | AnswerMessage | AnswerAgain | RetractAnswer | MuteThread


def decide(bot: BotIdentity, event: SlackEvent, context: MessageContext) -> Decision:
    """What to do about an event."""
    if isinstance(event, SlackMessage):
        return _decide_message(bot, event, context)
    if isinstance(event, MessageChanged):
        return _decide_change(bot, event, context)
    if isinstance(event, MessageDeleted):
        asked = context.question is not None
        return RetractAnswer(event) if asked else Ignore(IgnoreReason.NOT_ANSWERED)
    return Ignore(IgnoreReason.OTHER_EVENT)


def is_question(text: str) -> bool:
    """Whether a text reads as a question, by its question mark or its first word."""
    if not has_words(text):
        return False
    return text.rstrip(" .!)\"'”").endswith("?") or bool(_QUESTION_START.match(text))


def question_of(text: str) -> str:
    """The question in a message, without markup and without the address to the bot."""
    return _AFTER_MENTION.sub("", plain_text(text))


def _decide_message(bot: BotIdentity, message: SlackMessage, context: MessageContext) -> Decision:
    if _is_automatic(bot, message):
        return Ignore(IgnoreReason.AUTOMATIC)
    if message.subtype not in _SUBTYPES_OF_PEOPLE:
        return Ignore(IgnoreReason.NOT_A_PERSON)
    question = question_of(message.text)
    if _mentions(bot, message):
        return _decide_addressed(message, QuestionOrigin.MENTION, question)
    if message.is_direct:
        return _decide_addressed(message, QuestionOrigin.DIRECT, question)
    if message.thread_ts is not None and message.thread_ts != message.ts:
        return _decide_reply(message, context.thread, question)
    # Of what does not address the bot, only what ends with a question mark is certain enough.
    asks_everybody = is_question(question) and question.endswith("?")
    if context.auto and asks_everybody and not mentioned_users(message.text):
        return AnswerMessage(message, QuestionOrigin.AUTO, question)
    return Ignore(IgnoreReason.NOT_ADDRESSED)


def _decide_addressed(message: SlackMessage, origin: QuestionOrigin, question: str) -> Decision:
    """What to do about a message that mentions the bot or is a direct message to it."""
    if _STOP.fullmatch(question):
        return MuteThread(message.channel, message.root, IgnoreReason.MUTED)
    if not _SMALL_TALK.fullmatch(question):
        return AnswerMessage(message, origin, question)
    if message.thread_ts:
        return Ignore(IgnoreReason.SMALL_TALK)
    # A greeting starts a conversation: as an empty question it is answered with a hint.
    return AnswerMessage(message, origin, "")


def _decide_reply(message: SlackMessage, thread: AnsweredThread | None, question: str) -> Decision:
    """What to do about a message in a thread that does not mention the bot."""
    if thread is None:
        return Ignore(IgnoreReason.NOT_ADDRESSED)
    if thread.is_muted:
        return Ignore(IgnoreReason.MUTED)
    if float(message.ts) - thread.asked_at > THREAD_LIFETIME_S:
        return Ignore(IgnoreReason.EXPIRED)
    if _STOP.fullmatch(question):
        return MuteThread(message.channel, message.root, IgnoreReason.MUTED)
    if mentioned_users(message.text):
        return MuteThread(message.channel, message.root, IgnoreReason.BETWEEN_PEOPLE)
    if not has_words(question) or _SMALL_TALK.fullmatch(question):
        return Ignore(IgnoreReason.SMALL_TALK)
    same_asker, asks = message.user == thread.last_asker, is_question(question)
    if same_asker and asks:
        return AnswerMessage(message, QuestionOrigin.THREAD, question)
    if same_asker or asks:
        # It may be meant for the people in the thread: answered only if the documents say.
        return AnswerMessage(message, QuestionOrigin.AUTO, question)
    return MuteThread(message.channel, message.root, IgnoreReason.BETWEEN_PEOPLE)


def _decide_change(bot: BotIdentity, change: MessageChanged, context: MessageContext) -> Decision:
    """What to do about an edit: an edited question is answered again, and an edited message may
    become a question.
    """
    message = change.message
    if context.question is None:
        addressed = message.is_direct or _mentions(bot, message)
        if not addressed:
            return Ignore(IgnoreReason.NOT_ADDRESSED)
        return _decide_message(bot, message, context)
    if _is_automatic(bot, message):
        return Ignore(IgnoreReason.AUTOMATIC)
    question = question_of(message.text)
    if question == context.question:
        return Ignore(IgnoreReason.UNCHANGED)
    return AnswerAgain(change, question)


def _is_automatic(bot: BotIdentity, message: SlackMessage) -> bool:
    return message.is_automatic or message.user == bot.user


def _mentions(bot: BotIdentity, message: SlackMessage) -> bool:
    return message.is_mention or bot.user in mentioned_users(message.text)
