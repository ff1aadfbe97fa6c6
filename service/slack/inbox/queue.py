"""The queue: work that was accepted from Slack and is not done yet. Each item is accepted once."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from service.slack.inbox.database import SlackDatabase, slack_tables

_seen_table = sa.Table(
    "seen",
    slack_tables,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
)
_work_table = sa.Table(
    "work",
    slack_tables,
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
sa.Index(
    "waiting", _work_table.c.lane, _work_table.c.id, sqlite_where=_work_table.c.outcome.is_(None)
)


class WorkKind(StrEnum):
    """What kind of work an item is."""

    ANSWER = "answer"
    RETRACT = "retract"
    COMMAND = "command"
    VOTE = "vote"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class NewWorkItem:
    """Work to accept once.

    :param keys: idempotency keys; an item with a key that was seen before is not accepted
    :param lane: items of one lane are done one after the other, in the order they arrived
    :param payload: JSON
    """

    kind: WorkKind
    keys: tuple[str, ...]
    lane: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Accepted work that is not done.

    :param accepted_at: seconds since 1970
    :param attempts: how many attempts have failed; waiting for a rate limit is not one of them
    """

    work_id: int
    kind: WorkKind
    lane: str
    payload: Mapping[str, Any]  # JSON
    accepted_at: float
    attempts: int


class WorkQueue:
    """The items of one database. Thread-safe."""

    def __init__(self, database: SlackDatabase) -> None:
        self._database = database

    def accept(self, item: NewWorkItem) -> bool:
        """Put an item on disk.

        :return: False where one of its keys was seen before, and nothing was written
        """
        with self._database.transaction() as connection:
            return accept_work(connection, item)

    def next_item(self, busy: Collection[str], now: float) -> WorkItem | None:
        """The oldest item that is due, is first in its lane, and whose lane is not busy."""
        query = (
            sa.select(_work_table)
            .where(*_first_in_lane(busy), _work_table.c.due_at <= now)
            .order_by(_work_table.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return WorkItem(
            work_id=row.id,
            kind=WorkKind(row.kind),
            lane=row.lane,
            payload=row.payload,
            accepted_at=row.accepted_at,
            attempts=row.attempts,
        )

    def next_due(self, busy: Collection[str] = ()) -> float | None:
        """When :meth:`next_item` will next return an item, in seconds since 1970; None for an empty
        queue.
        """
        query = sa.select(sa.func.min(_work_table.c.due_at)).where(*_first_in_lane(busy))
        with self._database.reading() as connection:
            due = connection.execute(query).scalar()
        return None if due is None else float(due)

    def finish(self, item: WorkItem, outcome: str = "done") -> None:
        """Mark an item as done, or as given up."""
        # The payload of finished work is deleted: it may hold a private question.
        self._update(item, outcome=outcome, payload={})

    def postpone(self, item: WorkItem, due_at: float, *, is_attempt: bool = True) -> None:
        """Try an item again later.

        :param due_at: seconds since 1970
        :param is_attempt: count what has just failed as an attempt
        """
        self._update(item, due_at=due_at, attempts=item.attempts + int(is_attempt))

    def delete_before(self, before: float) -> None:
        """Delete keys and finished items that are older than a time in seconds since 1970."""
        finished = _work_table.c.outcome.is_not(None)
        with self._database.transaction() as connection:
            connection.execute(_seen_table.delete().where(_seen_table.c.at < before))
            connection.execute(
                _work_table.delete().where(_work_table.c.accepted_at < before, finished)
            )

    def _update(self, item: WorkItem, **values: object) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                _work_table.update().where(_work_table.c.id == item.work_id).values(**values)
            )


def accept_work(connection: sa.Connection, item: NewWorkItem) -> bool:
    """:meth:`WorkQueue.accept` within a transaction that writes other rows with the item."""
    now = time.time()
    seen = _seen_table.c.key.in_(item.keys)
    if connection.execute(sa.select(sa.func.count()).where(seen)).scalar_one():
        return False
    if item.keys:
        connection.execute(_seen_table.insert(), [{"key": key, "at": now} for key in item.keys])
    connection.execute(
        _work_table.insert().values(
            kind=item.kind.value,
            lane=item.lane,
            payload=dict(item.payload),
            accepted_at=now,
            due_at=now,
        )
    )
    return True


def _first_in_lane(busy: Collection[str]) -> Sequence[sa.ColumnElement[bool]]:
    """Conditions of unfinished items that no earlier item of their lane holds up."""
    earlier = _work_table.alias()
    held_up = sa.exists().where(
        earlier.c.lane == _work_table.c.lane,
        earlier.c.id < _work_table.c.id,
        earlier.c.outcome.is_(None),
    )
    return [_work_table.c.outcome.is_(None), ~held_up, _work_table.c.lane.not_in(list(busy))]
