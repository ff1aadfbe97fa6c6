"""The table in docs/slack.md, case by case: what arrives from Slack, and what the bot does."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from corpus.document import make_document
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.answering.wording import NO_ANSWER, UNSURE
from service.reader.passage import PassageReader
from service.slack import blocks
from service.slack.questions import HINT
from tests.loopback import (
    ANA,
    BEN,
    BOT,
    CHANNEL,
    DIRECT,
    BotMessage,
    Fault,
    Json,
    command,
    deleted,
    direct,
    edited,
    envelope,
    mention,
    message,
    press,
    request_of,
    shown,
    signed,
    tombstone,
)
from tests.slack_harness import OTTER, QUESTION, BotHarness, answer_id_of

ROOT, LATER, LAST = "2000000000.000100", "2000000060.000000", "2000000090.000000"
WIDTH = "And when was it opened?"
RETRIED = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}


@dataclass
class Scene:
    """A case's own channel, and what became visible in it."""

    harness: BotHarness
    number: int
    statuses: list[int] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    @property
    def channel(self) -> str:
        return f"C{self.number:04}"

    def here(self, payload: Json) -> Json:
        """The payload as of this channel and its own time; every case writes the same ones."""
        text = (
            json.dumps(payload).replace(CHANNEL, self.channel).replace(DIRECT, f"D{self.number:04}")
        )
        return dict(
            json.loads(
                text.replace('"20000', f'"2{self.number:04}').replace(
                    "-20000", f"-2{self.number:04}"
                )
            )
        )

    def messages(self) -> dict[str, BotMessage]:
        """What the bot has said here and not taken back."""
        found = self.harness.slack.messages.items()
        return {
            ts: said
            for ts, said in found
            if said.channel[1:] == self.channel[1:] or said.channel in (ANA, BEN)
        }

    def heard(self, answer: httpx.Response) -> None:
        self.statuses.append(answer.status_code)
        self.bodies.append(answer.text)


Step = Json | Callable[[Scene], None]


def delivered(payload: Json, **headers: str) -> Callable[[Scene], None]:
    """The payload arrives, and everything that was taken is done."""

    def step(scene: Scene) -> None:
        arrives(payload, **headers)(scene)
        scene.harness.settle()

    return step


def arrives(payload: Json, **headers: str) -> Callable[[Scene], None]:
    """The payload arrives."""

    def step(scene: Scene) -> None:
        wrapped = "command" in payload or payload["type"] in (
            "block_actions",
            "url_verification",
            "event_callback",
        )
        sent = scene.here(payload if wrapped else envelope(payload))
        scene.heard(scene.harness.send(sent, **headers)[0])

    return step


def restart(scene: Scene) -> None:
    scene.harness.leave()
    scene.harness.enter()


def fails(method: str, *faults: Fault) -> Callable[[Scene], None]:
    return lambda scene: scene.harness.slack.fail(method, *faults)


def was_tried(scene: Scene) -> None:
    scene.harness.until(lambda: not scene.harness.slack.faults["chat.postMessage"])


def pressed(action: str, moment: str = "2000000020.000001") -> Callable[[Scene], None]:
    """A button of the bot's last message here is pressed, or of its last private answer."""

    def step(scene: Scene) -> None:
        slack = scene.harness.slack
        last = list(scene.messages().values())
        value = answer_id_of(last[-1].blocks if last else slack.responses[-1]["blocks"])
        before = len(slack.views) + len(slack.responses)
        delivered(press(action, value, slack.hook, pressed_ts=moment))(scene)
        if action != blocks.SHARE_ACTION:  # which waits in the inbox; the others are done at once
            scene.harness.until(lambda: len(slack.views) + len(slack.responses) > before)

    return step


def asks(text: str) -> Callable[[Scene], None]:
    return lambda scene: delivered(command("/ask", text, scene.harness.slack.hook))(scene)


def sets(text: str) -> Callable[[Scene], None]:
    return lambda scene: delivered(command("/quoth", text, scene.harness.slack.hook))(scene)


def raw(
    headers: Callable[[bytes], dict[str, str]], body: bytes | None = None
) -> Callable[[Scene], None]:
    """A request that Slack would not send."""

    def step(scene: Scene) -> None:
        made, kind = request_of(scene.here(envelope(mention(QUESTION))))
        content = made if body is None else body
        scene.heard(scene.harness.post(content, {**headers(content), "Content-Type": kind}))
        scene.harness.settle()

    return step


def reply(text: str, ts: str = LATER, **fields: object) -> Json:
    """A message in the thread."""
    return message(text, ts, thread_ts=ROOT, **fields)


