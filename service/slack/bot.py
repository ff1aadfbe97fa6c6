"""The bot: does the work that was accepted from Slack."""

from service.answering.service import AnswerService
from service.http.threads import Threads
from service.slack.event import ButtonPress, SlashCommand
from service.slack.inbox.inbox import Inbox
from service.slack.inbox.queue import WorkItem, WorkKind
from service.slack.interactions import Interactions
from service.slack.questions import ChannelQuestions
from service.slack.thread_answers import ThreadAnswers
from service.slack.web import Workspace


class Bot:
    """One bot over one service, in one workspace. Runs in one event loop."""

    def __init__(
        self,
        service: AnswerService,
        inbox: Inbox,
        workspace: Workspace,
        *,
        question_threads: Threads,
        inbox_threads: Threads,
        base_url: str,
    ) -> None:
        """A bot.

        :param question_threads: where the service is asked
        :param inbox_threads: where the inbox is used, so that it never waits for a question
        :param base_url: where people reach the service
        """
        questions = ChannelQuestions(
            service,
            inbox.channels,
            question_threads=question_threads,
            inbox_threads=inbox_threads,
        )
        self._answers = ThreadAnswers(
            questions,
            inbox.conversations,
            workspace,
            inbox_threads=inbox_threads,
            base_url=base_url,
        )
        self._interactions = Interactions(
            service,
            questions,
            inbox.votes,
            workspace=workspace,
            inbox_threads=inbox_threads,
            base_url=base_url,
        )

    async def do(self, item: WorkItem) -> None:
        """Do an item of work. It may have been done before, in part or in whole.

        :raises SlackError: Slack did not take the result, and the item is not done
        :raises StoreError: the index or the inbox cannot be used now
        """
        payload = item.payload
        match item.kind:
            case WorkKind.ANSWER:
                await self._answers.answer(payload["channel"], payload["ts"])
            case WorkKind.RETRACT:
                await self._answers.retract(payload["channel"], payload["ts"])
            case WorkKind.COMMAND:
                await self._interactions.answer_command(item, SlashCommand(**payload))
            case WorkKind.VOTE:
                await self._interactions.count_vote(ButtonPress(**payload))
            case WorkKind.SHARE:
                await self._interactions.share(item, ButtonPress(**payload))

    async def show(self, press: ButtonPress) -> None:
        """Show the passages of an answer to whoever pressed a button for them."""
        await self._interactions.show_passages(press)
