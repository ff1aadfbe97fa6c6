"""The inbox on disk: what is kept, in what order, for how long, and what an older file holds."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.errors import StoreError
from service.question import MAX_TURNS
from service.slack.decide import QuestionOrigin
from service.slack.inbox.channels import ChannelSettings
from service.slack.inbox.conversations import SlackQuestion
from service.slack.inbox.database import SLACK_DATABASE_NAME
from service.slack.inbox.inbox import RETENTION_S, Inbox
from service.slack.inbox.queue import NewWorkItem, WorkItem, WorkKind
from service.slack.inbox.votes import Vote
from tests.loopback import ANA, CHANNEL

ROOT = "2000000000.000100"

# What version 0.1 wrote, statement by statement.
OLD_DATABASE = """
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE seen (key TEXT NOT NULL PRIMARY KEY, at FLOAT NOT NULL);
CREATE TABLE work (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, kind TEXT NOT NULL,
    lane TEXT NOT NULL, payload JSON NOT NULL, accepted_at FLOAT NOT NULL, due_at FLOAT NOT NULL,
    attempts INTEGER NOT NULL, outcome TEXT);
CREATE TABLE threads (channel TEXT NOT NULL, root TEXT NOT NULL, speaker TEXT NOT NULL,
    asked_at FLOAT NOT NULL, quiet BOOLEAN NOT NULL, at FLOAT NOT NULL,
    PRIMARY KEY (channel, root));
CREATE TABLE turns (channel TEXT NOT NULL, ts TEXT NOT NULL, root TEXT NOT NULL,
    user TEXT NOT NULL, way TEXT NOT NULL, question TEXT NOT NULL, gone BOOLEAN NOT NULL,
    answered TEXT, answer TEXT, answer_ts TEXT, saying BOOLEAN NOT NULL, at FLOAT NOT NULL,
    PRIMARY KEY (channel, ts));
CREATE TABLE channels (channel TEXT NOT NULL PRIMARY KEY, tags JSON NOT NULL, threshold FLOAT,
    auto BOOLEAN NOT NULL);
CREATE TABLE votes (answer_id TEXT NOT NULL, user TEXT NOT NULL, helpful BOOLEAN NOT NULL,
    feedback_id INTEGER NOT NULL, PRIMARY KEY (answer_id, user));
INSERT INTO meta VALUES ('format', '1'), ('me abc', '{"team": "T0QUOTH", "user": "U0BOT"}');
INSERT INTO seen VALUES ('T0QUOTH said C0GENERAL 2000000000.000100', 2000000000);
INSERT INTO work VALUES (7, 'answer', 'C0GENERAL 2000000000.000100',
    '{"channel": "C0GENERAL", "ts": "2000000000.000100"}', 1.5, 2.5, 3, NULL);
INSERT INTO threads VALUES ('C0GENERAL', '2000000000.000100', 'U0ANA', 2000000000, 1, 2000000000);
INSERT INTO turns VALUES ('C0GENERAL', '2000000000.000100', '2000000000.000100', 'U0ANA',
    'mention', 'How long?', 0, 'How long?', '212 metres', '1800000000.000001', 0, 2000000000);
