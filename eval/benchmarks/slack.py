"""Measures the Slack bot under load: how soon it acknowledges events, and whether it answers each
mention once.

    python -m eval.benchmarks.slack [--mentions 500] [--seconds 10] [--again 0.3]

Starts ``quoth serve`` over the shipped library, and a local stand-in for Slack that accepts
whatever the bot posts. Mentions arrive at an even pace. Questions repeat only once the shipped set
is used up. As with Slack, some mentions arrive more than once: as a retry, and as the ``message``
event that accompanies a mention.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from rich import box
from rich.console import Console
from rich.table import Table
from slack_sdk.signature import SignatureVerifier

from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.serving import environment, serving
from eval.measuring.formulas import percentile
from eval.seed import SEED
from eval.sets.question import read_set
from service.settings import load_settings

ROOT = Path(__file__).parent.parent.parent
SECRET, TEAM, BOT = "8f742231b10e8888abcd990000000fff", "T0QUOTH", "U0BOT"
LIMIT_S = 3.0
"""How long Slack waits for an acknowledgement."""

_PATIENCE_S = 1_800
_RETRY = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """The options of the command line.

    :param again: the share of mentions that is sent again as a retry, and the share that is
        accompanied by its ``message`` event
    """

    mentions: int
    seconds: float
    again: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request from Slack.

    :param at_s: when it is sent, in seconds after the start
    :param headers: besides the signature
    """

    at_s: float
    event: Mapping[str, object]
    headers: Mapping[str, str]


