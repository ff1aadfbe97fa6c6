"""Answers as they were given, what people said of them, and the conversations that they belong
to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from corpus.errors import NotFoundError
from index.store.database import Database, insert_or_keep, now, stamp
from index.store.tables import answer_documents, answers, documents, exchanges, feedback


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of a conversation and what was answered.

    :param answer: the kept answer, byte for byte; None where a document that it showed was deleted
    """

    question: str
    answer: bytes | None


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of an answer.

    :param correct: where the right answer stands (document_id, version, start, end, quote), where
        that was said"""

    id: int
    question: str
    helpful: bool
    comment: str | None
    correct: Mapping[str, Any] | None  # JSON


class Answers:
    """The kept answers of a store, feedback on them, and conversations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, id: str, question: str, body: bytes, document_ids: Iterable[str]) -> bytes:
        """Keep an answer; the first one kept under an id stays.

        :param document_ids: of the documents whose text it shows
        :return: the bytes that are kept
        :raises NotFoundError: one of these documents is gone; then nothing is kept
        """
        row = {"id": id, "created_at": now(), "question": question, "body": body}
        shown = [
            {"answer_id": id, "document_id": document_id}
            for document_id in sorted(set(document_ids))
        ]
        with self._database.transaction("NORMAL") as connection:
            ids = [entry["document_id"] for entry in shown]
            there = sa.select(sa.func.count()).select_from(documents).where(documents.c.id.in_(ids))
            if connection.execute(there).scalar_one() < len(ids):
                raise NotFoundError("a document was deleted while it was being quoted")
            connection.execute(insert_or_keep(answers), [row])
            if shown:
                connection.execute(insert_or_keep(answer_documents), shown)
            return bytes(
                connection.execute(sa.select(answers.c.body).where(answers.c.id == id)).scalar_one()
            )

    def find(self, id: str) -> bytes | None:
        """The kept answer, byte for byte; None where none is kept, or a document that it showed was
        deleted.
        """
        with self._database.reading() as connection:
            body = connection.execute(
                sa.select(answers.c.body).where(answers.c.id == id)
            ).scalar_one_or_none()
        return None if body is None else bytes(body)

    def add_feedback(
        self, answer_id: str, helpful: bool, comment: str | None, correct: dict[str, object] | None
    ) -> int:
        """Keep what somebody said of an answer.

        :return: the number of the feedback
        :raises NotFoundError: there is no such answer
        """
        with self._database.transaction() as connection:
            question = connection.execute(
                sa.select(answers.c.question).where(answers.c.id == answer_id)
            ).scalar_one_or_none()
            if question is None:
                raise NotFoundError(f"there is no stored answer {answer_id!r}")
            row = {
                "answer_id": answer_id,
                "created_at": now(),
                "question": question,
                "helpful": helpful,
            }
            added = connection.execute(
                feedback.insert().values(**row, comment=comment, correct=correct)
            )
        return int(added.lastrowid)

    def change_feedback(self, id: int, helpful: bool) -> None:
        """Somebody has changed their mind about an answer.

        :raises NotFoundError: there is no such feedback
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                feedback.update().where(feedback.c.id == id).values(helpful=helpful)
            )
            if changed.rowcount == 0:
                raise NotFoundError(f"there is no feedback {id}")

    def feedback(self) -> list[Feedback]:
        """Everything that was said of answers, the oldest first."""
        columns = (feedback.c.question, feedback.c.helpful, feedback.c.comment, feedback.c.correct)
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(feedback.c.id, *columns).order_by(feedback.c.id))
            return [
                Feedback(row.id, row.question, row.helpful, row.comment, row.correct)
                for row in rows
            ]

    def add_exchange(
        self, conversation_id: str, question: str, answer_id: str, expired: datetime
    ) -> None:
        """Keep a question and its answer as the last of a conversation; forget the conversations
        that have expired.

        :param expired: conversations in which nothing was asked since are forgotten
        """
        row = {
            "conversation_id": conversation_id,
            "created_at": now(),
            "question": question,
            "answer_id": answer_id,
        }
        with self._database.transaction("NORMAL") as connection:
            alive = sa.select(exchanges.c.conversation_id).where(
                exchanges.c.created_at >= stamp(expired)
            )
            connection.execute(exchanges.delete().where(exchanges.c.conversation_id.not_in(alive)))
            connection.execute(exchanges.insert(), [row])

    def exchanges(self, conversation_id: str, limit: int, expired: datetime) -> list[Exchange]:
        """The last ``limit`` exchanges of a conversation, the oldest first; none where it has
        expired.
        """
        query = (
            sa.select(exchanges.c.created_at, exchanges.c.question, answers.c.body)
            .outerjoin(answers, answers.c.id == exchanges.c.answer_id)
            .where(exchanges.c.conversation_id == conversation_id)
            .order_by(exchanges.c.id.desc())
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
