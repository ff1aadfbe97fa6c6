"""Slack over HTTP: signed requests to the real app, against a local stand-in for Slack."""

import asyncio
import json
import logging
import time

import httpx
import pytest

from corpus.limits import DEFAULT_LIMITS
from corpus.pool import ParserPool
from service.answering.wording import UNSURE
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
from tests.slack_harness import OTTER, QUESTION, AppLifespan, BotHarness, answer_id_of, client_of

ROOT = "2000000000.000100"
LATER = "2000000060.000000"


# -- what it says


def test_an_answer_is_in_its_thread_with_quote_source_and_date(harness: BotHarness) -> None:
    harness.deliver_events(mention(QUESTION))
    said = harness.only_message()
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


def test_links_lead_to_the_service_where_no_address_is_set(stopped_bot: BotHarness) -> None:
    stopped_bot.given = {"public_url": None, "port": 8123}
    stopped_bot.enter()
    stopped_bot.answer_always(CHANNEL)
    stopped_bot.deliver_events(mention(QUESTION))
    assert "<http://127.0.0.1:8123/documents/otter?version=" in shown(
        stopped_bot.only_message().blocks
    )


def test_an_edited_question_edits_its_answer(harness: BotHarness) -> None:
    first = mention("When was the Otter Bridge opened?")
    harness.deliver_events(first)
    assert "opened on 4 May 1931" in shown(harness.only_message().blocks)
    harness.deliver_events(edited(first, f"<@{BOT}> {QUESTION}"))
    assert ("212 metres" in shown(harness.only_message().blocks), harness.only_message().edits) == (
        True,
        1,
    )


def test_a_question_that_is_edited_twice_before_it_is_answered_is_answered_as_it_reads_last(
    harness: BotHarness,
) -> None:
    first = mention("When was the Otter Bridge opened?")
    harness.slack.fail("chat.postMessage", Fault(429, headers={"Retry-After": "1"}))
    harness.send(envelope(first))
    harness.until(lambda: "chat.postMessage" in harness.slack.calls)
    once = edited(first, f"<@{BOT}> Who was its architect?", LATER)
    twice = edited(once["message"], f"<@{BOT}> {QUESTION}", "2000000070.000000")
    harness.deliver_events(once, twice)
    assert "212 metres" in shown(harness.only_message().blocks)


def test_a_question_that_is_edited_back_is_answered_as_it_was(harness: BotHarness) -> None:
    first = mention(QUESTION)
    harness.deliver_events(first)
    there = edited(first, f"<@{BOT}> When was the Otter Bridge opened?", LATER)
    back = edited(there["message"], f"<@{BOT}> {QUESTION}", "2000000070.000000")
    harness.deliver_events(there, back)
    assert "212 metres" in shown(harness.only_message().blocks)


def test_a_deleted_answer_stays_deleted_when_its_question_is_edited(harness: BotHarness) -> None:
    first = mention(QUESTION)
    harness.deliver_events(first)
    harness.slack.messages.clear()
    harness.deliver_events(edited(first, f"<@{BOT}> When was the Otter Bridge opened?"))
    assert harness.slack.present_messages() == []


def test_an_answer_that_may_not_be_deleted_says_that_its_question_was(harness: BotHarness) -> None:
    harness.deliver_events(mention(QUESTION))
    harness.slack.fail("chat.delete", Fault(200, {"ok": False, "error": "cant_delete_message"}))
    harness.deliver_events(deleted(mention(QUESTION)))
    assert harness.only_message().text == "The question was deleted."


def test_a_follow_up_takes_the_turns_of_its_thread_along_without_asking_slack(
    harness: BotHarness,
) -> None:
    harness.deliver_events(mention(QUESTION))
    harness.deliver_events(message("Who was its architect?", LATER, thread_ts=ROOT))
    harness.deliver_events(mention("Who was its architect?", "2000000070.000000"))
    first, follow_up, alone = harness.slack.present_messages()
    assert (first.thread_ts, follow_up.thread_ts) == (ROOT, ROOT)
    assert answer_id_of(follow_up.blocks) != answer_id_of(
        alone.blocks
    )  # an answer's id is made of its question's turns
    assert not any(call.startswith("conversations.") for call in harness.slack.calls)


# -- commands and buttons


def test_ask_answers_privately_with_a_button_to_share(harness: BotHarness) -> None:
    (answer,) = harness.send(command("/ask", QUESTION, harness.slack.hook))
    assert (answer.status_code, answer.content) == (200, b"")
    harness.settle()
    (said,) = harness.slack.responses
    assert said["response_type"] == "ephemeral"
    assert shown(said["blocks"]).endswith("Share")
    assert harness.slack.present_messages() == []


