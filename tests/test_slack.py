"""Slack over HTTP: signed requests to the real app, against a Slack on the loopback that keeps what
was said.
"""

import asyncio
import json
import logging
import time

import httpx
import pytest

from service.http.app import create_app
from service.settings import load_settings
from service.slack import blocks
from service.slack.routes import parse_body
from tests.loopback import (
    ANA,
    APP_TOKEN,
    BEN,
    BOT,
    CHANNEL,
    SECRET,
    TEAM,
    TOKEN,
    Fault,
    Json,
    command,
    deleted,
    deliver,
    direct,
    edited,
    envelope,
    mention,
    message,
    press,
    request_of,
    shown,
    signed,
)
from tests.slack_room import OTTER, QUESTION, Living, Room, answer_id_of, client_of

ROOT = "2000000000.000100"
LATER = "2000000060.000000"


# -- what it says


def test_an_answer_is_in_its_thread_with_quote_source_and_date(room: Room) -> None:
    room.tell(mention(QUESTION))
    said = room.said()
    assert (said.channel, said.thread_ts) == (CHANNEL, ROOT)
    text = shown(said.blocks)
    assert "It is 212 metres long and crosses the river Elm." in text
    assert "<https://quoth.test/documents/otter?version=" in text
    assert "|The Otter Bridge>, 3 February 2020" in text
    assert said.text.endswith("(The Otter Bridge, 3 February 2020)")
    (quote,) = [block for block in said.blocks if block["type"] == "rich_text"]
    bold = [
        part["text"]
        for part in quote["elements"][0]["elements"]
        if part.get("style") == {"bold": True}
    ]
    assert f"*{bold[0]}*" in said.text


def test_links_lead_to_the_service_where_no_address_is_set(empty_room: Room) -> None:
    empty_room.given = {"public_url": None, "port": 8123}
    empty_room.enter()
    empty_room.answer_always(CHANNEL)
    empty_room.tell(mention(QUESTION))
    assert "<http://127.0.0.1:8123/documents/otter?version=" in shown(empty_room.said().blocks)


def test_an_edited_question_edits_its_answer(room: Room) -> None:
    first = mention("When was the Otter Bridge opened?")
    room.tell(first)
    assert "opened on 4 May 1931" in shown(room.said().blocks)
    room.tell(edited(first, f"<@{BOT}> {QUESTION}"))
    assert ("212 metres" in shown(room.said().blocks), room.said().edits) == (True, 1)


def test_a_question_that_is_edited_twice_before_it_is_answered_is_answered_as_it_reads_last(
    room: Room,
) -> None:
    first = mention("When was the Otter Bridge opened?")
    room.slack.fail("chat.postMessage", Fault(429, headers={"Retry-After": "1"}))
    room.send(envelope(first))
    room.until(lambda: "chat.postMessage" in room.slack.calls)
    once = edited(first, f"<@{BOT}> Who was its architect?", LATER)
    twice = edited(once["message"], f"<@{BOT}> {QUESTION}", "2000000070.000000")
    room.tell(once, twice)
    assert "212 metres" in shown(room.said().blocks)


def test_a_question_that_is_edited_back_is_answered_as_it_was(room: Room) -> None:
    first = mention(QUESTION)
    room.tell(first)
    there = edited(first, f"<@{BOT}> When was the Otter Bridge opened?", LATER)
    back = edited(there["message"], f"<@{BOT}> {QUESTION}", "2000000070.000000")
    room.tell(there, back)
    assert "212 metres" in shown(room.said().blocks)


def test_a_deleted_answer_stays_deleted_when_its_question_is_edited(room: Room) -> None:
    first = mention(QUESTION)
    room.tell(first)
    room.slack.messages.clear()
    room.tell(edited(first, f"<@{BOT}> When was the Otter Bridge opened?"))
    assert room.slack.standing() == []


def test_an_answer_that_may_not_be_deleted_says_that_its_question_was(room: Room) -> None:
    room.tell(mention(QUESTION))
    room.slack.fail("chat.delete", Fault(200, {"ok": False, "error": "cant_delete_message"}))
    room.tell(deleted(mention(QUESTION)))
    assert room.said().text == "The question was deleted."


