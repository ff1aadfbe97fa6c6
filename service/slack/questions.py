"""Asks the service what somebody asked in Slack, with the settings of the channel."""

from collections.abc import Sequence
from functools import partial

from corpus.document import DEFAULT_COLLECTION
from corpus.errors import QuestionError
from index.filters import Filters, Scope
from service.answering.record import AnswerRecord
from service.answering.service import AnswerService
from service.http.threads import Threads
from service.question import (
    MAX_QUESTION_LENGTH,
    Turn,
    check_question_text,
    make_question,
)
from service.slack.block_kit import Post
from service.slack.blocks import notice
from service.slack.inbox.channels import Channels
from service.slack.mrkdwn import has_words

OF_SLACK = Scope(frozenset((DEFAULT_COLLECTION,)), groups=frozenset())
"""What a workspace may know of: what everybody may know of in the default collection."""

HINT = "Ask me a question, and I will look for a passage that answers it."


class ChannelQuestions:
    """Asks questions as the settings of their channel have it. Runs in one event loop."""

    def __init__(
        self,
        service: AnswerService,
        channels: Channels,
        *,
        question_threads: Threads,
        inbox_threads: Threads,
    ) -> None:
        """Over one service.

        :param question_threads: where the service is asked
        :param inbox_threads: where settings are read
        """
        self._service = service
        self._channels = channels
        self._question_threads = question_threads
        self._inbox_threads = inbox_threads

    async def ask(self, channel: str, text: str, history: Sequence[Turn] = ()) -> AnswerRecord:
        """The answer to a question that was asked in a channel.

        :param history: the turns of the conversation before it, oldest first
        :raises QuestionError: the question cannot be answered
        """
        if not has_words(check_question_text(text)):
            raise QuestionError("the question has no words")
        settings = await self._inbox_threads.read(self._channels.settings, channel)
        question = make_question(
            text,
            history=[turn for turn in history if len(turn.text) <= MAX_QUESTION_LENGTH],
            filters=Filters(tags=settings.tags),
            min_confidence=settings.threshold,
        )
        # The worker does a bounded number of items at a time, and Slack has no use for a refusal.
        kept = await self._question_threads.ask(
            partial(self._service.ask, question, scope=OF_SLACK), is_patient=True
        )
        return kept.record


def question_error_post(text: str, exc: QuestionError) -> Post:
    """The reply to a question that cannot be answered."""
    if len(text) > MAX_QUESTION_LENGTH:
        return notice(
            f"Your question has {len(text):,} characters; the limit is {MAX_QUESTION_LENGTH:,}. "
            "Please shorten it."
        )
    return notice(f"I cannot answer that: {exc}.") if has_words(text) else notice(HINT)
