"""How the bot parses texts and events, whatever is in them, and what it decides to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.slack.decide import (
    AnsweredThread,
    AnswerMessage,
    MessageContext,
    MuteThread,
    decide,
    is_question,
    question_of,
)
from service.slack.event import BotIdentity
from service.slack.mrkdwn import plain_text
from service.slack.payload import PayloadError, parse_event, parse_press
from tests.loopback import ANA, BOT, TEAM, Json, envelope, message, press

QUOTH = BotIdentity(TEAM, BOT)
ROOT = "2000000000.000100"
ANSWERED = MessageContext(thread=AnsweredThread(ANA, float(ROOT), is_muted=False))


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "Stop.",
        "stop it, please",
        "Please stop answering",
        "ok, stop now",
        "that's enough",
        "Quoth, quiet!",
    ],
)
def test_a_thread_is_left_alone_when_somebody_says_so(text: str) -> None:
    event = parse_event(envelope(message(text, "2000000060.000000", thread_ts=ROOT)))
    assert isinstance(decide(QUOTH, event, ANSWERED), MuteThread)


@pytest.mark.parametrize(
    "text", ["stop loss policy", "Where does the bus stop?", "enough gas for winter"]
)
def test_a_question_about_stopping_is_a_question(text: str) -> None:
    event = parse_event(envelope(message(text, "2000000060.000000", thread_ts=ROOT)))
    assert not isinstance(decide(QUOTH, event, ANSWERED), MuteThread)


@pytest.mark.parametrize(("age_s", "answered"), [(86_400, True), (86_401, False)])
def test_a_thread_is_followed_for_24_hours_after_the_last_question(
    age_s: int, answered: bool
) -> None:
    ts = f"{2_000_000_000 + age_s}.000100"
    event = parse_event(envelope(message("How long?", ts, thread_ts=ROOT)))
    assert isinstance(decide(QUOTH, event, ANSWERED), AnswerMessage) is answered


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("see <https://x.org/a?b=1&amp;c=2>", "see https://x.org/a?b=1&c=2"),
        ("see <https://x.org|the page>", "see the page"),
        ("mail <mailto:a@x.org|a@x.org>", "mail a@x.org"),
        ("in <#C0X|general> and <#C0Y>", "in #general and"),
        ("<!here> <!subteam^S0X|@team> <@U0X|ana> what?", "what?"),
        ("one\n\n two\t three", "one two three"),
    ],
)
def test_a_text_loses_its_markup(marked: str, plain: str) -> None:
    assert plain_text(marked) == plain


@pytest.mark.parametrize(
    "text", ["How long?", "and imports?", "who built it", "Is it long", "“Why?”"]
)
def test_a_question_is_recognised(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize(
    "text", ["", "?", "???", ":thinking_face:?", "It is long.", "Whatever.", "Isle of Wight"]
)
def test_what_is_no_question_is_not_taken_for_one(text: str) -> None:
    assert not is_question(text)


@given(st.text(max_size=200))
def test_any_text_makes_a_question_without_markup_around_it(text: str) -> None:
    assert question_of(text) == question_of(text).strip()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
PARTS = (
    "type subtype channel ts thread_ts user text message previous_message deleted_ts edited".split()
)


@given(
    st.dictionaries(st.sampled_from(PARTS), JSON, max_size=6),
    st.sampled_from(["message", "app_mention"]),
    st.sampled_from([None, "message_changed", "message_deleted"]),
)
def test_a_broken_event_is_said_to_be_broken_or_is_decided(
    fields: Json, kind: str, subtype: str | None
) -> None:
    try:
        happened = parse_event(
            envelope({**message("How long?"), **fields, "type": kind, "subtype": subtype})
        )
    except PayloadError:
        return
    decide(QUOTH, happened, ANSWERED)


@given(
    st.dictionaries(
        st.sampled_from("user channel container message actions".split()), JSON, max_size=5
    )
)
def test_a_broken_button_is_said_to_be_broken_or_is_a_button(fields: Json) -> None:
    try:
        parse_press({**press("quoth_share", "x", ""), **fields})
    except PayloadError:
        return
