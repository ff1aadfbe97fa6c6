"""After kill -9 at any moment, the next process answers what was acknowledged, once."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from corpus.document import Document
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.reader.passage import PassageReader
from tests.loopback import (
    CHANNEL,
    SECRET,
    TOKEN,
    LoopbackSlack,
    command,
    deliver,
    envelope,
    mention,
    until,
)
from tests.slack_harness import OTTER, QUESTION

pytestmark = pytest.mark.processes

ROUNDS = 4
MENTIONS = 12

# The service as quoth serve runs it, with toys for models; it prints its port when it is ready.
SCRIPT = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import uvicorn
from conftest import ToyEncoder, ToyPassageReader
from service.http.app import create_app
from service.answering.service import AnswerService
from service.settings import load_settings
async def main():
    settings = load_settings(data_dir=Path(sys.argv[1]), threads=2, port=0)
    toys = ToyEncoder(), ToyPassageReader()
    with AnswerService(settings.data_dir, *toys, writable=True) as service:
        app = create_app(service, settings)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        await serving
asyncio.run(main())
"""


def started(folder: Path, slack_url: str) -> tuple[subprocess.Popen[str], int]:
    """A running service and its port."""
    given = {"BOT_TOKEN": TOKEN, "SIGNING_SECRET": SECRET, "API_URL": slack_url}
    environment = {**os.environ, **{f"QUOTH_SLACK_{name}": value for name, value in given.items()}}
    command_line = [sys.executable, "-c", SCRIPT, str(folder)]
    running = subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True, env=environment)
    assert running.stdout is not None
    return running, int(running.stdout.readline())


def stopped(running: subprocess.Popen[str], how: signal.Signals) -> None:
    """End a service."""
    running.send_signal(how)
    running.communicate(timeout=60)


async def acknowledged_before_the_kill(
    running: subprocess.Popen[str], port: int, first: int, chance: random.Random
) -> set[str]:
    """The time stamps of the mentions that a service had taken when it was killed in their
    midst.
    """
    taken: set[str] = set()

    async def telling(client: httpx.AsyncClient) -> None:
        for number in range(first, first + MENTIONS):
            ts = f"2000000000.{number:06}"
            try:
                answer = await deliver(client, envelope(mention(QUESTION, ts)))
            except httpx.TransportError:
                return
            taken.update({ts} if answer.status_code == 200 else ())

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        tasks = asyncio.create_task(telling(client))
        enough = chance.randint(1, MENTIONS - 2)
        await until(lambda: len(taken) >= enough)
        await asyncio.sleep(chance.uniform(0, 0.3))
        stopped(running, signal.SIGKILL)
        await tasks
    return taken


async def settings_of_the_channel(port: int, hook: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        answer = await deliver(client, command("/quoth", "threshold 0", hook))
        assert "confidence of 0" in json.loads(answer.text)["text"]


def test_what_was_taken_before_a_kill_is_answered_after_it_once(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Callable[..., Document]
) -> None:
    folder = tmp_path / "data"
    with AnswerService(folder, encoder, passages, writable=True) as service:
        service.collection.put([make("otter", OTTER)])
    chance = random.Random()  # the moments differ from run to run whatever is drawn here

    async def killing() -> tuple[LoopbackSlack, set[str]]:
        slack, taken = LoopbackSlack(), set[str]()
        url = await slack.start()
        slack.slow_s = 0.05  # between taking a message and saying so: the kill may fall there
        for number in range(ROUNDS):
            running, port = await asyncio.to_thread(started, folder, url)
            if number == 0:
                await settings_of_the_channel(port, slack.hook)
            taken |= await acknowledged_before_the_kill(running, port, number * MENTIONS, chance)
        running, port = await asyncio.to_thread(started, folder, url)
        await until(lambda: {said.thread_ts for said in slack.present_messages()} >= taken, 60)
        await asyncio.to_thread(stopped, running, signal.SIGTERM)
        await slack.stop()
        return slack, taken

    slack, taken = asyncio.run(killing())
    answered = [said.thread_ts for said in slack.present_messages() if said.channel == CHANNEL]
    assert len(taken) >= ROUNDS
    assert len(answered) == len(set(answered))
    assert set(answered) >= taken