def test_a_shared_answer_shows_its_question(harness: BotHarness) -> None:
    harness.send(command("/ask", QUESTION, harness.slack.hook))
    harness.settle()
    harness.send(
        press(
            blocks.SHARE_ACTION,
            answer_id_of(harness.slack.responses[0]["blocks"]),
            harness.slack.hook,
        )
    )
    harness.settle()
    assert harness.only_message().blocks[0] == {
        "type": "header",
        "text": {"type": "plain_text", "text": QUESTION, "emoji": True},
    }


def test_what_cannot_be_shared_is_said_to_who_shared_it(harness: BotHarness) -> None:
    harness.send(command("/ask", QUESTION, harness.slack.hook))
    harness.settle()
    harness.slack.fail("chat.postMessage", Fault(200, {"ok": False, "error": "not_in_channel"}))
    harness.send(
        press(
            blocks.SHARE_ACTION,
            answer_id_of(harness.slack.responses[0]["blocks"]),
            harness.slack.hook,
        )
    )
    harness.settle()
    assert "invite me first" in harness.slack.responses[1]["text"]


def test_a_command_whose_text_says_payload_is_a_command(harness: BotHarness) -> None:
    harness.send(command("/ask", "What payload does the Otter Bridge carry?", harness.slack.hook))
    harness.settle()
    assert len(harness.slack.responses) == 1


def test_a_private_answer_whose_address_is_dead_stays_private(harness: BotHarness) -> None:
    harness.slack.fail("response", *[Fault(500, "no")] * 2)
    harness.send(command("/ask", QUESTION, harness.slack.hook))
    harness.settle()
    (said,) = harness.slack.whispers
    assert (said["channel"], said["user"], harness.slack.present_messages()) == (CHANNEL, ANA, [])


def test_waiting_for_a_rate_limit_is_not_an_attempt(harness: BotHarness) -> None:
    # The second failed attempt gives the response_url up. A 429 and one failure are one attempt.
    limited = Fault(429, "slow down", {"Retry-After": "0"})
    harness.slack.fail("response", limited, limited, Fault(500, "no"))
    harness.send(command("/ask", QUESTION, harness.slack.hook))
    harness.settle()
    assert (len(harness.slack.responses), harness.slack.whispers) == (1, [])


def test_a_private_answer_in_a_channel_without_the_bot_is_a_direct_message(
    harness: BotHarness,
) -> None:
    harness.slack.fail("chat.postEphemeral", Fault(200, {"ok": False, "error": "not_in_channel"}))
    harness.send(command("/ask", QUESTION, ""))
    harness.settle()
    assert harness.only_message().channel == ANA


def test_a_vote_is_feedback_one_a_person_and_can_be_changed(harness: BotHarness) -> None:
    harness.deliver_events(mention(QUESTION))
    value = harness.answer_id()
    votes = [
        (blocks.HELPFUL_ACTION, ANA),
        (blocks.HELPFUL_ACTION, ANA),
        (blocks.UNHELPFUL_ACTION, ANA),
        (blocks.HELPFUL_ACTION, BEN),
    ]
    for number, (action, user) in enumerate(votes):
        harness.send(press(action, value, harness.slack.hook, user, f"2000000020.00000{number}"))
        harness.settle()
    assert harness.service is not None
    assert [kept.helpful for kept in harness.service.history.feedback()] == [
        False,
        True,
    ]
    harness.until(lambda: len(harness.slack.responses) == 4)


def test_show_context_opens_the_passage(harness: BotHarness) -> None:
    harness.deliver_events(mention(QUESTION))
    harness.send(press(blocks.CONTEXT_ACTION, harness.answer_id(), harness.slack.hook))
    harness.until(lambda: bool(harness.slack.views))
    assert OTTER in shown(harness.slack.views[0]["blocks"])


def test_a_best_guess_is_marked_and_the_nearest_passages_are_on_a_button(
    harness: BotHarness,
) -> None:
    harness.send(command("/quoth", "threshold 1", harness.slack.hook))
    harness.deliver_events(mention("Who painted the ceiling?"))
    lines = shown(harness.only_message().blocks).splitlines()
    assert (lines[0], lines[-1]) == (UNSURE, "Nearest passages")
    harness.send(press(blocks.NEAREST_ACTION, harness.answer_id(), harness.slack.hook))
    harness.until(lambda: bool(harness.slack.views))
    assert OTTER in shown(harness.slack.views[0]["blocks"])


