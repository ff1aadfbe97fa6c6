"""Socket Mode and the check of tokens, against a local stand-in for Slack."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from corpus.document import Document
from corpus.errors import SettingsError
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.http.threads import Threads
from service.reader.passage import PassageReader
from service.settings import Settings, load_settings
from service.slack.app import open_slack_app
from service.slack.check import SCOPES, check_setup
from service.slack.socket_mode import listen, serve_socket
from tests.loopback import (
    APP_TOKEN,
    SECRET,
    TEAM,
    TOKEN,
    Fault,
    Json,
    LoopbackSlack,
    command,
    envelope,
    mention,
    until,
)

QUESTION = "How long is the Otter Bridge?"


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened_runner:
        yield opened_runner


@pytest.fixture
def slack(runner: asyncio.Runner) -> Iterator[LoopbackSlack]:
    made = LoopbackSlack()
    made.url = runner.run(made.start())
    yield made
    runner.run(made.stop())


def settings_of(slack: LoopbackSlack, **given: object) -> Settings:
    tokens = {"slack_bot_token": TOKEN, "slack_app_token": APP_TOKEN, "slack_api_url": slack.url}
    return load_settings(**{**tokens, **given})


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Callable[..., Document]
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened_service:
        opened_service.collection.put([make("otter", "The Otter Bridge is 212 metres long.")])
        yield opened_service


def sent(kind: str, payload: Json, number: int) -> Json:
    return {
        "type": kind,
        "envelope_id": f"e{number}",
        "payload": payload,
        "accepts_response_payload": True,
    }


def test_what_comes_through_a_socket_is_acknowledged_and_answered_once(
    runner: asyncio.Runner, slack: LoopbackSlack, service: AnswerService, tmp_path: Path
) -> None:
    settings = settings_of(slack, data_dir=tmp_path / "data", threads=1)

    async def living() -> None:
        app = open_slack_app(service, settings, Threads(1))
        async with app.running():
            listening = asyncio.create_task(listen(app, APP_TOKEN, slack.url))
            await until(lambda: slack.socket is not None and "auth.test" in slack.calls)
            assert slack.socket is not None
            await asyncio.sleep(0.3)
            await slack.socket.send_json(
                sent("slash_commands", command("/quoth", "threshold 0", slack.hook), 0)
            )
            await until(lambda: slack.acknowledged == ["e0"])
            for number in (1, 2):
                await slack.socket.send_json(
                    sent("events_api", envelope(mention(QUESTION)), number)
                )
            await until(lambda: len(slack.acknowledged) == 3 and bool(slack.messages))
            await asyncio.sleep(0.3)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    runner.run(living())
    assert [said.thread_ts for said in slack.present_messages()] == ["2000000000.000100"]
    assert slack.tokens == {f"Bearer {TOKEN}", f"Bearer {APP_TOKEN}"}


def test_socket_mode_needs_its_token(
    runner: asyncio.Runner, slack: LoopbackSlack, service: AnswerService
) -> None:
    with pytest.raises(SettingsError, match="QUOTH_SLACK_APP_TOKEN"):
        runner.run(
            serve_socket(service, load_settings(slack_bot_token=TOKEN, slack_api_url=slack.url))
        )


def faults(runner: asyncio.Runner, settings: Settings) -> list[str]:
    return [finding.text for finding in runner.run(check_setup(settings)) if finding.fault]


def test_check_finds_nothing_missing_where_nothing_is(
    runner: asyncio.Runner, slack: LoopbackSlack
) -> None:
    findings = runner.run(check_setup(settings_of(slack, slack_signing_secret=SECRET)))
    assert [finding for finding in findings if finding.fault] == []
    text = "\n".join(finding.text for finding in findings)
    assert TEAM in text or "workspace Quoth" in text
    assert not any(secret in text for secret in (TOKEN, APP_TOKEN, SECRET))


@pytest.mark.parametrize("scope", SCOPES)
def test_check_names_a_missing_scope(
    scope: str, runner: asyncio.Runner, slack: LoopbackSlack
) -> None:
    slack.scopes = ",".join(other for other in SCOPES if other != scope)
    (fault,) = faults(runner, settings_of(slack))
    assert fault.startswith(f"scope {scope} is missing")


def test_check_names_every_missing_token(runner: asyncio.Runner, slack: LoopbackSlack) -> None:
    found = faults(runner, settings_of(slack, slack_bot_token=None, slack_app_token=None))
    assert found[0].startswith("QUOTH_SLACK_BOT_TOKEN is missing")
    assert found[1].startswith("Slack has no way to reach Quoth")
    assert len(found) == 2


def test_check_says_what_slack_does_not_take(runner: asyncio.Runner, slack: LoopbackSlack) -> None:
    refusal = Fault(200, {"ok": False, "error": "invalid_auth"})
    slack.fail("auth.test", refusal)
    slack.fail("apps.connections.open", refusal)
    found = faults(runner, settings_of(slack, slack_signing_secret="short"))
    assert [("invalid_auth" in fault, fault.split(":")[0].split(" ")[0]) for fault in found] == [
        (True, "QUOTH_SLACK_BOT_TOKEN"),
        (False, "QUOTH_SLACK_SIGNING_SECRET"),
        (True, "QUOTH_SLACK_APP_TOKEN"),
    ]


def test_check_tells_tokens_apart(runner: asyncio.Runner, slack: LoopbackSlack) -> None:
    found = faults(runner, settings_of(slack, slack_bot_token=APP_TOKEN, slack_app_token=TOKEN))
    assert ["is not a bot token" in found[0], "is not an app-level token" in found[1]] == [
        True,
        True,
    ]


@pytest.mark.processes
def test_the_command_ends_with_1_where_something_is_missing(
    slack: LoopbackSlack, runner: asyncio.Runner
) -> None:
    own = {
        "QUOTH_SLACK_BOT_TOKEN": TOKEN,
        "QUOTH_SLACK_APP_TOKEN": APP_TOKEN,
        "QUOTH_SLACK_API_URL": slack.url,
    }

    async def checked(given: dict[str, str]) -> tuple[int | None, str]:
        command_line = [sys.executable, "-m", "service.cli", "slack", "check"]
        running = await asyncio.create_subprocess_exec(
            *command_line, env={**os.environ, **given}, stdout=asyncio.subprocess.PIPE
        )
        written, _ = await running.communicate()
        return running.returncode, written.decode()

    status, found = runner.run(checked(own))
    assert (status, "missing  " in found) == (0, False)
    status, found = runner.run(checked({**own, "QUOTH_SLACK_SIGNING_SECRET": "short"}))
    assert (status, "missing  QUOTH_SLACK_SIGNING_SECRET" in found) == (1, True)


def test_the_manifest_in_the_docs_asks_for_what_is_needed_and_for_no_more() -> None:
    text = (Path(__file__).parent.parent / "docs" / "slack.md").read_text()
    manifest = yaml.safe_load(text.split("and paste\n")[1].split("   with your own")[0])
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(SCOPES)
    assert [scope for scope in SCOPES if f"`{scope}`" not in text] == []
    assert [command["command"] for command in manifest["features"]["slash_commands"]] == [
        "/ask",
        "/quoth",
    ]
    kinds = {"app_mention", "message.channels", "message.groups", "message.im", "message.mpim"}
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == kinds