def test_a_follow_up_takes_the_turns_of_its_thread_along_without_asking_slack(room: Room) -> None:
    room.tell(mention(QUESTION))
    room.tell(message("Who was its architect?", LATER, thread_ts=ROOT))
    room.tell(mention("Who was its architect?", "2000000070.000000"))
    first, follow_up, alone = room.slack.standing()
    assert (first.thread_ts, follow_up.thread_ts) == (ROOT, ROOT)
    assert answer_id_of(follow_up.blocks) != answer_id_of(
        alone.blocks
    )  # an answer's id is made of its question's turns
    assert not any(call.startswith("conversations.") for call in room.slack.calls)


# -- commands and buttons


def test_ask_answers_privately_with_a_button_to_share(room: Room) -> None:
    (answer,) = room.send(command("/ask", QUESTION, room.slack.hook))
    assert (answer.status_code, answer.content) == (200, b"")
    room.settle()
    (said,) = room.slack.responses
    assert said["response_type"] == "ephemeral"
    assert shown(said["blocks"]).endswith("Share")
    assert room.slack.standing() == []


def test_a_shared_answer_shows_its_question(room: Room) -> None:
    room.send(command("/ask", QUESTION, room.slack.hook))
    room.settle()
    room.send(press(blocks.SHARE, answer_id_of(room.slack.responses[0]["blocks"]), room.slack.hook))
    room.settle()
    assert room.said().blocks[0] == {
        "type": "header",
        "text": {"type": "plain_text", "text": QUESTION, "emoji": True},
    }


def test_what_cannot_be_shared_is_said_to_who_shared_it(room: Room) -> None:
    room.send(command("/ask", QUESTION, room.slack.hook))
    room.settle()
    room.slack.fail("chat.postMessage", Fault(200, {"ok": False, "error": "not_in_channel"}))
    room.send(press(blocks.SHARE, answer_id_of(room.slack.responses[0]["blocks"]), room.slack.hook))
    room.settle()
    assert "invite me first" in room.slack.responses[1]["text"]


def test_a_command_whose_text_says_payload_is_a_command(room: Room) -> None:
    room.send(command("/ask", "What payload does the Otter Bridge carry?", room.slack.hook))
    room.settle()
    assert len(room.slack.responses) == 1


def test_a_private_answer_whose_address_is_dead_stays_private(room: Room) -> None:
    room.slack.fail("response", *[Fault(500, "no")] * 2)
    room.send(command("/ask", QUESTION, room.slack.hook))
    room.settle()
    (said,) = room.slack.whispers
    assert (said["channel"], said["user"], room.slack.standing()) == (CHANNEL, ANA, [])


def test_a_private_answer_in_a_channel_without_the_bot_is_a_direct_message(room: Room) -> None:
    room.slack.fail("chat.postEphemeral", Fault(200, {"ok": False, "error": "not_in_channel"}))
    room.send(command("/ask", QUESTION, ""))
    room.settle()
    assert room.said().channel == ANA


def test_a_vote_is_feedback_one_a_person_and_can_be_changed(room: Room) -> None:
    room.tell(mention(QUESTION))
    value = room.answer_id()
    votes = [
        (blocks.HELPFUL, ANA),
        (blocks.HELPFUL, ANA),
        (blocks.UNHELPFUL, ANA),
        (blocks.HELPFUL, BEN),
    ]
    for number, (action, user) in enumerate(votes):
        room.send(press(action, value, room.slack.hook, user, f"2000000020.00000{number}"))
        room.settle()
    assert room.service is not None
    assert [kept.helpful for kept in room.service.history.feedback()] == [
        False,
        True,
    ]
    room.until(lambda: len(room.slack.responses) == 4)


def test_show_context_opens_the_passage(room: Room) -> None:
    room.tell(mention(QUESTION))
    room.send(press(blocks.CONTEXT, room.answer_id(), room.slack.hook))
    room.until(lambda: bool(room.slack.views))
    assert OTTER in shown(room.slack.views[0]["blocks"])


def test_without_an_answer_it_is_one_line_and_the_nearest_passages_are_on_a_button(
    room: Room,
) -> None:
    room.send(command("/quoth", "threshold 1", room.slack.hook))
    room.tell(mention("Who painted the ceiling?"))
    assert shown(room.said().blocks) == "The documents do not say.\nNearest passages"
    room.send(press(blocks.NEAREST, room.answer_id(), room.slack.hook))
    room.until(lambda: bool(room.slack.views))
    assert OTTER in shown(room.slack.views[0]["blocks"])


