"""Slash commands and buttons: private answers, votes, sharing, and passages in a modal."""

import logging
import re
import time
from dataclasses import replace

from corpus.errors import NotFoundError, QuestionError, StoreError
from service.answering.record import AnswerRecord
from service.answering.service import AnswerService
from service.http.threads import Threads
from service.slack.block_kit import Post, modal
from service.slack.blocks import (
    ANSWER_GONE,
    HELPFUL_ACTION,
    NEAREST_ACTION,
    answer_post,
    context_post,
    gone_post,
    nearest_post,
    notice,
)
from service.slack.errors import RefusedError, RetryableError, SlackError
from service.slack.event import ButtonPress, SlashCommand
from service.slack.inbox.queue import WorkItem
from service.slack.inbox.votes import Vote, Votes
from service.slack.questions import ChannelQuestions, question_error_post
from service.slack.web import Workspace

NOT_A_MEMBER = "I cannot post in this channel. Please invite me first."

_RESPONSE_URL_LIFETIME_S = 29 * 60  # Slack's is 30 minutes
_MAX_RESPONSE_ATTEMPTS = 2
_ANSWER_ID = re.compile(r"[0-9a-f]{32}")

log = logging.getLogger("quoth.slack")


class Interactions:
    """Replies to slash commands and buttons. Doing the same work again changes nothing but the
    replies that only one person sees.

    Runs in one event loop.
    """

    def __init__(
        self,
        service: AnswerService,
        questions: ChannelQuestions,
        votes: Votes,
        *,
        workspace: Workspace,
        inbox_threads: Threads,
        base_url: str,
    ) -> None:
        self._service = service
        self._questions = questions
        self._votes = votes
        self._workspace = workspace
        self._threads = inbox_threads
        self._base_url = base_url

    async def answer_command(self, item: WorkItem, command: SlashCommand) -> None:
        """Answer ``/ask`` privately.

        :raises SlackError: the answer could not be posted
        :raises StoreError: the index or the inbox cannot be used now
        """
        try:
            response = await self._questions.ask(command.channel, command.text)
            post = answer_post(response, self._base_url, private=True)
        except QuestionError as exc:
            post = question_error_post(command.text, exc)
        await self._reply_privately(item, command, post)

    async def count_vote(self, press: ButtonPress) -> None:
        """Keep a vote, and say so to whoever voted.

        :raises StoreError: the vote cannot be kept now
        """
        reply = await self._threads.read(self._keep_vote, press)
        try:
            await self._workspace.respond(press.response_url, notice(reply))
        except SlackError as exc:
            log.info("a vote was counted, but not confirmed (%s)", exc)

    async def share(self, item: WorkItem, press: ButtonPress) -> None:
        """Post a private answer in the channel.

        :raises SlackError: it could not be posted
        """
        response = await self._kept_answer(press.value)
        if response is None:
            await self._reply_privately(item, press, notice(ANSWER_GONE))
            return
        post = answer_post(response, self._base_url, shared=True)
        try:
            await self._workspace.post(press.channel, post, press.thread_ts)
        except RefusedError as exc:
            log.info("an answer cannot be shared (%s)", exc)
            await self._reply_privately(item, press, notice(NOT_A_MEMBER))

    async def show_passages(self, press: ButtonPress) -> None:
        """Show the passages of an answer in a modal, or, where Slack opens none, in a message to
        that person alone.
        """
        try:
            response = await self._kept_answer(press.value)
            if response is None:
                post = gone_post()
            elif press.action == NEAREST_ACTION:
                post = nearest_post(response)
            else:
                post = context_post(response, self._base_url)
            try:
                await self._workspace.open_view(press.trigger, modal(post))
            except SlackError as exc:
                log.info("cannot open a modal (%s); sending the passages as a message", exc)
                await self._workspace.respond(press.response_url, post)
        except (SlackError, StoreError) as exc:
            log.warning("cannot show passages (%s)", exc)

    async def _reply_privately(
        self, item: WorkItem, source: SlashCommand | ButtonPress, post: Post
    ) -> None:
        """Reply to one person: through the response_url while that works, then in the channel, and
        last in a direct message.
        """
        is_open = time.time() - item.accepted_at < _RESPONSE_URL_LIFETIME_S
        if source.response_url and is_open:
            try:
                await self._workspace.respond(source.response_url, post)
                return
            except RetryableError as exc:
                if exc.wait_s is not None or item.attempts + 1 < _MAX_RESPONSE_ATTEMPTS:
                    raise
                log.warning("cannot reply through the response_url (%s)", exc)
            except RefusedError as exc:
                log.warning("cannot reply through the response_url (%s)", exc)
        try:
            await self._workspace.post_ephemeral(source.channel, source.user, post)
        except RefusedError:
            await self._workspace.post(source.user, post)

    def _keep_vote(self, press: ButtonPress) -> str:
        """Keep a vote as feedback, in place of the person's vote before. Returns the reply."""
        helpful = press.action == HELPFUL_ACTION
        before = self._votes.find(press.value, press.user)
        if before is not None and before.helpful == helpful:
            return "You have already voted this way."
        try:
            if before is None:
                feedback_id = self._service.give_feedback(
                    press.value, helpful, comment=None, correct=None
                )
                vote = Vote(helpful, feedback_id)
            else:
                self._service.history.change_feedback(before.feedback_id, helpful)
                vote = replace(before, helpful=helpful)
        except NotFoundError:
            return ANSWER_GONE
        self._votes.keep(press.value, press.user, vote)
        return "Thank you for your vote." if before is None else "Your vote was changed."

    async def _kept_answer(self, answer_id: str) -> AnswerRecord | None:
        if not _ANSWER_ID.fullmatch(answer_id):
            return None
        kept = await self._threads.read(self._service.kept_answer, answer_id)
        return None if kept is None else kept.record
