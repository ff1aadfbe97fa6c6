"""The history of answers: stored answers, feedback on them, and conversations.

Its tables are in the store's database, so that deleting a document also deletes the answers that
show it. Each table has a bound in bytes, so that asking cannot fill the disk.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from corpus.errors import NotFoundError, StoreError
from index.store.application import ApplicationData
from index.store.database import Database, now, stamp
from index.store.meta import read_value, write_value
from index.store.rows import checksum_of, is_one_of
from index.store.tables import versions

_PATIENCE_S = 5.0
"""How long an answer waits to be kept while something else is written."""

_USE_NOTED_EVERY = timedelta(days=1)
"""How old the time of an answer's last use may be before it is written again."""

_DELETED_AT_ONCE = 200
"""The number of rows that one transaction deletes, so that nobody waits long for it."""

_ROW_BYTES = 200
"""What a row takes beside its texts, about."""

_metadata = sa.MetaData()
_answers = sa.Table(
    "answers",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("used_at", sa.Text, index=True),
    sa.Column("checksum", sa.Integer),
)
_answer_documents = sa.Table(
    "answer_documents",
    _metadata,
    sa.Column("answer_id", sa.Text, primary_key=True),
    sa.Column("document_id", sa.Text, primary_key=True, index=True),
    # The version that it shows; null if an older version of Quoth stored the answer.
    sa.Column("version", sa.Text),
)
_feedback = sa.Table(
    "feedback",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("answer_id", sa.Text, nullable=False, index=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("helpful", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Text),
    sa.Column("correct", sa.JSON),
)
_exchanges = sa.Table(
    "exchanges",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("created_at", sa.Text, nullable=False, index=True),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("answer_id", sa.Text, nullable=False, index=True),
    sa.Column("checksum", sa.Integer),
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of a conversation and its answer.

    :param answer: the stored answer, byte for byte; None if a document that it showed was deleted
    """

    question: str
    answer_id: str
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """Feedback on an answer.

    :param correct: the right answer as document_id, version, start, end and quote, if it was given
    """

    id: int
    question: str
    helpful: bool
    comment: str | None
    correct: Mapping[str, Any] | None  # JSON


class AnswerHistory:
    """The stored answers of a collection, feedback on them, and conversations."""

    def __init__(self, database: Database, max_bytes: int | None = None) -> None:
        """Use the history in a store's database, which was opened with :data:`HISTORY_DATA`.

        :param max_bytes: the most that all answers together may take; the longest unused are
            deleted for newer ones. Feedback and conversations may take a quarter of it each
        """
        self._database = database
        self._max_bytes = max_bytes

    def save(self, answer_id: str, question: str, body: bytes, shown: Mapping[str, str]) -> bytes:
        """Store an answer, unless one is stored under its id already.

        :param shown: the documents whose text it shows, each with its version
        :return: the bytes that are now stored under the id
        :raises NotFoundError: one of these versions was deleted; then nothing is stored
        :raises StoreError: the disk is full, or another writer takes too long
        """
        at = now()
        row = {
            "id": answer_id,
            "created_at": at,
            "question": question,
            "body": body,
            "used_at": at,
            "checksum": checksum_of(answer_id, question, body),
        }
        shown_rows = [
            {"answer_id": answer_id, "document_id": document_id, "version": version}
            for document_id, version in sorted(shown.items())
        ]
        with self._database.transaction("NORMAL", _PATIENCE_S) as connection:
            _require_versions(connection, shown)
            stored = _intact_body(connection, answer_id)
            if stored is not None:
                return stored
            if connection.execute(
                sa.select(_answers.c.id).where(_answers.c.id == answer_id)
            ).first():
                _delete_answers(connection, [answer_id])  # It is damaged.
            connection.execute(_answers.insert(), [row])
            if shown_rows:
                connection.execute(_answer_documents.delete().where(_shown_by(answer_id)))
                connection.execute(_answer_documents.insert(), shown_rows)
            _add_bytes(connection, _answers, sa.literal(answer_id) == _answers.c.id)
            self._make_room(connection)
        return body

    def find(self, answer_id: str) -> bytes | None:
        """The stored answer, byte for byte; None if there is none, or a document that it showed was
        deleted. A damaged answer counts as none.
        """
        with self._database.reading() as connection:
            body = _intact_body(connection, answer_id)
            used_at = connection.execute(
                sa.select(_answers.c.used_at).where(_answers.c.id == answer_id)
            ).scalar_one_or_none()
        if body is not None and (used_at or "") < stamp(datetime.now(UTC) - _USE_NOTED_EVERY):
            # Whoever asks does not wait for this, and it matters little if it fails.
            with (
                suppress(StoreError),
                self._database.transaction("NORMAL", patience_s=0) as connection,
            ):
                connection.execute(
                    _answers.update().where(_answers.c.id == answer_id).values(used_at=now())
                )
        return body

    def shown(self, answer_id: str) -> list[str]:
        """The ids of the documents that an answer shows."""
        query = sa.select(_answer_documents.c.document_id).where(_shown_by(answer_id))
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def prune(self, before: datetime) -> int:
        """Delete the answers that were last used before a time, unless there is feedback on them,
        in small transactions.

        :return: how many were deleted
        """
        deleted = 0
        # An answer of an older version of Quoth does not tell when it was used.
        old = sa.or_(
            _answers.c.used_at < stamp(before),
            _answers.c.used_at.is_(None) & (_answers.c.created_at < stamp(before)),
        )
        has_feedback = sa.exists().where(_feedback.c.answer_id == _answers.c.id)
        query = sa.select(_answers.c.id).where(old, ~has_feedback).limit(_DELETED_AT_ONCE)
        while True:
            with self._database.transaction("NORMAL") as connection:
                ids = list(connection.execute(query).scalars())
                if not ids:
                    return deleted
                _delete_answers(connection, ids)
            deleted += len(ids)

    def recount(self) -> None:
        """Count again how many bytes each table takes, and make them fit into the bound. An older
        version of Quoth may have written without counting.
        """
        with self._database.transaction("NORMAL") as connection:
            write_value(connection, _KEPT_BYTES, _counted_bytes(connection))
            self._make_room(connection)

    def delete_unneeded_links(self) -> None:
        """Delete the links to documents from answers that are gone, and of which neither feedback
        nor a conversation is left.
        """
        answer_id = _answer_documents.c.answer_id
        query = (
            sa.select(answer_id)
            .distinct()
            .where(
                *(
                    ~sa.exists().where(column == answer_id)
                    for column in (_answers.c.id, _feedback.c.answer_id, _exchanges.c.answer_id)
                )
            )
        )
        with self._database.reading() as connection:
            ids = list(connection.execute(query).scalars())
        for first in range(0, len(ids), _DELETED_AT_ONCE):
            some = ids[first : first + _DELETED_AT_ONCE]
            with self._database.transaction("NORMAL") as connection:
                # Somebody may have stored the answer again since.
                still = is_one_of(answer_id, some) & ~sa.exists().where(_answers.c.id == answer_id)
                connection.execute(_answer_documents.delete().where(still))

    def _make_room(self, connection: sa.Connection) -> None:
        if self._max_bytes is None:
            return
        sizes = _read_bytes(connection)
        for table, order, limit in (
            (_answers, _answers.c.used_at, self._max_bytes),
            (_exchanges, _exchanges.c.id, self._max_bytes // 4),
            (_feedback, _feedback.c.id, self._max_bytes // 4),
        ):
            while sizes[table.name] > limit:
                oldest = sa.select(table.c.id, _bytes_of(table)).order_by(order)
                rows = connection.execute(oldest.limit(_DELETED_AT_ONCE)).all()
                excess, ids = sizes[table.name] - limit, []
                for row_id, size in rows:
                    if excess > 0:
                        ids.append(row_id)
                        excess -= size
                _delete_rows(connection, table, ids)
                sizes = _read_bytes(connection)

    def add_feedback(
        self, answer_id: str, helpful: bool, comment: str | None, correct: dict[str, object] | None
    ) -> int:
        """Store feedback on an answer.

        :return: the id of the feedback
        :raises NotFoundError: there is no such answer
        """
        with self._database.transaction() as connection:
            question = connection.execute(
                sa.select(_answers.c.question).where(_answers.c.id == answer_id)
            ).scalar_one_or_none()
            if question is None:
                raise no_answer(answer_id)
            row = {
                "answer_id": answer_id,
                "created_at": now(),
                "question": question,
                "helpful": helpful,
            }
            added = connection.execute(
                _feedback.insert().values(
                    **row, comment=comment, correct=sa.null() if correct is None else correct
                )
            )
            feedback_id = int(added.lastrowid)
            _add_bytes(connection, _feedback, _feedback.c.id == feedback_id)
            self._make_room(connection)
        return feedback_id

    def change_feedback(self, id: int, helpful: bool) -> None:
        """Change whether stored feedback calls its answer helpful.

        :raises NotFoundError: there is no such feedback
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                _feedback.update().where(_feedback.c.id == id).values(helpful=helpful)
            )
            if changed.rowcount == 0:
                raise NotFoundError(f"there is no feedback {id}")

    def feedback(self) -> list[Feedback]:
        """All feedback, oldest first."""
        columns = (
            _feedback.c.question,
            _feedback.c.helpful,
            _feedback.c.comment,
            _feedback.c.correct,
        )
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(_feedback.c.id, *columns).order_by(_feedback.c.id))
            return [
                Feedback(row.id, row.question, row.helpful, row.comment, row.correct)
                for row in rows
            ]

    def add_exchange(
        self, conversation_id: str, question: str, answer_id: str, expired: datetime
    ) -> None:
        """Append a question and its answer to a conversation, and delete expired conversations.

        :param expired: conversations without a question since this time are deleted
        """
        row = {
            "conversation_id": conversation_id,
            "created_at": now(),
            "question": question,
            "answer_id": answer_id,
        }
        with self._database.transaction("NORMAL", _PATIENCE_S) as connection:
            alive = sa.select(_exchanges.c.conversation_id).where(
                _exchanges.c.created_at >= stamp(expired)
            )
            dead = sa.select(_exchanges.c.id).where(_exchanges.c.conversation_id.not_in(alive))
            _delete_rows(connection, _exchanges, list(connection.execute(dead).scalars()))
            added = connection.execute(
                _exchanges.insert().values(**row, checksum=checksum_of(*row.values()))
            )
            _add_bytes(connection, _exchanges, _exchanges.c.id == added.lastrowid)
            self._make_room(connection)

    def exchanges(self, conversation_id: str, limit: int, expired: datetime) -> list[Exchange]:
        """The last ``limit`` exchanges of a conversation, oldest first; empty if it has expired."""
        query = (
            sa.select(_exchanges, _answers.c.body)
            .outerjoin(_answers, _answers.c.id == _exchanges.c.answer_id)
            .where(_exchanges.c.conversation_id == conversation_id)
            .order_by(_exchanges.c.id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows or rows[0].created_at < stamp(expired):
            return []
        return [
            Exchange(row.question, row.answer_id, None if row.body is None else bytes(row.body))
            for row in reversed(rows)
            if row.checksum in (None, _exchange_checksum(row))
        ]


def no_answer(answer_id: str) -> NotFoundError:
    """The error for an answer that is not stored, or that one may not know of."""
    return NotFoundError(
        f"there is no stored answer {answer_id!r}: it was never given, was deleted, or could not "
        "be kept"
    )


def _require_versions(connection: sa.Connection, shown: Mapping[str, str]) -> None:
    """Check that versions of documents are there.

    :raises NotFoundError: one of them is not
    """
    query = sa.select(versions.c.document_id, versions.c.version).where(
        is_one_of(versions.c.document_id, list(shown))
    )
    if not shown.items() <= {(row.document_id, row.version) for row in connection.execute(query)}:
        raise NotFoundError("a document was deleted while it was being quoted")


def _intact_body(connection: sa.Connection, answer_id: str) -> bytes | None:
    """The bytes of a stored answer; None if there is none, or it is damaged."""
    row = connection.execute(sa.select(_answers).where(_answers.c.id == answer_id)).one_or_none()
    if row is None or row.checksum not in (None, checksum_of(answer_id, row.question, row.body)):
        return None
    return bytes(row.body)


def _shown_by(answer_id: str) -> sa.ColumnElement[bool]:
    return _answer_documents.c.answer_id == answer_id


_KEPT_BYTES = "kept_bytes"
"""The key of the number of bytes that each table takes. Counting a large table takes long."""

_TEXTS = {
    _answers: (_answers.c.question, _answers.c.body),
    _exchanges: (_exchanges.c.question,),
    _feedback: (_feedback.c.question, _feedback.c.comment, _feedback.c.correct),
}


def _bytes_of(table: sa.Table) -> sa.ColumnElement[int]:
    """About how many bytes a row takes."""
    lengths = (
        sa.func.coalesce(sa.func.length(sa.cast(column, sa.LargeBinary)), 0)
        for column in _TEXTS[table]
    )
    return sum(lengths, start=sa.literal(_ROW_BYTES))


def _counted_bytes(connection: sa.Connection) -> dict[str, int]:
    return {
        table.name: int(connection.execute(sa.select(sa.func.sum(_bytes_of(table)))).scalar() or 0)
        for table in _TEXTS
    }


def _read_bytes(connection: sa.Connection) -> dict[str, int]:
    stored: dict[str, int] | None = read_value(connection, _KEPT_BYTES)
    return _counted_bytes(connection) if stored is None else stored


def _add_bytes(
    connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool], sign: int = 1
) -> None:
    """Count rows that were added, or with a sign of -1, that are about to be deleted."""
    stored: dict[str, int] | None = read_value(connection, _KEPT_BYTES)
    if stored is None:  # This counts rows that were added. Those to be deleted are counted off.
        stored, sign = _counted_bytes(connection), min(sign, 0)
    size = connection.execute(sa.select(sa.func.sum(_bytes_of(table))).where(which)).scalar()
    stored[table.name] = max(0, stored[table.name] + sign * int(size or 0))
    write_value(connection, _KEPT_BYTES, stored)


def _delete_rows(
    connection: sa.Connection, table: sa.Table, ids: Sequence[int] | Sequence[str]
) -> int:
    """Delete rows by their ids. The links from answers to documents stay while there is feedback or
    a conversation that a deletion of the documents must find.
    """
    if not ids:
        return 0
    which = is_one_of(table.c.id, ids)
    _add_bytes(connection, table, which, sign=-1)
    return connection.execute(table.delete().where(which)).rowcount


def _delete_answers(connection: sa.Connection, ids: Sequence[str]) -> int:
    return _delete_rows(connection, _answers, ids)


def _remove_what_shows(
    connection: sa.Connection, document_id: str, former: Sequence[str] | None
) -> dict[str, int]:
    """Delete the answers that show a document, the exchanges of conversations that they were given
    in, and the comments and quotes in feedback on them. Whether the answer was helpful stays, and
    so do the questions of feedback.

    :param former: only answers that show these former versions
    """
    shows = _answer_documents.c.document_id == document_id
    quotes = sa.func.json_extract(_feedback.c.correct, "$.document_id") == document_id
    if former is not None:
        version = _answer_documents.c.version
        # An answer of an older version of Quoth may show any version.
        shows &= is_one_of(version, former) | version.is_(None)
        quotes &= is_one_of(sa.func.json_extract(_feedback.c.correct, "$.version"), former)
    showing = sa.select(_answer_documents.c.answer_id).where(shows)
    answer_ids = list(connection.execute(showing).scalars())
    removed = _delete_answers(connection, answer_ids)
    exchange_ids = sa.select(_exchanges.c.id).where(is_one_of(_exchanges.c.answer_id, answer_ids))
    exchanges = _delete_rows(
        connection, _exchanges, list(connection.execute(exchange_ids).scalars())
    )
    emptied = connection.execute(
        _feedback.update()
        .where(
            is_one_of(_feedback.c.answer_id, answer_ids) | quotes,
            _feedback.c.comment.is_not(None) | _feedback.c.correct.is_not(None),
        )
        .values(comment=None, correct=sa.null())
    ).rowcount
    connection.execute(
        _answer_documents.delete().where(is_one_of(_answer_documents.c.answer_id, answer_ids))
    )
    return {_answers.name: removed, _exchanges.name: exchanges, _feedback.name: emptied}


def _damaged_rows(connection: sa.Connection) -> Iterable[str]:
    """A line for each damaged answer and exchange."""
    for row in connection.execute(sa.select(_answers)):
        if row.checksum not in (None, checksum_of(row.id, row.question, row.body)):
            yield f"answer {row.id} is damaged, and will be given anew"
    for row in connection.execute(sa.select(_exchanges)):
        if row.checksum not in (None, _exchange_checksum(row)):
            yield f"exchange {row.id} of a conversation is damaged, and will not be used"


def _exchange_checksum(row: sa.Row[Any]) -> int:
    return checksum_of(row.conversation_id, row.created_at, row.question, row.answer_id)


HISTORY_DATA = ApplicationData(_metadata, (_answers, _feedback), _remove_what_shows, _damaged_rows)
"""The tables of the history, for the store that holds them."""