@pytest.mark.parametrize("value", ["otter", "", "0" * 32])
def test_an_answer_that_is_not_kept_is_not_shown(value: str, room: Room) -> None:
    room.send(
        press(blocks.CONTEXT, value, room.slack.hook), press(blocks.HELPFUL, value, room.slack.hook)
    )
    room.until(lambda: bool(room.slack.views and room.slack.responses))
    assert shown(room.slack.views[0]["blocks"]) == room.slack.responses[0]["text"] == blocks.GONE


def test_an_answer_whose_document_is_gone_is_not_shown_any_more(room: Room) -> None:
    room.tell(mention(QUESTION))
    value = room.answer_id()
    assert room.service is not None
    room.service.collection.remove(["otter"])
    room.send(press(blocks.CONTEXT, value, room.slack.hook))
    room.until(lambda: bool(room.slack.views))
    assert shown(room.slack.views[0]["blocks"]) == blocks.GONE


def test_the_settings_of_a_channel_are_said_and_outlive_a_restart(room: Room) -> None:
    for text in ("tags peas, bridges", "threshold 0.25", "auto on"):
        room.send(command("/quoth", text, room.slack.hook))
    room.leave()
    room.enter()
    (answer,) = room.send(command("/quoth", "", room.slack.hook))
    for said in (
        "documents tagged bridges, peas",
        "a confidence of 0.25",
        "questions that are not put to me",
    ):
        assert said in answer.json()["text"]


@pytest.mark.parametrize(
    "text", ["threshold 2", "threshold nan", "threshold high", "auto maybe", "tags ,", "tags", "x"]
)
def test_a_setting_that_makes_no_sense_changes_nothing(text: str, room: Room) -> None:
    (before,) = room.send(command("/quoth", "", room.slack.hook))
    (answer,) = room.send(command("/quoth", text, room.slack.hook))
    (after,) = room.send(command("/quoth", "", room.slack.hook))
    assert answer.json()["response_type"] == "ephemeral"
    assert before.json() == after.json()


# -- in time


def test_an_acknowledgement_does_not_wait_for_the_answer(room: Room) -> None:
    room.slack.slow_s = 1
    (answer,) = room.send(envelope(mention(QUESTION)))
    assert (answer.status_code, answer.content, room.waiting()) == (200, b"", 1)
    room.settle()


def test_a_hundred_events_at_once_are_acknowledged_and_answered_once(room: Room) -> None:
    events = [envelope(mention(QUESTION, f"2000000000.{number:06}")) for number in range(1, 21)]
    events += [envelope(message("Lunch?", f"2000000100.{number:06}")) for number in range(1, 81)]

    async def flood() -> list[httpx.Response]:
        async with client_of(room.app) as client:
            return list(await asyncio.gather(*(deliver(client, event) for event in events)))

    assert {answer.status_code for answer in room.runner.run(flood())} == {200}
    room.settle()
    assert (
        len({said.thread_ts for said in room.slack.standing()}) == len(room.slack.standing()) == 20
    )


# -- requests


def test_without_a_signing_secret_the_way_in_is_closed(empty_room: Room) -> None:
    empty_room.given = {"slack_signing_secret": None}
    empty_room.enter()
    (answer,) = empty_room.send(envelope(mention(QUESTION)))
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "QUOTH_SLACK_SIGNING_SECRET" in answer.json()["detail"]


def test_without_a_bot_token_the_address_is_verified_and_nothing_else_is_taken(
    empty_room: Room,
) -> None:
    empty_room.given = {"slack_bot_token": None}
    empty_room.enter()
    verified, told = empty_room.send(
        {"type": "url_verification", "challenge": "x1"}, envelope(mention(QUESTION))
    )
    assert verified.json() == {"challenge": "x1"}
    assert (told.status_code, "QUOTH_SLACK_BOT_TOKEN" in told.json()["detail"]) == (503, True)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Slack-Signature": "v0=" + "0" * 64}, id="a wrong signature"),
        pytest.param({"X-Slack-Signature": "v0=\u00e9"}, id="a signature that is not ASCII"),
        pytest.param({"X-Slack-Request-Timestamp": "soon"}, id="a time stamp that is no number"),
        pytest.param({"X-Slack-Request-Timestamp": "٣"}, id="a time stamp in other digits"),
        pytest.param({"X-Slack-Request-Timestamp": "9" * 400}, id="an endless time stamp"),
    ],
)
def test_what_slack_did_not_sign_is_refused(headers: dict[str, str], room: Room) -> None:
    body, kind = request_of(envelope(mention(QUESTION)))
    sent = {
        name.encode(): value.encode()
        for name, value in {**signed(body), **headers, "Content-Type": kind}.items()
    }
    assert room.post(body, sent).status_code == 401
    room.settle()
    assert room.slack.standing() == []


