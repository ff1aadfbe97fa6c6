"""The bot: does what was taken from Slack. It asks the service and says the answer."""

import logging
import re
import time
from contextlib import suppress
from dataclasses import replace

from corpus.errors import NotFoundError, QuestionError, StoreError
from index.filters import Filters
from service.answering.question import (
    MAX_QUESTION_LENGTH,
    Question,
    Turn,
    check_question_text,
    make_question,
)
from service.answering.service import AnswerService
from service.http.schemas import AskResponse
from service.http.threads import Threads
from service.slack import blocks
from service.slack.blocks import (
    Post,
    answer_post,
    context_post,
    gone_post,
    modal,
    nearest_post,
    notice,
)
from service.slack.decide import Way
from service.slack.event import Command, Press
from service.slack.inbox import Asked, Inbox, Kind, Vote, Work
from service.slack.mrkdwn import has_words
from service.slack.web import LaterError, RefusedError, SlackError, Workspace

HINT = "Ask me a question in words, and I look for a passage that answers it."
NOT_A_MEMBER = "I cannot write in this channel; invite me first."
TAKEN_BACK = "The question was deleted."

_RESPONSE_LIFETIME_S = 29 * 60
_RESPONSE_ATTEMPTS = 2
_ANSWER_ID = re.compile(r"[0-9a-f]{32}")
_GONE = {"message_not_found", "channel_not_found", "thread_not_found"}

log = logging.getLogger("quoth.slack")