@dataclass(slots=True)
class SlackStandIn:
    """A Slack that accepts whatever it is sent.

    :param answers: how many messages the bot has posted in each thread
    """

    answers: Counter[str] = field(default_factory=Counter)

    async def call(self, request: web.Request) -> web.Response:
        """Answer a call of the Web API."""
        if request.match_info["method"] == "auth.test":
            return web.json_response({"ok": True, "team_id": TEAM, "user_id": BOT})
        thread = str((await request.json())["thread_ts"])
        self.answers[thread] += 1
        return web.json_response({"ok": True, "ts": f"1800000000.{self.answers.total():06}"})


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was measured.

    :param acknowledged_s: for each delivery that was acknowledged, the seconds until then
    :param refused: how many deliveries were not acknowledged
    :param answers: how many messages the bot posted in each thread
    :param all_answered_s: seconds from the first delivery to the last answer
    """

    acknowledged_s: tuple[float, ...]
    refused: int
    answers: Mapping[str, int]
    all_answered_s: float


def main() -> None:
    """Run the benchmark, and print the machine and the table."""
    options = _options()
    settings = load_settings()
    print_machine(this_machine(settings.threads))
    deliveries = draw_deliveries(options)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "library"
        library = ["add", str(ROOT / "corpus" / "library"), "--data", str(folder)]
        own = environment(settings)
        subprocess.run(
            [sys.executable, "-m", "service.cli", *library],
            env=own,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        run = asyncio.run(_run(deliveries, options, folder, own))
    _print(run, deliveries, options)


def draw_deliveries(options: LoadOptions) -> list[Delivery]:
    """The requests from Slack, in order. They are the same in every run."""
    questions = [
        one.text for one in read_set(ROOT / "eval" / "sets" / "known_facts.jsonl").questions
    ]
    chance = random.Random(SEED)
    chance.shuffle(questions)
    deliveries = []
    for number in range(options.mentions):
        at_s = number * options.seconds / options.mentions
        said = {
            "user": "U0ANA",
            "channel": "C0LOAD",
            "ts": f"1700000000.{number:06}",
            "client_msg_id": f"m{number}",
        }
        said["text"] = f"<@{BOT}> {questions[number % len(questions)]}"
        mention = {**said, "type": "app_mention"}
        deliveries.append(Delivery(at_s, mention, {}))
        if chance.random() < options.again:
            deliveries.append(Delivery(at_s + chance.random(), mention, _RETRY))
        if chance.random() < options.again:
            deliveries.append(
                Delivery(at_s, {**said, "type": "message", "channel_type": "channel"}, {})
            )
    return sorted(deliveries, key=lambda delivery: delivery.at_s)


async def _run(
    deliveries: Sequence[Delivery], options: LoadOptions, folder: Path, own: Mapping[str, str]
) -> LoadResult:
    slack = SlackStandIn()
    app = web.Application()
    app.router.add_post("/api/{method}", slack.call)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tokens = {"QUOTH_SLACK_SIGNING_SECRET": SECRET, "QUOTH_SLACK_BOT_TOKEN": "xoxb-load"}
    address = {
        "QUOTH_SLACK_API_URL": f"http://127.0.0.1:{runner.addresses[0][1]}/api/",
        "QUOTH_LOG_LEVEL": "WARNING",
    }
    starting = serving(folder, {**own, **tokens, **address}, folder.parent / "serve.log")
    service = await asyncio.to_thread(starting.__enter__)
    try:
        return await _measured(str(service.client.base_url), deliveries, options.mentions, slack)
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)
        await runner.cleanup()


async def _measured(
    url: str, deliveries: Sequence[Delivery], mentions: int, slack: SlackStandIn
) -> LoadResult:
    # Slack does not wait for one response before the next request. httpx is too slow for that.
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        url, connector=connector, timeout=aiohttp.ClientTimeout(60)
    ) as client:
        started = time.perf_counter()
        taken = await asyncio.gather(
            *(_deliver(client, delivery, started) for delivery in deliveries)
        )
        while len(slack.answers) < mentions and time.perf_counter() - started < _PATIENCE_S:
            await asyncio.sleep(0.1)
        ended = time.perf_counter()
        await asyncio.sleep(2)  # for answers that should not come
    acknowledged = tuple(spent for spent in taken if spent is not None)
    return LoadResult(
        acknowledged, len(taken) - len(acknowledged), dict(slack.answers), ended - started
    )


async def _deliver(
    client: aiohttp.ClientSession, delivery: Delivery, started: float
) -> float | None:
    """Seconds until a delivery was acknowledged, None where it was not."""
    await asyncio.sleep(max(started + delivery.at_s - time.perf_counter(), 0))
    body = json.dumps(
        {"type": "event_callback", "team_id": TEAM, "event": dict(delivery.event)}
    ).encode()
    timestamp = str(int(time.time()))
    verifier = SignatureVerifier(SECRET)
    signed = {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": str(verifier.generate_signature(timestamp=timestamp, body=body)),
    }
    headers = {**delivery.headers, **signed, "Content-Type": "application/json"}
    sent = time.perf_counter()
    try:
        async with client.post("/slack/events", data=body, headers=headers) as answer:
            return time.perf_counter() - sent if answer.ok else None
    except (aiohttp.ClientError, TimeoutError):
        return None


def _print(run: LoadResult, deliveries: Sequence[Delivery], options: LoadOptions) -> None:
    took = [1_000 * spent for spent in run.acknowledged_s]
    late = sum(spent >= LIMIT_S for spent in run.acknowledged_s)
    rows = {
        "mentions": f"{options.mentions} in {options.seconds:g} s",
        "requests, with retries and message events": f"{len(deliveries)}",
        "not acknowledged": f"{run.refused}",
        f"acknowledged after {LIMIT_S:g} s or more": f"{late}",
        "acknowledged after, p50": f"{percentile(took, 50):,.0f} ms",
        "acknowledged after, p99": f"{percentile(took, 99):,.0f} ms",
        "acknowledged after, at most": f"{max(took):,.0f} ms",
        "answered once": f"{sum(count == 1 for count in run.answers.values())}",
        "answered more than once": f"{sum(count > 1 for count in run.answers.values())}",
        "not answered": f"{options.mentions - len(run.answers)}",
        "all answered after": f"{run.all_answered_s:,.1f} s",
    }
    table = Table("figure", "value", box=box.MARKDOWN)
    for name, value in rows.items():
        table.add_row(name, value)
    Console(highlight=False).print(table)


def _options() -> LoadOptions:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mentions", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument(
        "--again", type=float, default=0.3, help="share of mentions that is sent again"
    )
    given = parser.parse_args()
    return LoadOptions(given.mentions, given.seconds, given.again)


if __name__ == "__main__":
    main()