@pytest.mark.parametrize(("age_s", "status"), [(290, 200), (310, 401), (-310, 401)])
def test_a_signature_is_good_for_five_minutes(age_s: int, status: int, room: Room) -> None:
    body, kind = request_of(envelope(message("Lunch.")))
    answer = room.post(body, {**signed(body, at=time.time() - age_s), "Content-Type": kind})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"\xff\xfe", b"null", b"{}", b'{"type": 7}', b"[" * 100_000]
)
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"]
)
def test_a_body_that_slack_does_not_send_is_a_bad_request(
    body: bytes, kind: str, room: Room
) -> None:
    assert room.post(body, {**signed(body), "Content-Type": kind}).status_code == 400


def test_every_wrapping_of_a_payload_is_taken_off() -> None:
    form = "application/x-www-form-urlencoded; charset=utf-8"
    assert parse_body(b'{"type": "x"}', "application/json; charset=utf-8") == {"type": "x"}
    assert parse_body(b"payload=%7B%22type%22%3A+%22x%22%7D", form) == {"type": "x"}
    assert parse_body(b"command=%2Fask&text=a+%26+b&token=", form) == {
        "command": "/ask",
        "text": "a & b",
        "token": "",
    }
    assert parse_body(b"ssl_check=1&token=x", form) == {"ssl_check": "1", "token": "x"}


@pytest.mark.parametrize(
    "fields",
    [
        {"channel": None},
        {"channel": 7},
        {"channel": "<!channel>"},
        {"ts": "now"},
        {"ts": None},
        {"text": ["x"]},
        {"text": "\ud800"},
        {"text": "How\x00long?"},
        {"user": {"id": "U1"}},
        {"thread_ts": "20:15"},
    ],
    ids=str,
)
def test_an_event_with_a_broken_part_is_a_bad_request(fields: Json, room: Room) -> None:
    (answer,) = room.send(envelope({**mention(QUESTION), **fields}))
    assert answer.status_code == 400
    room.settle()
    assert room.slack.standing() == []


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "app_rate_limited"},
        {"type": "view_submission", "team": {"id": TEAM}},
        {"type": "event_callback", "team_id": TEAM, "event": {"type": "app_uninstalled"}},
        press("another_apps_button", "x", ""),
        command("/other", "x", ""),
    ],
    ids=lambda payload: payload.get("type", "command"),
)
def test_what_the_bot_has_nothing_to_do_with_is_acknowledged(payload: Json, room: Room) -> None:
    (answer,) = room.send(payload)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "payload",
    [
        envelope(mention(QUESTION), team="T0OTHER"),
        {**envelope(mention(QUESTION)), "authorizations": [], "team_id": "T0OTHER"},
        command("/ask", QUESTION, "http://127.0.0.1/", team_id="T0OTHER"),
        {**press(blocks.SHARE, "x", "http://127.0.0.1/"), "team": {"id": "T0OTHER"}},
    ],
    ids=["event", "event without authorizations", "command", "button"],
)
def test_another_workspace_is_refused(payload: Json, room: Room) -> None:
    assert room.send(payload)[0].status_code == 403
    room.settle()
    assert (room.slack.standing(), room.slack.responses) == ([], [])


@pytest.mark.parametrize(
    "named", [{"team_id": "T0PARTNER"}, {"team_id": None}, {"authorizations": []}], ids=str
)
def test_a_shared_channel_and_a_payload_without_a_team_are_taken(named: Json, room: Room) -> None:
    assert room.send({**envelope(mention(QUESTION)), **named})[0].status_code == 200
    room.settle()
    assert len(room.slack.standing()) == 1


# -- when Slack fails


