"""The sample library: its documents have dates and tags, and answer questions."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

import httpx
import pytest

from corpus.document import Document
from corpus.load import find_files, read_document
from index.encoding.encoder import Encoder
from index.filters import Filters
from service.answering.service import AnswerService
from service.http.app import create_app
from service.question import make_question
from service.reader.passage import PassageReader
from service.settings import Settings

LIBRARY = Path(__file__).parent.parent / "corpus" / "library"
LIMIT = 1_000_000

QUESTIONS = [
    ("How much gas is the pipeline designed to carry?", "38 billion cubic metres"),
    ("How long is the Power of Siberia pipeline?", "3,000 kilometres"),
    ("Where is the Chinese prime minister's meeting with Mishustin held?", "Hangzhou"),
    ("What price does China want to pay per thousand cubic metres of gas?", "100 dollars"),
    ("How far did China's exports to Russia fall in September 2025?", "21 per cent"),
    ("How much was trade between China and Russia worth in 2024?", "1.74 trillion yuan"),
    ("Which country became the largest supplier of peas to China?", "Russia"),
    ("To what volume was the Far Eastern Route raised?", "12"),
    ("Since when have China and Russia held joint naval patrols?", "since 2021"),
    ("Which oil companies did the United States impose sanctions on?", "Rosneft and Lukoil"),
    ("Who led the joint commission in Ningbo?", "Chernyshenko"),
    ("For how many years does the gas supply contract run?", "30 years"),
    ("What did Mongolia agree to lower?", "transit fees"),
]


def documents() -> list[Document]:
    return [
        read_document(file.path, document_id=file.document_id, max_bytes=LIMIT)
        for file in find_files([LIBRARY])
    ]


@pytest.fixture(scope="module")
def service(
    real_encoder: Encoder, real_passages: PassageReader, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AnswerService]:
    with AnswerService(
        tmp_path_factory.mktemp("library"), real_encoder, real_passages, writable=True
    ) as opened:
        opened.collection.put(documents())
        yield opened


@pytest.fixture(scope="module")
def get(service: AnswerService) -> Iterator[Callable[[str], Any]]:
    """A function that returns the JSON at a path of the service."""
    transport = httpx.ASGITransport(create_app(service, Settings(threads=2)))

    async def getting(path: str) -> Any:  # what json gives
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            response = await client.get(path)
        assert response.status_code == 200
        return response.json()

    with asyncio.Runner() as runner:
        yield lambda path: runner.run(getting(path))


def test_the_library_has_at_least_fifteen_documents_each_dated_tagged_and_titled() -> None:
    found = documents()
    assert len(found) >= 15
    assert len({document.id for document in found}) == len(found)
    assert [document.id for document in found if document.published is None] == []
    assert [document.id for document in found if not document.tags] == []
    assert [
        document.id for document in found if not document.title or document.title == document.id
    ] == []


def test_every_file_of_the_library_is_one_of_its_documents() -> None:
    assert len(documents()) == sum(path.is_file() for path in LIBRARY.iterdir())


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_the_cited_sentence_contains_the_answer(
    question: str, answer: str, service: AnswerService
) -> None:
    found = json.loads(service.ask(make_question(question, min_confidence=0)).body)
    assert answer in found["citations"][0]["sentence"]["text"]


def test_every_citation_is_exact_through_the_api(
    service: AnswerService, get: Callable[[str], Any]
) -> None:
    cited = []
    for question, _ in QUESTIONS:
        found = json.loads(service.ask(make_question(question, min_confidence=0)).body)
        cited += [
            citation for said in (found, *found["alternatives"]) for citation in said["citations"]
        ]
    assert len(cited) > 2 * len(QUESTIONS)
    for citation in cited:
        encoded = percent_encoded(citation["document_id"], safe="")
        path = f"/v1/documents/{encoded}?version={citation['version']}"
        text, sentence = get(path)["text"], citation["sentence"]
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
        assert citation["published"] is not None


def test_no_quote_is_a_heading_or_front_matter(service: AnswerService) -> None:
    for question, _ in QUESTIONS:
        found = json.loads(service.ask(make_question(question, min_confidence=0)).body)
        assert not found["answer"]["text"].startswith(("#", "---"))


@pytest.mark.parametrize("tag", ["gas", "trade"])
def test_a_tag_narrows_the_question_to_its_documents(
    tag: str, service: AnswerService, get: Callable[[str], Any]
) -> None:
    listed = get("/v1/documents?limit=1000")["documents"]
    tagged = {document["id"] for document in listed if tag in document["tags"]}
    asked = make_question("How much?", min_confidence=0, filters=Filters(tags=(tag,)))
    shown = {passage["document_id"] for passage in json.loads(service.ask(asked).body)["passages"]}
    assert shown <= tagged
    assert shown
