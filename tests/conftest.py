"""Toys that tests share: an encoder worked out by hand, and data folders that are closed when a
test ends.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

# Before numpy: the matrices of tests are small, and threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest
import uvicorn

from corpus.document import Document, make_document
from index.collection import Collection
from index.encoding.encoder import Encoder, load_encoder
from index.encoding.identity import EncoderIdentity
from index.encoding.vectors import Vectors
from index.store.store import Store
from index.text.chunk import ChunkSettings
from index.text.sentences import sentence_at
from index.text.view import View
from service.answering.service import AnswerService
from service.answering.storage import APPLICATION_DATA
from service.http.app import create_app
from service.reader.factory import load_passage_reader
from service.reader.fitted import Calibration, IndexCalibration, Linear
from service.reader.form import AnswerForm
from service.reader.passage import PassageReader, PassageSpan, Reading
from service.settings import Settings, load_settings

if TYPE_CHECKING:
    from tests.slack_harness import BotHarness

# No deadline: a busy machine is not a failure.
hypothesis.settings.register_profile("quoth", deadline=None)
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.load_profile("quoth")

DIMENSION = 64


class ToyEncoder:
    """Counts words: each adds 1 in the bucket that its CRC-32 names, and the whole is scaled to
    length 1.

    Texts that share words are near each other. A token is a run of characters without white space.
    """

    def __init__(self, dimension: int = DIMENSION, name: str = "toy") -> None:
        self.identity = EncoderIdentity(name, "0" * 64, "counted-words", dimension)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1; a text without words is the first axis."""
        vectors = np.zeros((len(texts), self.identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            words = re.findall(r"\w+", text.lower())
            for word in words:
                vectors[row, zlib.crc32(word.encode()) % self.identity.dimension] += 1
            if not words:
                vectors[row, 0] = 1
        return np.asarray(
            vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32
        )

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Runs of characters without white space."""
        return [[match.span() for match in re.finditer(r"\S+", text)] for text in texts]


class ToyPassageReader:
    """Marks numbers and capitalised words that the question does not name; the more of its words
    around, the surer.
    """

    digest = "0" * 64

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """The four surest places of each passage."""
        asked = set(re.findall(r"\w+", question.casefold()))
        return [self._reading(asked, view) for view in passages]

    def _reading(self, asked: set[str], view: View) -> Reading:
        passage = view.text
        spans = [
            PassageSpan(*match.span(), self._score(asked, passage, match), 4.0)
            for match in re.finditer(r"\d[\d.,]*|\b[^\W\d_a-z]\w*|[^\w\s.,]+", passage)
            if match[0].casefold() not in asked and view.part_at(match.start())
        ]
        best = sorted(spans, key=lambda span: (-span.score, span.start))[:4]
        mass = float(np.logaddexp.reduce([-20.0, *(span.margin / 2 for span in best)]))
        return Reading(tuple(best), mass, mass)

    def _score(self, asked: set[str], passage: str, match: re.Match[str]) -> float:
        start, end = sentence_at(passage, *match.span())
        shared = asked & set(re.findall(r"\w+", passage[start:end].casefold()))
        return 3.0 * len(shared) + match[0][0].isdigit()


# What a test needs beyond this process shows in its fixtures, or is marked by hand.
MARKS = {
    "real_encoder": pytest.mark.models,
    "real_passages": pytest.mark.models,
    "browser": pytest.mark.browser,
    "serving": pytest.mark.processes,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the fixtures that it uses."""
    for item in items:
        for fixture in MARKS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKS[fixture])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let only marked tests start processes, so that the fast suite stays fast."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("mark this test with pytest.mark.processes: it starts a process")

    with pytest.MonkeyPatch.context() as patch:
        if not any(item.iter_markers("processes")) and not any(item.iter_markers("browser")):
            patch.setattr(subprocess.Popen, "__init__", refuse)
            patch.setattr(BaseProcess, "start", refuse)
        return (yield)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The toy encoder."""
    return ToyEncoder()


@pytest.fixture(scope="session")
def toy_encoder() -> Callable[..., Encoder]:
    """Makes toy encoders: ``toy_encoder(dimension=..., name=...)``."""
    return ToyEncoder


@pytest.fixture(scope="session")
def real_encoder() -> Encoder:
    """The default encoder, as the service loads it."""
    settings = load_settings()
    return load_encoder(settings.encoder, settings.models_dir, settings.threads)


@pytest.fixture(scope="session")
def passages() -> PassageReader:
    """The toy reader of passages."""
    return ToyPassageReader()


@pytest.fixture(scope="session")
def real_passages() -> PassageReader:
    """The default reader of passages, as the service loads it."""
    settings = load_settings()
    return load_passage_reader(settings.reader, settings.threads)


@pytest.fixture
def open_collection(tmp_path: Path, encoder: Encoder) -> Iterator[Callable[..., Collection]]:
    """Opens ``tmp_path / "data"`` (or the folder given) for writing, as often as asked; all are
    closed at the end.
    """
    opened: list[Collection] = []

    def opening(
        folder: Path = tmp_path / "data",
        *,
        writable: bool = True,
        encoder: Encoder = encoder,
        settings: ChunkSettings | None = None,
    ) -> Collection:
        opened.append(
            Collection(
                folder,
                encoder,
                writable=writable,
                settings=settings,
                application=APPLICATION_DATA,
            )
        )
        return opened[-1]

    yield opening
    for collection in opened:
        collection.close()


@pytest.fixture(scope="session")
def otter_index(
    tmp_path_factory: pytest.TempPathFactory,
    encoder: Encoder,
    passages: PassageReader,
    make: Callable[..., Document],
) -> Path:
    """A data folder with one document, to be copied: building it takes longer."""
    from tests.slack_harness import OTTER

    folder = tmp_path_factory.mktemp("otter") / "data"
    with AnswerService(folder, encoder, passages, writable=True) as service:
        published = date(2020, 2, 3)
        service.collection.put(
            [make("otter", OTTER, title="The Otter Bridge", published=published, tags=["bridges"])]
        )
    return folder


@pytest.fixture
def stopped_bot(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, otter_index: Path
) -> Iterator["BotHarness"]:
    """A Slack workspace whose bot has not been started, over an index of one document."""
    # Here, because tests of a killed process import this file by itself.
    from tests.slack_harness import BotHarness

    folder = shutil.copytree(otter_index, tmp_path / "data")
    with asyncio.Runner() as runner:
        harness = BotHarness(folder, encoder, passages, runner)
        yield harness
        harness.leave()
        runner.run(harness.slack.stop())


@pytest.fixture
def harness(stopped_bot: "BotHarness") -> "BotHarness":
    """A Slack workspace whose bot answers with the best span, however doubtful."""
    from tests.loopback import CHANNEL, DIRECT

    stopped_bot.enter()
    stopped_bot.answer_always(CHANNEL, DIRECT)
    return stopped_bot


@pytest.fixture(scope="session")
def answering(encoder: Encoder, passages: PassageReader) -> Callable[..., Path]:
    """Makes an index of the toys in a folder, where an answer is the surer the more of the question
    stands around it.

    ``answering(folder, threshold)``: answers are given from this confidence on.
    """

    def making(folder: Path, threshold: float = 0.0) -> Path:
        weights = {"near_words": 10.0, "names": 8.0, "lead": 0.2}
        own = IndexCalibration(
            reader=passages.digest,
            encoder=encoder.identity.as_dict(),
            calibrations=dict.fromkeys(AnswerForm, Calibration(Linear(weights, -14.0), threshold)),
            report={},
        )
        store = Store(folder)
        store.set_calibration(own.as_dict())
        store.close()
        return folder

    return making


@pytest.fixture(scope="session")
def serving() -> Callable[[AnswerService], AbstractContextManager[str]]:
    """Serves a service through a socket while a block lasts: ``with serving(service) as url``."""

    @contextmanager
    def running(service: AnswerService) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            settings = Settings(threads=2, max_body_mb=0.1, port=listening.getsockname()[1])
            config = uvicorn.Config(create_app(service, settings), log_config=None)
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            try:
                while not server.started and thread.is_alive():
                    time.sleep(0.01)
                yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join()

    return running


@pytest.fixture(scope="session")
def make() -> Callable[..., Document]:
    """Makes a document from its id and text: ``make("gas", "The line carries 38 bcm.",
    tags=["energy"])``.
    """

    def making(id: str, text: str | None = None, **fields: object) -> Document:
        text = text or f"This is what document {id} says."
        return make_document(text, document_id=id, **fields)  # type: ignore[arg-type]  # any field

    return making
