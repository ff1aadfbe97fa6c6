"""Conversations: the questions asked in Slack, their answers, and their threads."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from service.question import MAX_TURNS, Role, Turn
from service.slack.decide import AnsweredThread, QuestionOrigin
from service.slack.inbox.database import SlackDatabase, equals, slack_tables, upsert
from service.slack.inbox.queue import NewWorkItem, accept_work

_threads_table = sa.Table(
    "threads",
    slack_tables,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("root", sa.Text, primary_key=True),
    sa.Column("speaker", sa.Text, nullable=False),
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("quiet", sa.Boolean, nullable=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
_turns_table = sa.Table(
    "turns",
    slack_tables,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("ts", sa.Text, primary_key=True),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("gone", sa.Boolean, nullable=False, default=False),
    sa.Column("answered", sa.Text),
    sa.Column("answer", sa.Text),
    sa.Column("answer_ts", sa.Text),
    sa.Column("saying", sa.Boolean, nullable=False, default=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
sa.Index("conversation", _turns_table.c.channel, _turns_table.c.root, _turns_table.c.ts)


@dataclass(frozen=True, slots=True)
class SlackQuestion:
    """A question that was asked in a conversation.

    :param ts: the time stamp of its message, which identifies it within the channel
    :param root: the time stamp of the thread's first message
    :param text: the question as it reads now
    :param is_deleted: its message was deleted
    :param answered_text: the question as it read when it was answered, None before that
    :param answer_ts: the time stamp of the bot's message, None where there is none
    :param is_posting: the answer was sent, and Slack has not confirmed it
    """

    channel: str
    ts: str
    root: str
    user: str
    origin: QuestionOrigin
    text: str
    is_deleted: bool = False
    answered_text: str | None = None
    answer_ts: str | None = None
    is_posting: bool = False


class Conversations:
    """The conversations of one database. Thread-safe."""

    def __init__(self, database: SlackDatabase) -> None:
        self._database = database

    # -- when something arrives from Slack

    def question(self, channel: str, ts: str) -> SlackQuestion | None:
        """The question that a message asked, None where it was not accepted as one."""
        with self._database.reading() as connection:
            return find_question(connection, channel, ts)

    def ask(self, item: NewWorkItem, question: SlackQuestion, *, follow_thread: bool) -> bool:
        """Accept a question.

        :param follow_thread: listen for follow-up questions in its thread from now on
        :return: whether it is new
        """
        with self._database.transaction() as connection:
            if not accept_work(connection, item):
                return False
            connection.execute(
                insert(_turns_table)
                .values(
                    channel=question.channel,
                    ts=question.ts,
                    root=question.root,
                    user=question.user,
                    way=question.origin.value,
                    question=question.text,
                    at=time.time(),
                )
                .on_conflict_do_nothing()
            )
            if follow_thread:
                upsert(connection, _threads_table, _thread_row(question))
        return True

    def reword(self, item: NewWorkItem, channel: str, ts: str, text: str) -> bool:
        """Accept the new text of an edited question.

        :return: whether it is new
        """
        return self._accept_change(item, channel, ts, question=text)

    def retract(self, item: NewWorkItem, channel: str, ts: str) -> bool:
        """Accept that the message of a question was deleted.

        :return: whether it is new
        """
        return self._accept_change(item, channel, ts, gone=True)

    def mute(self, channel: str, root: str) -> None:
        """Stop answering in a thread."""
        with self._database.transaction() as connection:
            connection.execute(
                _threads_table.update()
                .where(*equals(_threads_table, channel=channel, root=root))
                .values(quiet=True)
            )

    # -- while a question is answered

    def set_posting(self, question: SlackQuestion, is_posting: bool) -> None:
        """Keep whether an answer is on its way to Slack, which may take it without confirming."""
        with self._database.transaction() as connection:
            _set_turn(connection, question.channel, question.ts, saying=is_posting)

    def set_answer(
        self, question: SlackQuestion, answer_ts: str | None, answer: str | None
    ) -> None:
        """Keep that a question was answered.

        :param answer_ts: the time stamp of the bot's message, None where it stayed silent
        :param answer: the answer in the documents' words, None where they have none
        """
        with self._database.transaction() as connection:
            _set_turn(
                connection,
                question.channel,
                question.ts,
                answered=question.text,
                answer=answer,
                answer_ts=answer_ts,
                saying=False,
            )
            if answer_ts is not None:
                _follow_thread(connection, question)

    def delete(self, question: SlackQuestion) -> None:
        """Forget a question whose message was deleted."""
        with self._database.transaction() as connection:
            connection.execute(
                _turns_table.delete().where(
                    *equals(_turns_table, channel=question.channel, ts=question.ts)
                )
            )

    def history(self, question: SlackQuestion) -> list[Turn]:
        """The turns of a conversation before a question, oldest first."""
        query = (
            sa.select(_turns_table.c.answered, _turns_table.c.answer)
            .where(
                *equals(_turns_table, channel=question.channel, root=question.root, gone=False),
                _turns_table.c.answer_ts.is_not(None),
                _turns_table.c.ts < question.ts,
            )
            .order_by(_turns_table.c.ts.desc())
            .limit(MAX_TURNS // 2)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [turn for row in reversed(rows) for turn in _turns(row.answered, row.answer)]

    def delete_before(self, before: float) -> None:
        """Forget threads and questions that are older than a time in seconds since 1970."""
        with self._database.transaction() as connection:
            for table in (_threads_table, _turns_table):
                connection.execute(table.delete().where(table.c.at < before))

    def _accept_change(self, item: NewWorkItem, channel: str, ts: str, **values: object) -> bool:
        with self._database.transaction() as connection:
            if not accept_work(connection, item):
                return False
            _set_turn(connection, channel, ts, **values)
        return True


def find_question(connection: sa.Connection, channel: str, ts: str) -> SlackQuestion | None:
    """:meth:`Conversations.question` within a transaction."""
    query = sa.select(_turns_table).where(*equals(_turns_table, channel=channel, ts=ts))
    row = connection.execute(query).first()
    if row is None:
        return None
    return SlackQuestion(
        channel=row.channel,
        ts=row.ts,
        root=row.root,
        user=row.user,
        origin=QuestionOrigin(row.way),
        text=row.question,
        is_deleted=row.gone,
        answered_text=row.answered,
        answer_ts=row.answer_ts,
        is_posting=row.saying,
    )


def find_thread(connection: sa.Connection, channel: str, root: str) -> AnsweredThread | None:
    """A thread that the bot answers in, None where it has not answered."""
    query = sa.select(_threads_table).where(*equals(_threads_table, channel=channel, root=root))
    row = connection.execute(query).first()
    return AnsweredThread(row.speaker, row.asked_at, row.quiet) if row else None


def _set_turn(connection: sa.Connection, channel: str, ts: str, **values: object) -> None:
    connection.execute(
        _turns_table.update().where(*equals(_turns_table, channel=channel, ts=ts)).values(**values)
    )


def _thread_row(question: SlackQuestion) -> dict[str, object]:
    return {
        "channel": question.channel,
        "root": question.root,
        "speaker": question.user,
        "asked_at": float(question.ts),
        "quiet": False,
        "at": time.time(),
    }


def _follow_thread(connection: sa.Connection, question: SlackQuestion) -> None:
    """Listen to the thread of an answer, unless it was muted in the meantime."""
    row = _thread_row(question)
    # "quiet" is left as it is, and an older question does not replace a newer one.
    newer = {name: row[name] for name in ("speaker", "asked_at", "at")}
    connection.execute(
        insert(_threads_table)
        .values(**row)
        .on_conflict_do_update(
            index_elements=["channel", "root"],
            set_=newer,
            where=_threads_table.c.asked_at < row["asked_at"],
        )
    )


def _turns(question: str, answer: str | None) -> Iterator[Turn]:
    yield Turn(Role.USER, question)
    if answer is not None:
        yield Turn(Role.ASSISTANT, answer)