@pytest.mark.parametrize("value", ["otter", "", "0" * 32])
def test_an_answer_that_is_not_kept_is_not_shown(value: str, harness: BotHarness) -> None:
    harness.send(
        press(blocks.CONTEXT_ACTION, value, harness.slack.hook),
        press(blocks.HELPFUL_ACTION, value, harness.slack.hook),
    )
    harness.until(lambda: bool(harness.slack.views and harness.slack.responses))
    assert (
        shown(harness.slack.views[0]["blocks"])
        == harness.slack.responses[0]["text"]
        == blocks.ANSWER_GONE
    )


def test_an_answer_whose_document_is_gone_is_not_shown_any_more(harness: BotHarness) -> None:
    harness.deliver_events(mention(QUESTION))
    value = harness.answer_id()
    assert harness.service is not None
    harness.service.collection.remove(["otter"])
    harness.send(press(blocks.CONTEXT_ACTION, value, harness.slack.hook))
    harness.until(lambda: bool(harness.slack.views))
    assert shown(harness.slack.views[0]["blocks"]) == blocks.ANSWER_GONE


def test_the_settings_of_a_channel_are_said_and_outlive_a_restart(harness: BotHarness) -> None:
    for text in ("tags peas, bridges", "threshold 0.25", "auto on"):
        harness.send(command("/quoth", text, harness.slack.hook))
    harness.leave()
    harness.enter()
    (answer,) = harness.send(command("/quoth", "", harness.slack.hook))
    for said in (
        "documents tagged bridges, peas",
        "a confidence of 0.25",
        "questions that mention me and those that do not",
    ):
        assert said in answer.json()["text"]


@pytest.mark.parametrize(
    "text", ["threshold 2", "threshold nan", "threshold high", "auto maybe", "tags ,", "tags", "x"]
)
def test_a_setting_that_makes_no_sense_changes_nothing(text: str, harness: BotHarness) -> None:
    (before,) = harness.send(command("/quoth", "", harness.slack.hook))
    (answer,) = harness.send(command("/quoth", text, harness.slack.hook))
    (after,) = harness.send(command("/quoth", "", harness.slack.hook))
    assert answer.json()["response_type"] == "ephemeral"
    assert before.json() == after.json()


# -- in time


def test_an_acknowledgement_does_not_wait_for_the_answer(harness: BotHarness) -> None:
    harness.slack.slow_s = 1
    (answer,) = harness.send(envelope(mention(QUESTION)))
    assert (answer.status_code, answer.content, harness.waiting()) == (200, b"", 1)
    harness.settle()


def test_a_hundred_events_at_once_are_acknowledged_and_answered_once(harness: BotHarness) -> None:
    events = [envelope(mention(QUESTION, f"2000000000.{number:06}")) for number in range(1, 21)]
    events += [envelope(message("Lunch?", f"2000000100.{number:06}")) for number in range(1, 81)]

    async def flood() -> list[httpx.Response]:
        async with client_of(harness.app) as client:
            return list(await asyncio.gather(*(deliver(client, event) for event in events)))

    assert {answer.status_code for answer in harness.runner.run(flood())} == {200}
    harness.settle()
    assert (
        len({said.thread_ts for said in harness.slack.present_messages()})
        == len(harness.slack.present_messages())
        == 20
    )


# -- requests


def test_without_a_signing_secret_the_way_in_is_closed(stopped_bot: BotHarness) -> None:
    stopped_bot.given = {"slack_signing_secret": None}
    stopped_bot.enter()
    (answer,) = stopped_bot.send(envelope(mention(QUESTION)))
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert "QUOTH_SLACK_SIGNING_SECRET" in answer.json()["detail"]


def test_without_a_bot_token_the_address_is_verified_and_nothing_else_is_taken(
    stopped_bot: BotHarness,
) -> None:
    stopped_bot.given = {"slack_bot_token": None}
    stopped_bot.enter()
    verified, refused = stopped_bot.send(
        {"type": "url_verification", "challenge": "x1"}, envelope(mention(QUESTION))
    )
    assert verified.json() == {"challenge": "x1"}
    assert (refused.status_code, "QUOTH_SLACK_BOT_TOKEN" in refused.json()["detail"]) == (503, True)


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
def test_what_slack_did_not_sign_is_refused(headers: dict[str, str], harness: BotHarness) -> None:
    body, kind = request_of(envelope(mention(QUESTION)))
    sent = {
        name.encode(): value.encode()
        for name, value in {**signed(body), **headers, "Content-Type": kind}.items()
    }
    assert harness.post(body, sent).status_code == 401
    harness.settle()
    assert harness.slack.present_messages() == []


