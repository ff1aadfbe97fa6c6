"""The inbox: work that was accepted from Slack until it is done, and what the bot remembers. In a
database of its own.

It does not share the store's database, because writing documents may hold that one for longer than
Slack waits for an acknowledgement. Everything here is on the disk before Slack is told that it was
taken."""

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from corpus.errors import StoreError
from index.store.database import Database, locked, make_folder
from service.answering.question import MAX_TURNS, Role, Turn
from service.slack.decide import Facts, Thread, Way
from service.slack.event import Me

FILE_NAME = "slack.db"
FORMAT = 1
KEPT_S = 30 * 86_400
"""How long done work, the keys of what was seen, threads and turns are kept."""

_tables = sa.MetaData()
_meta = sa.Table(
    "meta",
    _tables,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_seen = sa.Table(
    "seen",
    _tables,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
_work = sa.Table(
    "work",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("accepted_at", sa.Float, nullable=False, index=True),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("outcome", sa.Text),
    sqlite_autoincrement=True,
)
sa.Index("waiting", _work.c.lane, _work.c.id, sqlite_where=_work.c.outcome.is_(None))
_threads = sa.Table(
    "threads",
    _tables,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("root", sa.Text, primary_key=True),
    sa.Column("speaker", sa.Text, nullable=False),
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("quiet", sa.Boolean, nullable=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
_turns = sa.Table(
    "turns",
    _tables,
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
sa.Index("conversation", _turns.c.channel, _turns.c.root, _turns.c.ts)
_channels = sa.Table(
    "channels",
    _tables,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("threshold", sa.Float),
    sa.Column("auto", sa.Boolean, nullable=False),
)
_votes = sa.Table(
    "votes",
    _tables,
    sa.Column("answer_id", sa.Text, primary_key=True),
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("helpful", sa.Boolean, nullable=False),
    sa.Column("feedback_id", sa.Integer, nullable=False),
)


class Kind(StrEnum):
    """What there is to do."""

    ANSWER = "answer"
    RETRACT = "retract"
    COMMAND = "command"
    VOTE = "vote"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class NewWork:
    """Something to be done, once.

    :param keys: what it is told apart by; work with a key that was seen is not taken again
    :param lane: work of one lane is done one after the other, in the order in which it came
    :param payload: JSON
    """

    kind: Kind
    keys: tuple[str, ...]
    lane: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """Work that was accepted and is not done.

    :param accepted_at: seconds since 1970
    :param attempts: how often it was tried
    """

    id: int
    kind: Kind
    lane: str
    payload: Mapping[str, Any]  # JSON
    accepted_at: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was put in a conversation.

    :param ts: of the message, which it is named by within its channel
    :param question: as it reads now
    :param gone: it was taken back
    :param answered: as it read when it was answered, None until then
    :param answer_ts: of the bot's message, None where there is none
    :param saying: the bot's message was sent, and Slack has not said whether it took it
    """

    channel: str
    ts: str
    root: str
    user: str
    way: Way
    question: str
    gone: bool = False
    answered: str | None = None
    answer_ts: str | None = None
    saying: bool = False


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How questions of a channel are answered.

    :param tags: documents with one of them are searched, all where there is none
    :param threshold: the least confidence of an answer, None takes the calibrated one
    :param auto: questions are answered without being put to the bot
    """

    tags: tuple[str, ...] = ()
    threshold: float | None = None
    auto: bool = False


@dataclass(frozen=True, slots=True)
class Vote:
    """What somebody said of an answer, and the number of the feedback in the store that says it."""

    helpful: bool
    feedback_id: int


class Inbox:
    """One database. Thread-safe; one process at a time works on it."""

    def __init__(self, folder: Path) -> None:
        """Open it, making its tables where it is new.

        :raises StoreError: the file is damaged, or another process works on it
        """
        make_folder(folder)
        self.path = folder / FILE_NAME
        refusal = (
            f"{folder}: another process answers Slack from this data folder, quoth serve or "
            "quoth slack; stop it"
        )
        self._lock = locked(folder / f"{FILE_NAME}.lock", refusal, timeout_s=0)
        self._writing = Lock()
        self._database = Database(self.path)
        try:
            with self._transaction() as connection:
                _tables.create_all(connection)
                connection.execute(
                    insert(_meta).values(key="format", value=str(FORMAT)).on_conflict_do_nothing()
                )
            if self._meta("format") != FORMAT:
                raise StoreError(
                    f"{self.path}: written by another version of Quoth; use that one, or "
                    "delete the file"
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection and give up the lock."""
        self._database.close()
        self._lock.release()

    # -- who the bot is

    def me(self, token: str) -> Me | None:
        """The bot that a token was last seen to belong to.

        :param token: what the token is told apart by, never the token itself
        """
        found = self._meta(f"me {token}")
        return None if found is None else Me(**found)

    def remember_me(self, token: str, me: Me) -> None:
        """Keep whom a token belongs to."""
        with self._transaction() as connection:
            value = json.dumps({"team": me.team, "user": me.user})
            _upsert(connection, _meta, {"key": f"me {token}", "value": value})

    # -- taking

    def facts(self, channel: str, ts: str, root: str) -> Facts:
        """What is remembered of the place of a message."""
        with self._database.reading() as connection:
            thread = connection.execute(
                sa.select(_threads).where(*_is(_threads, channel=channel, root=root))
            ).first()
            turn = connection.execute(
                sa.select(_turns).where(*_is(_turns, channel=channel, ts=ts))
            ).first()
            auto = connection.execute(
                sa.select(_channels.c.auto).where(_channels.c.channel == channel)
            ).scalar()
        known = Thread(thread.speaker, thread.asked_at, thread.quiet) if thread else None
        return Facts(known, turn.question if turn and not turn.gone else None, bool(auto))

    def accept(self, work: NewWork) -> bool:
        """Take work, once.

        :return: whether it is new
        """
        with self._transaction() as connection:
            return _accept(connection, work)

    def ask(self, work: NewWork, asked: Asked, opens: bool) -> bool:
        """Take a question, once.

        :param opens: its thread is listened to from now on
        :return: whether it is new
        """
        with self._transaction() as connection:
            if not _accept(connection, work):
                return False
            connection.execute(insert(_turns).values(**_turn_row(asked)).on_conflict_do_nothing())
            if opens:
                _upsert(connection, _threads, _thread_row(asked))
        return True

    def reword(self, work: NewWork, channel: str, ts: str, question: str) -> bool:
        """Take another wording of a question, once.

        :return: whether it is new
        """
        with self._transaction() as connection:
            if not _accept(connection, work):
                return False
            _set_turn(connection, channel, ts, question=question)
        return True

    def retract(self, work: NewWork, channel: str, ts: str) -> bool:
        """Take it that a question was taken back, once.

        :return: whether it is new
        """
        with self._transaction() as connection:
            if not _accept(connection, work):
                return False
            _set_turn(connection, channel, ts, gone=True)
        return True

    def quieten(self, channel: str, root: str) -> None:
        """Leave a thread alone."""
        with self._transaction() as connection:
            connection.execute(
                _threads.update()
                .where(*_is(_threads, channel=channel, root=root))
                .values(quiet=True)
            )

    # -- working

    def take(self, busy: Collection[str], now: float) -> Work | None:
        """The oldest work that is due, of no lane that is busy and with nothing before it in its
        lane.
        """
        query = (
            sa.select(_work)
            .where(*_next_in_its_lane(busy), _work.c.due_at <= now)
            .order_by(_work.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Work(row.id, Kind(row.kind), row.lane, row.payload, row.accepted_at, row.attempts)

    def next_due(self, busy: Collection[str] = ()) -> float | None:
        """When :meth:`take` next has something, seconds since 1970; None where there is nothing."""
        with self._database.reading() as connection:
            query = sa.select(sa.func.min(_work.c.due_at)).where(*_next_in_its_lane(busy))
            due = connection.execute(query).scalar()
        return None if due is None else float(due)

    def finish(self, work: Work, outcome: str = "done") -> None:
        """The work is done, or given up."""
        with self._transaction() as connection:
            connection.execute(
                _work.update().where(_work.c.id == work.id).values(outcome=outcome, payload={})
            )

    def postpone(self, work: Work, due_at: float, counted: bool = True) -> None:
        """Try again later.

        :param counted: this was an attempt
        """
        tried = work.attempts + int(counted)
        with self._transaction() as connection:
            connection.execute(
                _work.update().where(_work.c.id == work.id).values(due_at=due_at, attempts=tried)
            )

    def forget(self, before: float) -> None:
        """Take out what is older than a moment, seconds since 1970, and no longer to be done."""
        with self._transaction() as connection:
            connection.execute(_seen.delete().where(_seen.c.at < before))
            connection.execute(
                _work.delete().where(_work.c.accepted_at < before, _work.c.outcome.is_not(None))
            )
            connection.execute(_threads.delete().where(_threads.c.at < before))
            connection.execute(_turns.delete().where(_turns.c.at < before))

    # -- conversations

    def asked(self, channel: str, ts: str) -> Asked | None:
        """A question that was put, None where it was not."""
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(_turns).where(*_is(_turns, channel=channel, ts=ts))
            ).first()
        if row is None:
            return None
        place = (row.channel, row.ts, row.root, row.user)
        return Asked(
            *place, Way(row.way), row.question, row.gone, row.answered, row.answer_ts, row.saying
        )

    def saying(self, asked: Asked, sent: bool) -> None:
        """Whether the answer is on its way to Slack, who may take it without saying so."""
        with self._transaction() as connection:
            _set_turn(connection, asked.channel, asked.ts, saying=sent)

    def answered(self, asked: Asked, answer_ts: str | None, answer: str | None) -> None:
        """The question has its answer.

        :param answer_ts: of the bot's message, None for silence
        :param answer: in the documents' words, None where they do not say
        """
        values = {
            "answered": asked.question,
            "answer": answer,
            "answer_ts": answer_ts,
            "saying": False,
        }
        with self._transaction() as connection:
            _set_turn(connection, asked.channel, asked.ts, **values)
            if answer_ts is not None:
                _listen(connection, asked)

    def drop(self, asked: Asked) -> None:
        """Forget a question that was taken back."""
        with self._transaction() as connection:
            connection.execute(
                _turns.delete().where(*_is(_turns, channel=asked.channel, ts=asked.ts))
            )

    def history(self, asked: Asked) -> list[Turn]:
        """What was asked and answered in the conversation before a question, oldest first."""
        query = (
            sa.select(_turns.c.answered, _turns.c.answer)
            .where(
                *_is(_turns, channel=asked.channel, root=asked.root, gone=False),
                _turns.c.answer_ts.is_not(None),
            )
            .where(_turns.c.ts < asked.ts)
            .order_by(_turns.c.ts.desc())
            .limit(MAX_TURNS // 2)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [turn for row in reversed(rows) for turn in _spoken(row.answered, row.answer)]

    # -- channels

    def channel(self, channel: str) -> ChannelSettings:
        """A channel's settings."""
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(_channels).where(_channels.c.channel == channel)
            ).first()
        return (
            ChannelSettings(tuple(row.tags), row.threshold, row.auto) if row else ChannelSettings()
        )

    def set_channel(self, channel: str, settings: ChannelSettings) -> None:
        """Keep a channel's settings."""
        row = {"tags": list(settings.tags), "threshold": settings.threshold, "auto": settings.auto}
        with self._transaction() as connection:
            _upsert(connection, _channels, {"channel": channel, **row})

    # -- votes

    def vote(self, answer_id: str, user: str) -> Vote | None:
        """What somebody has said of an answer."""
        with self._database.reading() as connection:
            row = connection.execute(
                sa.select(_votes).where(*_is(_votes, answer_id=answer_id, user=user))
            ).first()
        return Vote(row.helpful, row.feedback_id) if row else None

    def set_vote(self, answer_id: str, user: str, vote: Vote) -> None:
        """Keep what somebody says of an answer, in place of what they said before."""
        row = {"helpful": vote.helpful, "feedback_id": vote.feedback_id}
        with self._transaction() as connection:
            _upsert(connection, _votes, {"answer_id": answer_id, "user": user, **row})

    # -- connections

    def _meta(self, key: str) -> Any:  # JSON
        with self._database.reading() as connection:
            value = connection.execute(
                sa.select(_meta.c.value).where(_meta.c.key == key)
            ).scalar_one_or_none()
        return None if value is None else json.loads(value)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """One connection that writes; all of it or nothing, and on the disk when this ends.

        The threads take turns by a lock of this process: SQLite would have each sleep and try
        again, ever longer."""
        with self._writing, self._database.transaction() as connection:
            yield connection


def _is(table: sa.Table, **values: object) -> Sequence[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in values.items()]


def _accept(connection: sa.Connection, work: NewWork) -> bool:
    now = time.time()
    known = sa.select(sa.func.count()).select_from(_seen).where(_seen.c.key.in_(work.keys))
    if connection.execute(known).scalar_one():
        return False
    if work.keys:
        connection.execute(_seen.insert(), [{"key": key, "at": now} for key in work.keys])
    row = {"kind": work.kind.value, "lane": work.lane, "payload": dict(work.payload)}
    connection.execute(_work.insert().values(**row, accepted_at=now, due_at=now))
    return True


def _next_in_its_lane(busy: Collection[str]) -> Sequence[sa.ColumnElement[bool]]:
    earlier = _work.alias()
    before = sa.exists().where(
        earlier.c.lane == _work.c.lane, earlier.c.id < _work.c.id, earlier.c.outcome.is_(None)
    )
    return [_work.c.outcome.is_(None), ~before, _work.c.lane.not_in(list(busy))]


def _upsert(connection: sa.Connection, table: sa.Table, row: Mapping[str, object]) -> None:
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in keys}
    connection.execute(
        insert(table).values(**row).on_conflict_do_update(index_elements=keys, set_=rest)
    )


def _turn_row(asked: Asked) -> dict[str, object]:
    place = {"channel": asked.channel, "ts": asked.ts, "root": asked.root, "user": asked.user}
    return {**place, "way": asked.way.value, "question": asked.question, "at": time.time()}


def _set_turn(connection: sa.Connection, channel: str, ts: str, **values: object) -> None:
    connection.execute(_turns.update().where(*_is(_turns, channel=channel, ts=ts)).values(**values))


def _thread_row(asked: Asked) -> dict[str, object]:
    speaker = {"speaker": asked.user, "asked_at": float(asked.ts), "quiet": False}
    return {"channel": asked.channel, "root": asked.root, **speaker, "at": time.time()}


def _listen(connection: sa.Connection, asked: Asked) -> None:
    """Go on listening to the thread of an answer, unless it was told to be left alone meanwhile."""
    row = _thread_row(asked)
    newer = {name: row[name] for name in ("speaker", "asked_at", "at")}
    later = _threads.c.asked_at < row["asked_at"]
    known = insert(_threads).values(**row)
    connection.execute(
        known.on_conflict_do_update(index_elements=["channel", "root"], set_=newer, where=later)
    )


def _spoken(question: str, answer: str | None) -> Iterator[Turn]:
    yield Turn(Role.USER, question)
    if answer is not None:
        yield Turn(Role.ASSISTANT, answer)