@dataclass(frozen=True)
class Case:
    """What happens, and what the bot does about it."""

    happens: str
    does: str
    steps: tuple[Step, ...]
    before: tuple[Step, ...] = ()


ANSWERS = "answers in the thread"
SILENT = "stays silent"
ASKED = (mention(QUESTION),)
AUTO = (sets("auto on"),)
TWIN = message(f"<@{BOT}> {QUESTION}")
NO_ID: Json = {"client_msg_id": None}
ADDED = edited(message(QUESTION), f"<@{BOT}> {QUESTION}")
REWORDED = edited(mention(QUESTION), f"<@{BOT}> When was the Otter Bridge opened?")

CASES = (
    # asking
    Case("a mention in a channel", ANSWERS, (mention(QUESTION),)),
    Case(
        "a mention in the middle of a message",
        ANSWERS,
        (message(f"Hey <@{BOT}> how long is the bridge?"),),
    ),
    Case("the `message` event of a mention alone", ANSWERS, (TWIN,)),
    Case("both events of one mention", ANSWERS, (mention(QUESTION), TWIN)),
    Case(
        "both events, the other way round, again and again",
        ANSWERS,
        (TWIN, mention(QUESTION), TWIN),
    ),
    Case(
        "both events without `client_msg_id`",
        ANSWERS,
        (mention(QUESTION, **NO_ID), {**TWIN, **NO_ID}),
    ),
    Case(
        "a mention and two retries of it (`X-Slack-Retry-Num`)",
        ANSWERS,
        (
            arrives(mention(QUESTION)),
            delivered(mention(QUESTION), **RETRIED),
            delivered(mention(QUESTION), **RETRIED),
        ),
    ),
    Case(
        "the same `client_msg_id` under another time stamp",
        SILENT,
        (mention(QUESTION, LATER, client_msg_id="id-of-" + ROOT),),
        ASKED,
    ),
    Case(
        "a message that does not mention the bot yet, then the mention",
        ANSWERS,
        (message(QUESTION), mention(QUESTION)),
    ),
    Case(
        "a mention in a thread of people",
        ANSWERS,
        (mention(QUESTION, LATER, thread_ts=ROOT),),
        (message("Look"),),
    ),
    Case(
        "a mention of the bot and of a person",
        ANSWERS,
        (mention(f"tell <@{BEN}> how long is the bridge?"),),
    ),
    Case("a direct message", ANSWERS, (direct(QUESTION),)),
    Case(
        "a direct message with a file and a question",
        ANSWERS,
        (direct(QUESTION, subtype="file_share", files=[{"id": "F1"}]),),
    ),
    Case("`/ask` with a question", "answers privately", (asks(QUESTION),)),
    Case("`/ask`, delivered twice", "answers privately", (asks(QUESTION), asks(QUESTION))),
    Case("`/ask` without a question", "replies privately", (asks(" "),)),
    Case(
        "a question that the documents do not answer for certain",
        "gives its best guess in the thread, as not certain",
        (mention("Who painted it?"),),
        (sets("threshold 1"),),
    ),
    Case("a mention without words", "gives a hint", (mention(""),)),
    Case("a direct message that only greets", "gives a hint", (direct("Hello!"),)),
    Case("a direct message that is only an emoji", "gives a hint", (direct(":otter:"),)),
    Case(
        "a direct message that is only a file",
        "gives a hint",
        (direct("", subtype="file_share", files=[{"id": "F1"}]),),
    ),
    Case(
        "a direct message of 40,000 characters",
        "says that the question is too long",
        (direct("How long is it? " * 2_500),),
    ),
    # not asked
    Case("a message in a channel", SILENT, (message("Lunch?"),)),
    Case("a question in a channel that does not mention the bot", SILENT, (message(QUESTION),)),
    Case("a mention of somebody else", SILENT, (message(f"<@{BEN}> {QUESTION}"),)),
    Case("a mention by another bot", SILENT, (mention(QUESTION, bot_id="B0X"),)),
    Case("a message by the bot itself", SILENT, (direct(QUESTION, user=BOT),)),
    Case("a `bot_message`", SILENT, (message(f"<@{BOT}> {QUESTION}", subtype="bot_message"),)),
    Case("a message by Slackbot", SILENT, (direct(QUESTION, user="USLACKBOT"),)),
    Case("somebody joins", SILENT, (message(f"<@{BOT}> has joined", subtype="channel_join"),)),
    Case(
        "a link that Slack unfurls",
        SILENT,
        (edited(mention(QUESTION), f"<@{BOT}> {QUESTION}"),),
        ASKED,
    ),
    Case("a reaction", SILENT, ({"type": "reaction_added", "user": ANA},)),
    Case("an event of an unknown type", SILENT, ({"type": "moon_landing"},)),
    # threads
    Case("a follow-up by the asker", ANSWERS, (reply(WIDTH),), ASKED),
    Case(
        "a follow-up, delivered twice",
        ANSWERS,
        (reply(WIDTH), delivered(reply(WIDTH), **RETRIED)),
        ASKED,
    ),
    Case(
        "a follow-up that is also sent to the channel",
        ANSWERS,
        (reply(WIDTH, subtype="thread_broadcast"),),
        ASKED,
    ),
    Case(
        "a follow-up in a direct message",
        ANSWERS,
        (direct(WIDTH, LATER, thread_ts=ROOT),),
        (direct(QUESTION),),
    ),
    Case("a follow-up after a restart", ANSWERS, (reply(WIDTH),), (*ASKED, restart)),
    Case("a question by somebody else in the thread", ANSWERS, (reply(WIDTH, user=BEN),), ASKED),
    Case(
        "a question by somebody else that the documents do not answer",
        SILENT,
        (reply("Who painted it?", user=BEN),),
        (*ASKED, sets("threshold 1")),
    ),
    Case(
        "a remark by the asker that the documents do not answer",
        SILENT,
        (reply("I will tell the others."),),
        (*ASKED, sets("threshold 1")),
    ),
    Case(
        "a remark by somebody else in the thread",
        SILENT,
        (reply("I will look it up.", user=BEN),),
        ASKED,
    ),
    Case(
        "a question after two people have talked",
        SILENT,
        (reply(WIDTH, LAST),),
        (*ASKED, reply("I know it.", user=BEN)),
    ),
    Case("a reply that mentions a person", SILENT, (reply(f"<@{BEN}> is that right?"),), ASKED),
    Case(
        "a question after a reply to a person",
        SILENT,
        (reply(WIDTH, LAST),),
        (*ASKED, reply(f"<@{BEN}> right?")),
    ),
    Case("*stop* in the thread", SILENT, (reply("Please stop."),), ASKED),
    Case("a mention that says *stop*", SILENT, (mention("stop", LATER, thread_ts=ROOT),), ASKED),
    Case("a question after *stop*", SILENT, (reply(WIDTH, LAST),), (*ASKED, reply("stop"))),
    Case(
        "a question after somebody else said *stop*",
        SILENT,
        (reply(WIDTH, LAST),),
        (*ASKED, reply("stop it, thanks", user=BEN)),
    ),
    Case(
        "a mention after *stop*",
        ANSWERS,
        (mention(WIDTH, LAST, thread_ts=ROOT),),
        (*ASKED, reply("stop")),
    ),
    Case("thanks in the thread", SILENT, (reply("Great, thank you so much!"),), ASKED),
    Case("an emoji in the thread", SILENT, (reply(":tada:"),), ASKED),
    Case("a question after thanks", ANSWERS, (reply(WIDTH, LAST),), (*ASKED, reply("thanks"))),
    Case(
        "a question in the thread a day later", SILENT, (reply(WIDTH, "2000099999.000000"),), ASKED
    ),
    Case("a question in a thread of people", SILENT, (reply(WIDTH),), (message("Look"),)),
    # edits and deletions
    Case("an edited question", "edits its answer", (REWORDED,), ASKED),
    Case(
        "an edited question, delivered twice",
        "edits its answer",
        (REWORDED, delivered(REWORDED, **RETRIED)),
        ASKED,
    ),
    Case(
        "an edited question while Slack refuses edits",
        "deletes its answer, answers in the thread",
        (fails("chat.update", Fault(200, {"ok": False, "error": "edit_window_closed"})), REWORDED),
        ASKED,
    ),
    Case(
        "an edit that does not change the words",
        SILENT,
        (edited(mention(QUESTION), f"<@{BOT}>   {QUESTION}"),),
        ASKED,
    ),
    Case(
        "an edit that mentions the bot for the first time", ANSWERS, (ADDED,), (message(QUESTION),)
    ),
    Case(
        "such an edit, with its `app_mention`",
        ANSWERS,
        (ADDED, mention(QUESTION, edited={"ts": LATER})),
        (message(QUESTION),),
    ),
    Case("an edit of a remark", SILENT, (edited(message("Lunch"), "Lunch!"),), (message("Lunch"),)),
    Case("a deleted question", "deletes its answer", (deleted(mention(QUESTION)),), ASKED),
    Case(
        "a deleted question with replies (`tombstone`)",
        "deletes its answer",
        (tombstone(mention(QUESTION)),),
        ASKED,
    ),
    Case(
        "a deletion, delivered twice",
        "deletes its answer",
        (deleted(mention(QUESTION)), deleted(mention(QUESTION))),
        ASKED,
    ),
    Case(
        "a deleted message that was no question",
        SILENT,
        (deleted(message("Lunch")),),
        (message("Lunch"),),
    ),
    Case(
        "an edit of a deleted question", SILENT, (REWORDED,), (*ASKED, deleted(mention(QUESTION)))
    ),
    Case(
        "a question that is deleted before it is answered",
        SILENT,
        (
            fails("chat.postMessage", Fault(429, headers={"Retry-After": "1"})),
            arrives(mention(QUESTION)),
            was_tried,
            deleted(mention(QUESTION)),
        ),
    ),
    # channels
    Case("`/quoth`", "replies privately", (sets(""),)),
    Case("`/quoth` with something else", "replies privately", (sets("dance"),)),
    Case("a question with auto-answers on", ANSWERS, (message(QUESTION),), AUTO),
    Case(
        "a question below the channel's threshold with auto-answers on",
        SILENT,
        (message(QUESTION),),
        (*AUTO, sets("threshold 1")),
    ),
    Case("a remark with auto-answers on", SILENT, (message("It is long."),), AUTO),
    Case(
        "a question to a person with auto-answers on",
        SILENT,
        (message(f"<@{BEN}> {QUESTION}"),),
        AUTO,
    ),
    Case(
        "a question by a bot with auto-answers on", SILENT, (message(QUESTION, bot_id="B0X"),), AUTO
    ),
    Case(
        "a question after auto-answers were switched off",
        SILENT,
        (message(QUESTION),),
        (*AUTO, sets("auto off")),
    ),
    Case(
        "a question with auto-answers on, after a restart",
        ANSWERS,
        (message(QUESTION),),
        (*AUTO, restart),
    ),
    Case(
        "a mention in a channel that searches other documents only",
        "says that the documents do not say",
        (mention(QUESTION),),
        (sets("tags peas"),),
    ),
    # buttons
    Case("thumbs up", "replies privately", (pressed(blocks.HELPFUL_ACTION),), ASKED),
    Case(
        "thumbs down after thumbs up",
        "replies privately",
        (pressed(blocks.UNHELPFUL_ACTION),),
        (*ASKED, pressed(blocks.HELPFUL_ACTION)),
    ),
    Case("*Show context*", "opens a modal", (pressed(blocks.CONTEXT_ACTION),), ASKED),
    Case(
        "*Show context* when Slack opens no modal",
        "replies privately",
        (
            fails("views.open", Fault(200, {"ok": False, "error": "expired_trigger_id"})),
            pressed(blocks.CONTEXT_ACTION),
        ),
        ASKED,
    ),
    Case(
        "*Nearest passages*",
        "opens a modal",
        (pressed(blocks.NEAREST_ACTION),),
        (sets("threshold 1"), mention("Who painted it?")),
    ),
    Case(
        "*Share*",
        "shares the answer in the channel",
        (pressed(blocks.SHARE_ACTION),),
        (asks(QUESTION),),
    ),
    Case(
        "*Share*, pressed twice",
        "shares the answer in the channel",
        (pressed(blocks.SHARE_ACTION), pressed(blocks.SHARE_ACTION, "2000000021.000001")),
        (asks(QUESTION),),
    ),
    # restarts and faults
    Case(
        "a retry after a restart",
        SILENT,
        (delivered(mention(QUESTION), **RETRIED),),
        (*ASKED, restart),
    ),
    Case(
        "a mention, accepted before a restart and answered after it",
        ANSWERS,
        (fails("chat.postMessage", Fault(503)), arrives(mention(QUESTION)), was_tried, restart),
    ),
    Case(
        "a mention during a rate limit (429)",
        ANSWERS,
        (fails("chat.postMessage", Fault(429, headers={"Retry-After": "1"})), mention(QUESTION)),
    ),
    Case(
        "a mention while Slack fails (500)",
        ANSWERS,
        (fails("chat.postMessage", Fault(500, "<h1>no</h1>")), mention(QUESTION)),
    ),
    Case(
        "a mention whose answer Slack refuses for good",
        SILENT,
        (
            fails("chat.postMessage", Fault(200, {"ok": False, "error": "is_archived"})),
            mention(QUESTION),
        ),
    ),
    Case(
        "`/ask` with an expired `response_url`",
        "answers privately",
        (fails("response", Fault(404, "no_such_hook")), asks(QUESTION)),
    ),
    # requests
    Case(
        "Slack verifies the address",
        "returns the challenge",
        ({"type": "url_verification", "challenge": "3eZbrw1aB"},),
    ),
    Case("a request without a signature", "answers 401", (raw(lambda _body: {}),)),
    Case(
        "a request signed with another secret",
        "answers 401",
        (raw(lambda body: signed(body, secret="0" * 32)),),
    ),
    Case(
        "a request signed six minutes ago",
        "answers 401",
        (raw(lambda body: signed(body, at=time.time() - 360)),),
    ),
    Case("a signed body that is not JSON", "answers 400", (raw(signed, b"{"),)),
    Case("an event without its fields", "answers 400", ({"type": "event_callback"},)),
    Case(
        "an event from another workspace",
        "answers 403",
        (envelope(mention(QUESTION), team="T0OTHER"),),
    ),
)