@pytest.mark.parametrize(("age_s", "status"), [(290, 200), (310, 401), (-310, 401)])
def test_a_signature_is_good_for_five_minutes(age_s: int, status: int, harness: BotHarness) -> None:
    body, kind = request_of(envelope(message("Lunch.")))
    answer = harness.post(body, {**signed(body, at=time.time() - age_s), "Content-Type": kind})
    assert answer.status_code == status


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"null", b"{}", b'{"type": 7}', b"[" * 100_000])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_slack_does_not_send_is_a_bad_request(
    body: bytes, kind: str, harness: BotHarness
) -> None:
    assert harness.post(body, {**signed(body), "Content-Type": kind}).status_code == 400


@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "-Infinity", "1e999", "9" * 5_000, "[" * 90_000, "[" * 900 + "]" * 900),
        *('"\\ud800"', '{"a": 1, "a": 2}', '"x"', "[]", "{}", "null", "7", '{"type": NaN}'),
    ],
    ids=lambda value: value[:12],
)
@pytest.mark.parametrize(
    "body",
    [
        '{"type": "event_callback", "team_id": "T0QUOTH", "event": VALUE}',
        '{"type": "block_actions", "team": {"id": "T0QUOTH"}, "actions": VALUE}',
        '{"type": "event_callback", "team_id": VALUE, "event": VALUE}',
        '{"type": "event_callback", "authorizations": [VALUE], "event": VALUE}',
        '{"type": VALUE}',
    ],
    ids=lambda body: body[:50],
)
def test_a_value_that_slack_never_sends_is_a_bad_request(
    value: str, body: str, harness: BotHarness
) -> None:
    sent = body.replace("VALUE", value).encode()
    response = harness.post(sent, {**signed(sent), "Content-Type": "application/json"})
    # A type that the bot does not know is acknowledged, and a foreign team is refused.
    assert response.status_code in (400, 403) or (value, response.status_code) == ('"x"', 200)
    assert response.content == b"" or response.json()["detail"]


@pytest.mark.parametrize("value", ["NaN", '"\\ud800"', "[[]]", '"x"', "null"])
def test_the_address_is_verified_whatever_the_challenge_is(value: str, harness: BotHarness) -> None:
    body = f'{{"type": "url_verification", "challenge": {value}}}'.encode()
    response = harness.post(body, {**signed(body), "Content-Type": "application/json"})
    assert response.status_code == (400 if value in ("NaN", '"\\ud800"') else 200)


def test_a_body_that_is_not_utf_8_was_not_signed_by_slack(harness: BotHarness) -> None:
    body = b"\xff\xfe"
    headers = {**signed(body), "Content-Type": "application/json"}
    assert harness.post(body, headers).status_code == 401


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
def test_an_event_with_a_broken_part_is_a_bad_request(fields: Json, harness: BotHarness) -> None:
    (answer,) = harness.send(envelope({**mention(QUESTION), **fields}))
    assert answer.status_code == 400
    harness.settle()
    assert harness.slack.present_messages() == []


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
def test_what_the_bot_has_nothing_to_do_with_is_acknowledged(
    payload: Json, harness: BotHarness
) -> None:
    (answer,) = harness.send(payload)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "payload",
    [
        envelope(mention(QUESTION), team="T0OTHER"),
        {**envelope(mention(QUESTION)), "authorizations": [], "team_id": "T0OTHER"},
        command("/ask", QUESTION, "http://127.0.0.1/", team_id="T0OTHER"),
        {**press(blocks.SHARE_ACTION, "x", "http://127.0.0.1/"), "team": {"id": "T0OTHER"}},
    ],
    ids=["event", "event without authorizations", "command", "button"],
)
def test_another_workspace_is_refused(payload: Json, harness: BotHarness) -> None:
    assert harness.send(payload)[0].status_code == 403
    harness.settle()
    assert (harness.slack.present_messages(), harness.slack.responses) == ([], [])


@pytest.mark.parametrize(
    "named", [{"team_id": "T0PARTNER"}, {"team_id": None}, {"authorizations": []}], ids=str
)
def test_a_shared_channel_and_a_payload_without_a_team_are_taken(
    named: Json, harness: BotHarness
) -> None:
    assert harness.send({**envelope(mention(QUESTION)), **named})[0].status_code == 200
    harness.settle()
    assert len(harness.slack.present_messages()) == 1


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
    fault: Fault, stopped_bot: BotHarness
) -> None:
    stopped_bot.slack.fail("auth.test", *[fault] * 100)
    stopped_bot.enter()
    stopped_bot.answer_always(CHANNEL)
    stopped_bot.deliver_events(mention(QUESTION), message(f"<@{BOT}> {QUESTION}"))
    assert len(stopped_bot.slack.present_messages()) == 1


