"""Server-sent events of /v1/ask: the passages, then the answer; and no work for a client that has
left.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from corpus.document import Document
from corpus.errors import StoreError
from index.encoding.encoder import Encoder
from index.filters import Scope
from index.search.searcher import SearchResult
from index.text.view import View
from service.answering.answer import Answerer
from service.answering.service import AnswerService
from service.question import Question
from service.reader.fitted import load_fitted
from service.reader.passage import PassageReader, Reading
from service.reader.reader import ROUND, SpanReader
from service.reader.span import Findings, Watch, unwatched

STREAM = {"Accept": "text/event-stream"}
QUESTION = {"question": "How long is the bridge?", "min_confidence": 0}
ROUND_S = 0.2

Json = dict[str, Any]  # what json gives
Serving = Callable[[AnswerService], AbstractContextManager[str]]
Make = Callable[..., Document]


class Slow:
    """Finds nothing, and takes its time."""

    digest = "0" * 64

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_read = threading.Event()
        self.may_read.set()

    @property
    def rounds(self) -> int:
        """How often it was asked."""
        return len(self.asked)

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """No spans, after a while."""
        self.asked.append(question)
        assert self.may_read.wait(60)
        time.sleep(ROUND_S)
        return [Reading((), 0.0, 0.0) for _ in passages]


class Failing(SpanReader):
    """A reader that fails when it has told of the passages."""

    failure: Exception = StoreError("the disk is gone")

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """Nothing, ever."""
        del question
        watch(result)
        raise self.failure


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put(
            [make("bridge", "The bridge is 212 metres long."), make("elm", "The Elm is cold.")]
        )
        yield opened


def events(response: httpx.Response) -> list[tuple[str, Json]]:
    """Names and contents of what was streamed."""
    found = []
    for block in response.text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    assert response.text.endswith("\n\n")
    return found


def ask(url: str, headers: dict[str, str] = STREAM, **asked: object) -> httpx.Response:
    return httpx.post(f"{url}/v1/ask", json={**QUESTION, **asked}, headers=headers, timeout=60)


def test_the_passages_come_first_and_then_the_answer(
    service: AnswerService, serving: Serving
) -> None:
    with serving(service) as url:
        streamed, plain = ask(url), ask(url, {})
    assert (streamed.status_code, streamed.headers["content-type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )
    assert streamed.headers["cache-control"] == "no-store"
    (first, passages), (second, answer) = events(streamed)
    assert (first, second) == ("passages", "answer")
    assert answer == plain.json()
    # Which sentence is best is known only when the passages have been read.
    found = [{**passage} for passage in answer["passages"]]
    assert all(passage.pop("best_sentence") for passage in found)
    assert passages == {"passages": found, "generation": 1}
    assert answer["answered"]


def test_the_answer_of_a_stream_is_kept_byte_for_byte(
    service: AnswerService, serving: Serving
) -> None:
    with serving(service) as url:
        streamed = ask(url)
        kept = httpx.get(f"{url}/v1/answers/{events(streamed)[1][1]['id']}", timeout=60)
    assert streamed.text.endswith(f"event: answer\ndata: {kept.text}\n\n")


def test_a_kept_answer_is_streamed_like_a_new_one(service: AnswerService, serving: Serving) -> None:
    with serving(service) as url:
        assert ask(url).text == ask(url).text


def test_without_passages_the_stream_says_so(service: AnswerService, serving: Serving) -> None:
    with serving(service) as url:
        streamed = events(ask(url, filters={"tags": ["none"]}))
    assert streamed[0] == ("passages", {"passages": [], "generation": 1})
    assert streamed[1][1]["reason"] == "filter_excludes_all"


def test_the_header_may_name_other_kinds_too(service: AnswerService, serving: Serving) -> None:
    with serving(service) as url:
        assert len(events(ask(url, {"Accept": "application/json;q=0.5, Text/Event-Stream"}))) == 2
        assert ask(url, {"Accept": "*/*"}).headers["content-type"] == "application/json"


def test_a_bad_question_is_a_problem_and_no_stream(
    service: AnswerService, serving: Serving
) -> None:
    with serving(service) as url:
        refused = ask(url, question=" ")
    assert (refused.status_code, refused.headers["content-type"]) == (
        422,
        "application/problem+json",
    )


def test_what_fails_before_the_first_event_has_its_own_status(
    service: AnswerService, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(_question: Question, _watch: Watch, _scope: Scope) -> bytes:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(service, "ask", refusing)
    with serving(service) as url:
        failed = ask(url)
    assert (failed.status_code, failed.headers["content-type"]) == (503, "application/problem+json")


@pytest.mark.parametrize(
    ("failure", "status", "detail"),
    [
        (StoreError("the disk is gone"), HTTPStatus.SERVICE_UNAVAILABLE, "the disk is gone"),
        (
            ZeroDivisionError("secret"),
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "something is wrong in Quoth itself",
        ),
    ],
)
def test_what_fails_after_the_passages_is_an_event(
    failure: Exception, status: int, detail: str, service: AnswerService, serving: Serving
) -> None:
    service.answerer = failing(service, failure)
    with serving(service) as url:
        (first, _), (second, problem) = events(ask(url))
    assert (first, second) == ("passages", "error")
    assert problem["status"] == status
    assert problem["detail"].startswith(detail)


def failing(service: AnswerService, failure: Exception) -> Answerer:
    fitted, collection = load_fitted(), service.collection
    reader = Failing(service.passages, fitted.ranking)
    reader.failure = failure
    return Answerer(
        collection.store,
        collection.searcher,
        reader,
        calibrations=fitted.calibrations,
        evidence_threshold=fitted.evidence_threshold,
    )


# -- a client that leaves


@pytest.fixture
def slow(tmp_path: Path, encoder: Encoder, make: Make) -> Iterator[tuple[AnswerService, Slow]]:
    """A service that needs many rounds for fifty passages."""
    reader = Slow()
    with AnswerService(tmp_path / "slow", encoder, reader, writable=True) as opened:
        opened.collection.put(
            [make(f"note-{number}", f"A bridge, note {number}.") for number in range(60)]
        )
        yield opened, reader


def test_a_stream_that_is_cut_stops_the_work(
    slow: tuple[AnswerService, Slow], serving: Serving
) -> None:
    service, reader = slow
    outcomes: list[str] = []
    service.observers.append(lambda outcome, _timings: outcomes.append(outcome))
    with serving(service) as url:
        asked = {**QUESTION, "top_k": 50}
        with httpx.stream(
            "POST", f"{url}/v1/ask", json=asked, headers=STREAM, timeout=60
        ) as response:
            assert next(response.iter_lines()) == "event: passages"
        time.sleep(8 * ROUND_S)
        assert reader.rounds <= 4
        time.sleep(3 * ROUND_S)
        assert (reader.rounds <= 4, outcomes) == (True, [])
        assert service.collection.store.counts()["answers"] == 0
        assert ask(url, top_k=1).status_code == 200
    assert outcomes == ["no_span"]


def test_a_stream_that_is_not_cut_reads_all_rounds(
    slow: tuple[AnswerService, Slow], serving: Serving
) -> None:
    service, reader = slow
    with serving(service) as url:
        assert len(events(ask(url, top_k=50))[1][1]["passages"]) == 50
    assert reader.rounds == 50 / ROUND


def test_work_that_waits_for_a_thread_is_not_begun_for_a_client_that_has_left(
    slow: tuple[AnswerService, Slow], serving: Serving
) -> None:
    service, reader = slow
    reader.may_read.clear()
    with serving(service) as url, ExitStack() as streams:  # which serves two at a time
        for which in ("first", "second"):
            asked = {"question": f"Which bridge is {which}?", "top_k": 50}
            sent = httpx.stream("POST", f"{url}/v1/ask", json=asked, headers=STREAM, timeout=60)
            next(streams.enter_context(sent).iter_lines())
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{url}/v1/ask",
                json={"question": "Which is third?"},
                headers=STREAM,
                timeout=ROUND_S,
            )
        time.sleep(ROUND_S)
        reader.may_read.set()
        streams.close()
        assert ask(url, question="Which is last?").status_code == 200
    assert set(reader.asked) == {
        "Which bridge is first?",
        "Which bridge is second?",
        "Which is last?",
    }
