"""Answers in conversations: posts, edits and deletes what the bot says to each question."""

import logging
from contextlib import suppress

from corpus.errors import QuestionError
from service.http.threads import Threads
from service.slack.block_kit import Post
from service.slack.blocks import answer_post, notice
from service.slack.decide import QuestionOrigin
from service.slack.errors import RefusedError, RetryableError, SlackError
from service.slack.inbox.conversations import Conversations, SlackQuestion
from service.slack.questions import ChannelQuestions, question_error_post
from service.slack.web import Workspace

QUESTION_DELETED = "The question was deleted."

_GONE_CODES = {"message_not_found", "channel_not_found", "thread_not_found"}

log = logging.getLogger("quoth.slack")


class ThreadAnswers:
    """Answers the questions of an inbox. Doing the same work again changes nothing.

    Runs in one event loop.
    """

    def __init__(
        self,
        questions: ChannelQuestions,
        conversations: Conversations,
        workspace: Workspace,
        *,
        inbox_threads: Threads,
        base_url: str,
    ) -> None:
        self._questions = questions
        self._conversations = conversations
        self._workspace = workspace
        self._threads = inbox_threads
        self._base_url = base_url

    async def answer(self, channel: str, ts: str) -> None:
        """Answer a question as it reads now, unless that is done.

        :raises SlackError: the answer could not be posted
        :raises StoreError: the index or the inbox cannot be used now
        """
        question = await self._threads.read(self._conversations.question, channel, ts)
        if question is None or question.is_deleted or question.answered_text == question.text:
            return
        post, answer = await self._reply(question)
        if post is None:
            await self._delete_answer(question)
            answer_ts = None
        else:
            answer_ts = await self._show(question, post.with_block_id(_block_id(question)))
        await self._threads.read(self._conversations.set_answer, question, answer_ts, answer)

    async def retract(self, channel: str, ts: str) -> None:
        """Delete the answer to a question whose message was deleted, and forget the question.

        :raises SlackError: the answer could not be deleted
        """
        question = await self._threads.read(self._conversations.question, channel, ts)
        if question is not None:
            await self._delete_answer(question)
            await self._threads.read(self._conversations.delete, question)

    async def _reply(self, question: SlackQuestion) -> tuple[Post | None, str | None]:
        """What to post, None for silence; and the answer in the documents' words, None for none."""
        history = await self._threads.read(self._conversations.history, question)
        # Nobody asked the bot: it speaks only where the documents answer.
        only_answers = question.origin is QuestionOrigin.AUTO
        try:
            response = await self._questions.ask(question.channel, question.text, history)
        except QuestionError as exc:
            return (None if only_answers else question_error_post(question.text, exc)), None
        if response.answer is None and only_answers:
            return None, None
        answer = response.answer.text if response.answer else None
        return answer_post(response, self._base_url), answer

    async def _show(self, question: SlackQuestion, post: Post) -> str:
        """Post the answer, or edit the one before. Returns its time stamp."""
        present = await self._present_answer(question)
        if present is None:
            return await self._post(question, post)
        try:
            await self._workspace.update(question.channel, present, post)
        except RefusedError as exc:
            if exc.code in _GONE_CODES:
                return present  # somebody deleted the answer, and it stays deleted
            log.info("an answer cannot be edited (%s); posting it again", exc)
            with suppress(RefusedError):
                await self._workspace.delete(question.channel, present)
            return await self._post(question, post)
        return present

    async def _delete_answer(self, question: SlackQuestion) -> None:
        present = await self._present_answer(question)
        if present is None:
            return
        try:
            await self._workspace.delete(question.channel, present)
        except RefusedError as exc:
            if exc.code not in _GONE_CODES:
                post = notice(QUESTION_DELETED)
                await self._workspace.update(question.channel, present, post)

    async def _present_answer(self, question: SlackQuestion) -> str | None:
        """The time stamp of the answer before, None where there is none."""
        if question.answer_ts is not None or not question.is_posting:
            return question.answer_ts
        # It was sent when the connection broke or the process was killed: Slack may have taken it.
        channel, root = question.channel, question.root
        try:
            return await self._workspace.find(channel, root, question.ts, _block_id(question))
        except RetryableError as exc:
            if exc.wait_s is not None:
                raise
            log.info("cannot look for an earlier answer (%s); posting it again", exc)
        except RefusedError as exc:
            log.info("cannot look for an earlier answer (%s); posting it again", exc)
        return None

    async def _post(self, question: SlackQuestion, post: Post) -> str:
        await self._threads.read(self._conversations.set_posting, question, True)
        try:
            return await self._workspace.post(question.channel, post, question.root)
        except SlackError as exc:
            if not (isinstance(exc, RetryableError) and exc.unconfirmed):
                await self._threads.read(self._conversations.set_posting, question, False)
            raise


def _block_id(question: SlackQuestion) -> str:
    """What the answer to a question is found by in Slack."""
    return f"quoth {question.channel} {question.ts}"