def test_whose_the_token_is_outlives_a_restart(harness: BotHarness) -> None:
    harness.leave()
    harness.slack.fail("auth.test", *[Fault(500)] * 100)
    harness.enter()
    assert harness.send(envelope(mention(QUESTION), team="T0OTHER"))[0].status_code == 403


def test_no_message_is_posted_while_a_rate_limit_lasts(harness: BotHarness) -> None:
    limited = Fault(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "2"})
    harness.slack.fail("chat.postMessage", limited)
    harness.send(envelope(mention(QUESTION)))
    harness.until(lambda: "chat.postMessage" in harness.slack.calls)
    harness.runner.run(asyncio.sleep(0.2))
    harness.send(envelope(mention(QUESTION, LATER)))
    harness.runner.run(asyncio.sleep(1))
    assert harness.slack.calls.count("chat.postMessage") == 1
    harness.settle()
    assert len(harness.slack.present_messages()) == 2
    # Slack has said that it took nothing, so there is nothing to look for.
    assert "conversations.replies" not in harness.slack.calls


def test_slack_asking_for_time_is_given_it(harness: BotHarness) -> None:
    harness.slack.fail(
        "chat.postMessage", Fault(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "2"})
    )
    started = time.monotonic()
    harness.deliver_events(mention(QUESTION), mention(QUESTION, LATER))
    assert len(harness.slack.present_messages()) == 2
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
def test_a_slack_that_fails_is_asked_again(fault: Fault, harness: BotHarness) -> None:
    harness.slack.fail("chat.postMessage", fault, fault)
    harness.deliver_events(mention(QUESTION))
    assert len(harness.slack.present_messages()) == 1


@pytest.mark.parametrize(
    "replies", [None, Fault(200, {"ok": False, "error": "unknown_method"}), Fault(404, "no")]
)
def test_an_answer_that_slack_took_without_saying_so_is_looked_for_first(
    replies: Fault | None, harness: BotHarness
) -> None:
    harness.slack.swallow("chat.postMessage")
    if replies:
        harness.slack.fail("conversations.replies", replies)
    harness.deliver_events(mention(QUESTION))
    assert len(harness.slack.present_messages()) == (
        2 if replies else 1
    )  # without a way to look, twice rather than never


def test_a_slack_that_is_not_there_is_waited_for(harness: BotHarness) -> None:
    port = harness.slack.port
    harness.runner.run(harness.slack.stop())
    harness.send(envelope(mention(QUESTION)))
    harness.runner.run(asyncio.sleep(0.5))
    assert harness.waiting() == 1
    harness.runner.run(harness.slack.start(port))
    harness.settle()
    assert len(harness.slack.present_messages()) == 1


def test_what_slack_refuses_for_good_is_given_up_and_logged(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.slack.fail("chat.postMessage", Fault(200, {"ok": False, "error": "is_archived"}))
    harness.deliver_events(mention(QUESTION))
    assert harness.slack.present_messages() == []
    assert "is_archived" in caplog.text
    harness.deliver_events(mention(QUESTION, LATER))
    assert len(harness.slack.present_messages()) == 1


def test_tokens_are_neither_logged_nor_shown(
    harness: BotHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    harness.slack.fail(
        "chat.postMessage", Fault(500), Fault(200, {"ok": False, "error": "invalid_auth"})
    )
    harness.deliver_events(mention(QUESTION))
    harness.slack.fail("response", Fault(500, "no"))
    harness.send(command("/ask", QUESTION, harness.slack.hook))
    harness.settle()
    given = repr(
        load_settings(slack_bot_token=TOKEN, slack_signing_secret=SECRET, slack_app_token=APP_TOKEN)
    )
    logged = [
        record.getMessage() for record in caplog.records if record.name != "aiohttp.access"
    ]  # Slack's own log
    for secret in (TOKEN, SECRET, APP_TOKEN, "secret-of-a-response"):
        assert not [line for line in logged if secret in line]
        assert secret not in given
    assert harness.slack.tokens == {f"Bearer {TOKEN}"}


def test_a_second_service_does_not_answer_from_the_same_folder(harness: BotHarness) -> None:
    assert harness.service is not None
    second = create_app(harness.service, harness.settings(), ParserPool(0, DEFAULT_LIMITS))
    living = AppLifespan(second)
    harness.runner.run(living.begin())

    async def asking() -> httpx.Response:
        async with client_of(second) as client:
            return await deliver(client, envelope(direct(QUESTION)))

    answer = harness.runner.run(asking())
    assert (answer.status_code, "another process" in answer.text) == (503, True)
    harness.runner.run(living.end())
    json.loads(answer.text)
