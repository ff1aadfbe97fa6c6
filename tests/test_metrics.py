"""What Prometheus is told: questions by outcome, stages, and what the index holds."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from corpus.document import Document
from corpus.errors import StoreError
from index.encoding.encoder import Encoder
from service.answering.answer import Answerer
from service.answering.service import AnswerService
from service.reader.passage import PassageReader

Serving = Callable[[AnswerService], AbstractContextManager[str]]
Make = Callable[..., Document]
Samples = dict[tuple[str, str], float]
"""Values by name and label."""


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put(
            [make("bridge", "The bridge is 212 metres long."), make("elm", "The Elm is cold.")]
        )
        yield opened


def read(url: str) -> Samples:
    response = httpx.get(f"{url}/metrics", timeout=60)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, sample.labels.get("outcome") or sample.labels.get("stage", "")): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def ask(url: str, **asked: object) -> httpx.Response:
    body = {"question": "How long is the bridge?", "min_confidence": 0, **asked}
    return httpx.post(f"{url}/v1/ask", json=body, timeout=60)


def test_every_outcome_is_counted(service: AnswerService, serving: Serving) -> None:
    with serving(service) as url:
        before = read(url)
        for asked in (
            {},
            {"min_confidence": 1},
            {"filters": {"tags": ["none"]}},
            {"question": "How high is it?"},
            {"question": "thanks!"},
            {},
        ):
            assert ask(url, **asked).status_code == 200
        after = read(url)
    told = {
        name: after[name] - before[name] for name in after if name[0] == "quoth_questions_total"
    }
    assert {name[1]: value for name, value in told.items() if value} == {
        "answered": 3,
        "low_confidence": 1,
        "filter_excludes_all": 1,
        "small_talk": 1,
    }
    assert {name[1] for name in told} == {
        *(
            "answered",
            "failed",
            "filter_excludes_all",
            "low_confidence",
            "small_talk",
            "no_span",
            "nothing_retrieved",
        )
    }


def test_stages_are_timed_where_something_was_read(
    service: AnswerService, serving: Serving
) -> None:
    with serving(service) as url:
        told = [ask(url).json()["timings_ms"] for _ in range(2)]  # the second is kept
        found = read(url)
    assert set(told[0]) == {"retrieve", "read", "total"}
    for stage, spent_ms in told[0].items():
        assert found["quoth_stage_seconds_count", stage] == 1
        assert found["quoth_stage_seconds_sum", stage] == pytest.approx(spent_ms / 1000, abs=1e-4)


def test_a_question_that_fails_is_counted_as_such(
    service: AnswerService, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object) -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(Answerer, "ask", failing)
    with serving(service) as url:
        assert ask(url).status_code == 503
        assert read(url)["quoth_questions_total", "failed"] == 1


def test_a_refused_question_is_none(service: AnswerService, serving: Serving) -> None:
    with serving(service) as url:
        assert ask(url, question=" ").status_code == 422
        assert {
            value for name, value in read(url).items() if name[0] == "quoth_questions_total"
        } == {0}


def test_what_the_index_holds_is_counted_when_asked_for(
    service: AnswerService, serving: Serving, make: Make
) -> None:
    names = ("quoth_documents", "quoth_chunks", "quoth_generation")
    with serving(service) as url:
        assert [read(url)[name, ""] for name in names] == [2, 2, 1]
        service.collection.put([make("more", "More is known.")])
        service.collection.remove(["bridge", "elm"])
        assert [read(url)[name, ""] for name in names] == [1, 1, 3]


def test_the_process_itself_is_measured(service: AnswerService, serving: Serving) -> None:
    with serving(service) as url:
        assert read(url)["process_resident_memory_bytes", ""] > 1e6