INSERT INTO channels VALUES ('C0GENERAL', '["bridges"]', 0.25, 1);
INSERT INTO votes VALUES ('00', 'U0ANA', 1, 4);
"""


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    opened = Inbox(tmp_path)
    yield opened
    opened.close()


def work(lane: str = "lane", key: str | None = None) -> NewWorkItem:
    return NewWorkItem(WorkKind.COMMAND, (key,) if key else (), lane, payload={"text": "secret"})


def taken(inbox: Inbox, *busy: str) -> WorkItem:
    item = inbox.queue.next_item(busy, time.time())
    assert item is not None
    return item


def question(number: int = 0, text: str = "How long?") -> SlackQuestion:
    return SlackQuestion(
        channel=CHANNEL,
        ts=f"2000000000.{100 + number:06}",
        root=ROOT,
        user=ANA,
        origin=QuestionOrigin.MENTION,
        text=text,
    )


def test_an_older_inbox_opens_with_everything_in_it(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / SLACK_DATABASE_NAME) as connection:
        connection.executescript(OLD_DATABASE)
    connection.close()
    inbox = Inbox(tmp_path)
    item = taken(inbox)
    assert (item.work_id, item.kind, item.attempts) == (7, WorkKind.ANSWER, 3)
    assert not inbox.queue.accept(work(key="T0QUOTH said C0GENERAL 2000000000.000100"))
    kept = inbox.conversations.question(CHANNEL, ROOT)
    assert kept is not None
    assert (kept.answered_text, kept.answer_ts) == ("How long?", "1800000000.000001")
    context = inbox.context(CHANNEL, ROOT, ROOT)
    assert context.thread is not None
    assert (context.thread.last_asker, context.thread.is_muted, context.auto) == (ANA, True, True)
    assert inbox.channels.settings(CHANNEL) == ChannelSettings(("bridges",), 0.25, auto=True)
    assert inbox.votes.find("00", ANA) == Vote(helpful=True, feedback_id=4)
    assert inbox.database.setting("me abc") == '{"team": "T0QUOTH", "user": "U0BOT"}'
    inbox.close()


def test_an_inbox_of_another_format_is_refused(tmp_path: Path) -> None:
    Inbox(tmp_path).close()
    with sqlite3.connect(tmp_path / SLACK_DATABASE_NAME) as connection:
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
    connection.close()
    with pytest.raises(StoreError, match="another version of Quoth"):
        Inbox(tmp_path)


def test_work_is_accepted_once_for_each_of_its_keys(inbox: Inbox) -> None:
    both = NewWorkItem(WorkKind.COMMAND, ("a", "b"), "lane", payload={})
    assert inbox.queue.accept(both)
    assert not inbox.queue.accept(work(key="b"))
    assert inbox.queue.accept(work(key="c"))


def test_work_is_done_in_order_within_a_lane_and_beside_other_lanes(inbox: Inbox) -> None:
    for lane in ("one", "one", "two"):
        inbox.queue.accept(work(lane))
    first = taken(inbox)
    assert taken(inbox, "one").lane == "two"
    inbox.queue.postpone(first, time.time() + 60)
    assert taken(inbox).lane == "two"  # the second item of lane one waits for the first
    inbox.queue.finish(first)
    assert taken(inbox).work_id == first.work_id + 1


def test_postponed_work_waits_until_it_is_due(inbox: Inbox) -> None:
    inbox.queue.accept(work())
    due_at = time.time() + 60
    inbox.queue.postpone(taken(inbox), due_at)
    assert inbox.queue.next_item((), time.time()) is None
    assert inbox.queue.next_due() == due_at
    later = inbox.queue.next_item((), due_at)
    assert later is not None
    assert later.attempts == 1


def test_finished_work_keeps_nothing_that_was_written(inbox: Inbox, tmp_path: Path) -> None:
    inbox.queue.accept(work())
    inbox.queue.finish(taken(inbox))
    with sqlite3.connect(tmp_path / SLACK_DATABASE_NAME) as connection:
        assert connection.execute("SELECT payload FROM work").fetchall() == [("{}",)]
    connection.close()


def test_only_finished_work_expires(inbox: Inbox) -> None:
    inbox.queue.accept(work("finished", "first"))
    inbox.queue.finish(taken(inbox))
    inbox.queue.accept(work("waiting"))
    inbox.delete_expired(time.time() + RETENTION_S - 60)
    assert not inbox.queue.accept(work(key="first"))
    inbox.delete_expired(time.time() + RETENTION_S + 60)
    assert inbox.queue.accept(work(key="first"))
    assert taken(inbox).lane == "waiting"


def test_a_conversation_is_remembered_up_to_the_turns_that_a_question_may_have(
    inbox: Inbox,
) -> None:
    for number in range(15):
        asked = question(number, f"Question {number}?")
        inbox.conversations.ask(work(), asked, follow_thread=True)
        inbox.conversations.set_answer(asked, f"1800000000.{number:06}", f"Answer {number}")
    history = inbox.conversations.history(question(15))
    assert len(history) == MAX_TURNS
    assert (history[0].text, history[-1].text) == ("Question 5?", "Answer 14")


def test_a_thread_that_is_muted_before_its_answer_stays_muted(inbox: Inbox) -> None:
    inbox.conversations.ask(work(), question(), follow_thread=True)
    inbox.conversations.mute(CHANNEL, ROOT)
    inbox.conversations.set_answer(question(1), "1800000000.000001", "212 metres")
    thread = inbox.context(CHANNEL, ROOT, ROOT).thread
    assert thread is not None
    assert thread.is_muted


def test_an_older_question_that_is_answered_last_does_not_become_the_last_one(
    inbox: Inbox,
) -> None:
    newer, older = question(700_000), question()
    inbox.conversations.ask(work(), newer, follow_thread=True)
    inbox.conversations.set_answer(older, "1800000000.000001", "212 metres")
    thread = inbox.context(CHANNEL, ROOT, ROOT).thread
    assert thread is not None
    assert thread.asked_at == float(newer.ts)
