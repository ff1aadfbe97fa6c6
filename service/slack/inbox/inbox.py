"""The inbox as a whole: one database and its parts."""

from pathlib import Path

from service.slack.decide import MessageContext
from service.slack.inbox.channels import Channels, find_channel_settings
from service.slack.inbox.conversations import Conversations, find_question, find_thread
from service.slack.inbox.database import SlackDatabase
from service.slack.inbox.queue import WorkQueue
from service.slack.inbox.votes import Votes

RETENTION_S = 30 * 86_400
"""How long finished work, idempotency keys, threads and questions are kept."""


class Inbox:
    """Everything that the bot keeps on disk. Thread-safe; one process at a time has it open."""

    def __init__(self, folder: Path) -> None:
        """Open the inbox of a data folder.

        :raises StoreError: the file is damaged, or another process has it open
        """
        # The parts above have registered their tables by now; this creates those that are missing.
        self.database = SlackDatabase(folder)
        self.queue = WorkQueue(self.database)
        self.conversations = Conversations(self.database)
        self.channels = Channels(self.database)
        self.votes = Votes(self.database)

    def close(self) -> None:
        """Close the database and let another process open it."""
        self.database.close()

    def context(self, channel: str, ts: str, root: str) -> MessageContext:
        """What is known about the message with a time stamp and the thread that it is in."""
        # One transaction: Slack waits for the acknowledgement that this comes before.
        with self.database.reading() as connection:
            question = find_question(connection, channel, ts)
            return MessageContext(
                thread=find_thread(connection, channel, root),
                question=question.text if question and not question.is_deleted else None,
                auto=find_channel_settings(connection, channel).auto,
            )

    def delete_expired(self, now: float) -> None:
        """Delete what is older than :data:`RETENTION_S` and not needed any more.

        :param now: seconds since 1970
        """
        self.queue.delete_before(now - RETENTION_S)
        self.conversations.delete_before(now - RETENTION_S)