@pytest.mark.parametrize(
    "fault",
    [
        Fault(200, {"ok": False, "error": "invalid_auth"}),
        Fault(200, {"ok": True}),
        Fault(404, "not here"),
        Fault(500),
    ],
    ids=lambda fault: f"{fault.status} {fault.body}",
)
def test_a_mention_is_taken_before_slack_has_said_whose_the_token_is(
    fault: Fault, empty_room: Room
) -> None:
    empty_room.slack.fail("auth.test", *[fault] * 100)
    empty_room.enter()
    empty_room.answer_always(CHANNEL)
    empty_room.tell(mention(QUESTION), message(f"<@{BOT}> {QUESTION}"))
    assert len(empty_room.slack.standing()) == 1


def test_whose_the_token_is_outlives_a_restart(room: Room) -> None:
    room.leave()
    room.slack.fail("auth.test", *[Fault(500)] * 100)
    room.enter()
    assert room.send(envelope(mention(QUESTION), team="T0OTHER"))[0].status_code == 403


def test_slack_asking_for_time_is_given_it(room: Room) -> None:
    room.slack.fail(
        "chat.postMessage", Fault(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "2"})
    )
    started = time.monotonic()
    room.tell(mention(QUESTION), mention(QUESTION, LATER))
    assert len(room.slack.standing()) == 2
    assert time.monotonic() - started >= 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, "<h1>no</h1>"),
        Fault(503, {"ok": False, "error": "service_unavailable"}),
        Fault(200, {"ok": False, "error": "internal_error"}),
        Fault(200, "no JSON"),
        Fault(429, "slow down", {"Retry-After": "0"}),
    ],
    ids=lambda fault: f"{fault.status} {fault.body}",
)
def test_a_slack_that_fails_is_asked_again(fault: Fault, room: Room) -> None:
    room.slack.fail("chat.postMessage", fault, fault)
    room.tell(mention(QUESTION))
    assert len(room.slack.standing()) == 1


@pytest.mark.parametrize(
    "replies", [None, Fault(200, {"ok": False, "error": "unknown_method"}), Fault(404, "no")]
)
def test_an_answer_that_slack_took_without_saying_so_is_looked_for_first(
    replies: Fault | None, room: Room
) -> None:
    room.slack.swallow("chat.postMessage")
    if replies:
        room.slack.fail("conversations.replies", replies)
    room.tell(mention(QUESTION))
    assert len(room.slack.standing()) == (
        2 if replies else 1
    )  # without a way to look, twice rather than never


def test_a_slack_that_is_not_there_is_waited_for(room: Room) -> None:
    port = room.slack.port
    room.runner.run(room.slack.stop())
    room.send(envelope(mention(QUESTION)))
    room.runner.run(asyncio.sleep(0.5))
    assert room.waiting() == 1
    room.runner.run(room.slack.start(port))
    room.settle()
    assert len(room.slack.standing()) == 1


def test_what_slack_refuses_for_good_is_given_up_and_logged(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.slack.fail("chat.postMessage", Fault(200, {"ok": False, "error": "is_archived"}))
    room.tell(mention(QUESTION))
    assert room.slack.standing() == []
    assert "is_archived" in caplog.text
    room.tell(mention(QUESTION, LATER))
    assert len(room.slack.standing()) == 1


def test_tokens_are_neither_logged_nor_shown(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    room.slack.fail(
        "chat.postMessage", Fault(500), Fault(200, {"ok": False, "error": "invalid_auth"})
    )
    room.tell(mention(QUESTION))
    room.slack.fail("response", Fault(500, "no"))
    room.send(command("/ask", QUESTION, room.slack.hook))
    room.settle()
    given = repr(
        load_settings(slack_bot_token=TOKEN, slack_signing_secret=SECRET, slack_app_token=APP_TOKEN)
    )
    logged = [
        record.getMessage() for record in caplog.records if record.name != "aiohttp.access"
    ]  # Slack's own log
    for secret in (TOKEN, SECRET, APP_TOKEN, "secret-of-a-response"):
        assert not [line for line in logged if secret in line]
        assert secret not in given
    assert room.slack.tokens == {f"Bearer {TOKEN}"}


def test_a_second_service_does_not_answer_from_the_same_folder(room: Room) -> None:
    assert room.service is not None
    second = create_app(room.service, room.settings())
    living = Living(second)
    room.runner.run(living.begin())

    async def asking() -> httpx.Response:
        async with client_of(second) as client:
            return await deliver(client, envelope(direct(QUESTION)))

    answer = room.runner.run(asking())
    assert (answer.status_code, "another process" in answer.text) == (503, True)
    room.runner.run(living.end())
    json.loads(answer.text)