@pytest.fixture(scope="module")
def lasting(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, passages: PassageReader
) -> Iterator[BotHarness]:
    """One workspace for all cases, each in a channel of its own."""
    folder = tmp_path_factory.mktemp("slack")
    with AnswerService(folder, encoder, passages, writable=True) as service:
        service.collection.put(
            [make_document(OTTER, document_id="otter", title="The Otter Bridge", tags=["bridges"])]
        )
    with asyncio.Runner() as runner:
        harness = BotHarness(folder, encoder, passages, runner)
        harness.enter()
        yield harness
        harness.leave()
        runner.run(harness.slack.stop())


def perform(scene: Scene, steps: Sequence[Step]) -> None:
    for step in steps:
        (step if callable(step) else delivered(step))(scene)
    scene.harness.settle()


def done(scene: Scene, steps: Sequence[Step]) -> str:
    """What the bot does about some steps, in words."""
    slack = scene.harness.slack
    before = {ts: said.edits for ts, said in scene.messages().items()}
    counts = len(slack.deleted), len(slack.views), len(slack.responses), len(slack.whispers)
    scene.statuses.clear()
    scene.bodies.clear()
    perform(scene, steps)
    after = scene.messages()
    does = [f"answers {status}" for status in scene.statuses if status != httpx.codes.OK]
    does += [
        "returns the challenge"
        for body in scene.bodies
        if json.loads(body or "{}").get("challenge")
    ]
    does += [
        "replies privately"
        for body in scene.bodies
        if json.loads(body or "{}").get("response_type")
    ]
    does += ["edits its answer" for ts, said in after.items() if said.edits > before.get(ts, 0)]
    does += ["deletes its answer"] * (len(slack.deleted) - counts[0])
    does += [saying(said) for ts, said in after.items() if ts not in before]
    does += ["opens a modal"] * (len(slack.views) - counts[1])
    private = [*slack.responses[counts[2] :], *slack.whispers[counts[3] :]]
    does += [
        "answers privately" if "Share" in shown(post["blocks"]) else "replies privately"
        for post in private
    ]
    return ", ".join(does) or SILENT


