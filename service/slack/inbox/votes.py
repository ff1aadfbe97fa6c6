"""Votes: who voted on which answer, so that a person can change a vote and not add a second one."""

from dataclasses import dataclass

import sqlalchemy as sa

from service.slack.inbox.database import SlackDatabase, equals, slack_tables, upsert

_votes_table = sa.Table(
    "votes",
    slack_tables,
    sa.Column("answer_id", sa.Text, primary_key=True),
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("helpful", sa.Boolean, nullable=False),
    sa.Column("feedback_id", sa.Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote on an answer, and the id of the feedback that the service keeps for it."""

    helpful: bool
    feedback_id: int


class Votes:
    """The votes of one database. Thread-safe."""

    def __init__(self, database: SlackDatabase) -> None:
        self._database = database

    def find(self, answer_id: str, user: str) -> Vote | None:
        """A person's vote on an answer, None where there is none."""
        query = sa.select(_votes_table).where(*equals(_votes_table, answer_id=answer_id, user=user))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return Vote(row.helpful, row.feedback_id) if row else None

    def keep(self, answer_id: str, user: str, vote: Vote) -> None:
        """Keep a person's vote on an answer, replacing the one before."""
        row = {
            "answer_id": answer_id,
            "user": user,
            "helpful": vote.helpful,
            "feedback_id": vote.feedback_id,
        }
        with self._database.transaction() as connection:
            upsert(connection, _votes_table, row)