class Bot:
    """Over one service, in one workspace. Whatever it does, it may be told to do again, and does it
    once.
    """

    def __init__(
        self,
        service: AnswerService,
        inbox: Inbox,
        workspace: Workspace,
        *,
        questions: Threads,
        quick: Threads,
        base_url: str,
    ) -> None:
        """A bot.

        :param questions: where the service is asked
        :param quick: where inbox and store are used, beside the questions and never behind them
        :param base_url: where people reach the service
        """
        self._desk = service
        self._inbox = inbox
        self._workspace = workspace
        self._questions = questions
        self._quick = quick
        self._base_url = base_url

    async def do(self, work: Work) -> None:
        """Do some work.

        :raises SlackError: it could not be said, and is not done
        :raises StoreError: index or inbox cannot be used now
        """
        if work.kind is Kind.ANSWER:
            await self._answer(work.payload["channel"], work.payload["ts"])
        elif work.kind is Kind.RETRACT:
            await self._retract(work.payload["channel"], work.payload["ts"])
        elif work.kind is Kind.COMMAND:
            await self._answer_command(work, Command(**work.payload))
        elif work.kind is Kind.VOTE:
            await self._vote(Press(**work.payload))
        else:
            await self._share(work, Press(**work.payload))

    async def show(self, press: Press) -> None:
        """Show the passages that a button promises: in a modal, or where that is refused, to that
        person alone.
        """
        try:
            post = await self._passages(press)
            try:
                await self._workspace.open_view(press.trigger, modal(post))
            except SlackError as exc:
                log.info("no modal could be opened (%s); the passages go out as a message", exc)
                await self._workspace.respond(press.response_url, post)
        except (SlackError, StoreError) as exc:
            log.warning("a passage cannot be shown (%s)", exc)

    # -- questions in conversations

    async def _answer(self, channel: str, ts: str) -> None:
        """Say what answers a question as it reads now, unless that is said."""
        asked = await self._quick.read(self._inbox.asked, channel, ts)
        if asked is None or asked.gone or asked.answered == asked.question:
            return
        post, answer = await self._reply(asked)
        said = await self._say(asked, post.named(_name(asked)) if post else None)
        await self._quick.read(self._inbox.answered, asked, said, answer)

    async def _say(self, asked: Asked, post: Post | None) -> str | None:
        """Bring the bot's message to what is to be said: posted, edited or deleted. The time stamp
        that names it.
        """
        present = asked.answer_ts or (await self._found(asked) if asked.saying else None)
        if post is None:
            if present is not None:
                await self._delete(asked.channel, present)
            return None
        return (
            await self._post(asked, post)
            if present is None
            else await self._edit(asked, present, post)
        )

    async def _found(self, asked: Asked) -> str | None:
        """A message that was sent before, and that Slack may have taken when the connection or the
        process broke.
        """
        try:
            return await self._workspace.find(asked.channel, asked.root, asked.ts, _name(asked))
        except LaterError as exc:
            if exc.wait_s is not None:
                raise
        except RefusedError as exc:
            log.info("Slack does not say whether an answer stands (%s); it is said again", exc)
        return None

    async def _post(self, asked: Asked, post: Post) -> str:
        await self._quick.read(self._inbox.saying, asked, True)
        try:
            return await self._workspace.post(asked.channel, post, asked.root)
        except SlackError as exc:
            if not (isinstance(exc, LaterError) and exc.unsure):
                await self._quick.read(self._inbox.saying, asked, False)
            raise

    async def _edit(self, asked: Asked, ts: str, post: Post) -> str:
        try:
            await self._workspace.update(asked.channel, ts, post)
        except RefusedError as exc:
            if exc.code in _GONE:
                return ts  # somebody has deleted the answer: it stays so
            log.info("an answer cannot be edited (%s); it is said anew", exc)
            with suppress(RefusedError):
                await self._workspace.delete(asked.channel, ts)
            return await self._post(asked, post)
        return ts

    async def _retract(self, channel: str, ts: str) -> None:
        asked = await self._quick.read(self._inbox.asked, channel, ts)
        if asked is None:
            return
        await self._say(asked, None)
        await self._quick.read(self._inbox.drop, asked)

    async def _delete(self, channel: str, ts: str) -> None:
        try:
            await self._workspace.delete(channel, ts)
        except RefusedError as exc:
            if exc.code not in _GONE:
                await self._workspace.update(channel, ts, notice(TAKEN_BACK))

    async def _reply(self, asked: Asked) -> tuple[Post | None, str | None]:
        """What is said to a question, None for silence; and the answer in the documents' words,
        None for none.
        """
        try:
            question = await self._question(asked)
        except QuestionError as exc:
            return (None if asked.way is Way.AUTO else _misasked(asked.question, exc)), None
        response = await self._ask(question)
        if response.answer is None and asked.way is Way.AUTO:
            return None, None
        return answer_post(
            response, self._base_url
        ), response.answer.text if response.answer else None

    async def _question(self, asked: Asked) -> Question:
        history = await self._quick.read(self._inbox.history, asked)
        return await self._made(
            asked.channel, asked.question, [turn for turn in history if _is_short(turn)]
        )

    async def _made(self, channel: str, text: str, history: list[Turn]) -> Question:
        """The question as the channel's settings have it.

        :raises QuestionError: it cannot be taken
        """
        if not has_words(check_question_text(text)):
            raise QuestionError("the question has no words")
        settings = await self._quick.read(self._inbox.channel, channel)
        filters = Filters(tags=settings.tags)
        return make_question(
            text, history=history, filters=filters, min_confidence=settings.threshold
        )

    async def _ask(self, question: Question) -> AskResponse:
        return AskResponse.model_validate_json(await self._questions.read(self._desk.ask, question))

    # -- commands

    async def _answer_command(self, work: Work, command: Command) -> None:
        try:
            response = await self._ask(await self._made(command.channel, command.text, []))
            post = answer_post(response, self._base_url, private=True)
        except QuestionError as exc:
            post = _misasked(command.text, exc)
        await self._tell(work, command.response_url, command.channel, command.user, post)

    async def _tell(self, work: Work, url: str, channel: str, user: str, post: Post) -> None:
        """Say something to one person: where they asked, while that can be, or else in a direct
        message.
        """
        if url and time.time() - work.accepted_at < _RESPONSE_LIFETIME_S:
            try:
                return await self._workspace.respond(url, post)
            except LaterError as exc:
                if exc.wait_s is not None or work.attempts + 1 < _RESPONSE_ATTEMPTS:
                    raise
                log.warning("a response cannot be given (%s); it goes out otherwise", exc)
            except RefusedError as exc:
                log.warning("a response was refused (%s); it goes out otherwise", exc)
        try:
            await self._workspace.whisper(channel, user, post)
        except RefusedError:
            await self._workspace.post(user, post)

    # -- buttons

    async def _vote(self, press: Press) -> None:
        said = await self._quick.read(self._count_vote, press)
        try:
            await self._workspace.respond(press.response_url, notice(said))
        except SlackError as exc:
            log.info("a vote was counted and not confirmed (%s)", exc)

    def _count_vote(self, press: Press) -> str:
        """Keep a vote as feedback, in place of the same person's vote before. What is said to
        it.
        """
        helpful = press.action == blocks.HELPFUL
        before = self._inbox.vote(press.value, press.user)
        if before is not None and before.helpful == helpful:
            return "Your vote stands."
        try:
            vote = self._kept_vote(press.value, helpful, before)
        except NotFoundError:
            return blocks.GONE
        self._inbox.set_vote(press.value, press.user, vote)
        return "Thank you. Your vote is kept." if before is None else "Your vote was changed."

    def _kept_vote(self, answer_id: str, helpful: bool, before: Vote | None) -> Vote:
        if before is None:
            return Vote(helpful, self._desk.give_feedback(answer_id, helpful, None, None))
        self._desk.history.change_feedback(before.feedback_id, helpful)
        return replace(before, helpful=helpful)

    async def _share(self, work: Work, press: Press) -> None:
        response = await self._kept(press.value)
        if response is None:
            return await self._tell(
                work, press.response_url, press.channel, press.user, notice(blocks.GONE)
            )
        try:
            post = answer_post(response, self._base_url, shared=True)
            await self._workspace.post(press.channel, post, press.thread_ts)
        except RefusedError as exc:
            log.info("an answer cannot be shared (%s)", exc)
            await self._tell(
                work, press.response_url, press.channel, press.user, notice(NOT_A_MEMBER)
            )
        return None

    async def _passages(self, press: Press) -> Post:
        response = await self._kept(press.value)
        if response is None:
            return gone_post()
        return (
            nearest_post(response)
            if press.action == blocks.NEAREST
            else context_post(response, self._base_url)
        )

    async def _kept(self, answer_id: str) -> AskResponse | None:
        if not _ANSWER_ID.fullmatch(answer_id):
            return None
        body = await self._quick.read(self._desk.history.find, answer_id)
        return None if body is None else AskResponse.model_validate_json(body)


def _name(asked: Asked) -> str:
    """What the answer to a question can be found by in Slack."""
    return f"quoth {asked.channel} {asked.ts}"


def _is_short(turn: Turn) -> bool:
    return len(turn.text) <= MAX_QUESTION_LENGTH


def _misasked(text: str, exc: QuestionError) -> Post:
    """What is said to a question that cannot be taken."""
    if len(text) > MAX_QUESTION_LENGTH:
        return notice(
            f"Your question has {len(text):,} characters; I take up to "
            f"{MAX_QUESTION_LENGTH:,}. Ask shorter."
        )
    return notice(HINT) if not has_words(text) else notice(f"I cannot take that question: {exc}.")