def saying(said: BotMessage) -> str:
    """A new message of the bot in words."""
    if said.text == HINT:
        return "gives a hint"
    if said.text == NO_ANSWER:
        return "says that the documents do not say"
    if "the limit is 1,000" in said.text:
        return "says that the question is too long"
    if said.blocks[0]["type"] == "header":
        return "shares the answer in the channel"
    assert "rich_text" in {block["type"] for block in said.blocks}
    if said.text.startswith(UNSURE):
        return "gives its best guess in the thread, as not certain"
    return ANSWERS if said.thread_ts else "answers in the channel"


@pytest.mark.parametrize(
    ("number", "case"), [pytest.param(*pair, id=pair[1].happens) for pair in enumerate(CASES)]
)
def test_what_the_bot_does(number: int, case: Case, lasting: BotHarness) -> None:
    scene = Scene(lasting, number)
    lasting.answer_always(scene.channel, f"D{number:04}")
    perform(scene, case.before)
    assert done(scene, case.steps) == case.does
    lasting.slack.faults.clear()


def test_the_table_in_the_docs_is_this_table() -> None:
    text = (Path(__file__).parent.parent / "docs" / "slack.md").read_text()
    table = text.split("| event in | what the bot did |\n| --- | --- |\n")[1].split("\n\n")[0]
    assert len(CASES) >= 40
    assert table.splitlines() == [f"| {case.happens} | {case.does} |" for case in CASES]
