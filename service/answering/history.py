"""The history of answers: stored answers, feedback on them, and conversations.

Its tables are in the store's database, so that deleting a document also deletes the answers that
show it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from corpus.errors import NotFoundError
from index.store.application import ApplicationData
from index.store.database import Database, insert_or_keep, now, stamp
from index.store.tables import documents

_PATIENCE_S = 5.0
"""How long an answer waits to be kept while something else is written."""

_metadata = sa.MetaData()
_answers = sa.Table(
    "answers",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
_answer_documents = sa.Table(
    "answer_documents",
    _metadata,
    sa.Column("answer_id", sa.Text, primary_key=True),
    sa.Column("document_id", sa.Text, primary_key=True, index=True),
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
    sa.Column("answer_id", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of a conversation and its answer.

    :param answer: the stored answer, byte for byte; None if a document that it showed was deleted
    """

    question: str
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

    def __init__(self, database: Database) -> None:
        """Use the history in a store's database, which was opened with :data:`HISTORY_DATA`."""
        self._database = database

    def save(self, id: str, question: str, body: bytes, document_ids: Iterable[str]) -> bytes:
        """Store an answer, unless one is stored under its id already.

        :param document_ids: the documents whose text it shows
        :return: the bytes that are now stored under the id
        :raises NotFoundError: one of these documents was deleted; then nothing is stored
        :raises StoreError: the disk is full, or another writer takes too long
        """
        row = {"id": id, "created_at": now(), "question": question, "body": body}
        shown = [
            {"answer_id": id, "document_id": document_id}
            for document_id in sorted(set(document_ids))
        ]
        with self._database.transaction("NORMAL", _PATIENCE_S) as connection:
            ids = [entry["document_id"] for entry in shown]
            existing = (
                sa.select(sa.func.count()).select_from(documents).where(documents.c.id.in_(ids))
            )
            if connection.execute(existing).scalar_one() < len(ids):
                raise NotFoundError("a document was deleted while it was being quoted")
            connection.execute(insert_or_keep(_answers), [row])
            if shown:
                connection.execute(insert_or_keep(_answer_documents), shown)
            return bytes(
                connection.execute(
                    sa.select(_answers.c.body).where(_answers.c.id == id)
                ).scalar_one()
            )

    def find(self, id: str) -> bytes | None:
        """The stored answer, byte for byte; None if there is none, or a document that it showed was
        deleted.
        """
        with self._database.reading() as connection:
            body = connection.execute(
                sa.select(_answers.c.body).where(_answers.c.id == id)
            ).scalar_one_or_none()
        return None if body is None else bytes(body)

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
                raise NotFoundError(
                    f"there is no stored answer {answer_id!r}: it was never given, was deleted, or "
                    "could not be kept"
                )
            row = {
                "answer_id": answer_id,
                "created_at": now(),
                "question": question,
                "helpful": helpful,
            }
            added = connection.execute(
                _feedback.insert().values(**row, comment=comment, correct=correct)
            )
        return int(added.lastrowid)

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
            connection.execute(
                _exchanges.delete().where(_exchanges.c.conversation_id.not_in(alive))
            )
            connection.execute(_exchanges.insert(), [row])

    def exchanges(self, conversation_id: str, limit: int, expired: datetime) -> list[Exchange]:
        """The last ``limit`` exchanges of a conversation, oldest first; empty if it has expired."""
        query = (
            sa.select(_exchanges.c.created_at, _exchanges.c.question, _answers.c.body)
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
            Exchange(row.question, None if row.body is None else bytes(row.body))
            for row in reversed(rows)
        ]


def _remove_answers_showing(connection: sa.Connection, document_id: str) -> dict[str, int]:
    """Delete the answers that show a document. Their questions and feedback on them stay."""
    showing = sa.select(_answer_documents.c.answer_id).where(
        _answer_documents.c.document_id == document_id
    )
    removed = connection.execute(_answers.delete().where(_answers.c.id.in_(showing))).rowcount
    kept = sa.select(_answers.c.id)
    connection.execute(_answer_documents.delete().where(_answer_documents.c.answer_id.not_in(kept)))
    return {_answers.name: removed}


HISTORY_DATA = ApplicationData(_metadata, (_answers, _feedback), _remove_answers_showing)
"""The tables of the history, for the store that holds them."""
