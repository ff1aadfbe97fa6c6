"""OpenAI's responses, asked for by OpenAI's own client from a running service."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response, ResponseOutputMessage, ResponseOutputText

from corpus.document import make_document
from corpus.errors import StoreError
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.answering.wording import GREETING
from service.reader.passage import PassageReader

QUESTION = "How long is the Otter Bridge?"
ANYWAY = {"quoth": {"min_confidence": 0}}

Serving = Callable[[AnswerService], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, passages: PassageReader
) -> Iterator[AnswerService]:
    folder = tmp_path_factory.mktemp("responses") / "data"
    with AnswerService(folder, encoder, passages, writable=True) as opened:
        text = "The Otter Bridge was opened on 4 May 1931. It is 212 metres long."
        opened.collection.put([make_document(text, document_id="bridge", title="The Otter Bridge")])
        yield opened


@pytest.fixture(scope="module")
def url(service: AnswerService, serving: Serving) -> Iterator[str]:
    with serving(service) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=60) as made:
        yield made


def respond(client: openai.OpenAI, **asked: Any) -> Response:
    given = {"model": "quoth", "input": QUESTION, "extra_body": ANYWAY, **asked}
    response: Response = client.responses.create(**given)
    return response


def text_of(response: Response) -> ResponseOutputText:
    (message,) = response.output
    assert isinstance(message, ResponseOutputMessage)
    (part,) = message.content
    assert isinstance(part, ResponseOutputText)
    return part


def test_a_response_says_what_a_completion_says(client: openai.OpenAI, url: str) -> None:
    response = respond(client)
    completion = client.chat.completions.create(
        model="quoth", messages=[{"role": "user", "content": QUESTION}], extra_body=ANYWAY
    )
    message = completion.choices[0].message
    assert (response.status, response.model, response.error) == ("completed", "quoth", None)
    assert response.output_text == message.content
    cited = [each.url_citation.to_dict() for each in message.annotations or []]
    assert cited
    assert [each.to_dict() for each in text_of(response).annotations] == [
        {"type": "url_citation", **each} for each in cited
    ]
    asked = {"question": QUESTION, "min_confidence": 0}
    record = httpx.post(f"{url}/v1/ask", json=asked, timeout=60).json()
    assert response.to_dict()["quoth"] == record
    assert response.usage is not None
    assert completion.usage is not None
    assert response.usage.total_tokens == completion.usage.total_tokens


def test_the_input_may_be_a_conversation(client: openai.OpenAI) -> None:
    response = respond(
        client,
        input=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": QUESTION},
            *[each.to_dict() for each in respond(client).output],
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"role": "user", "content": [{"type": "input_text", "text": "When was it opened?"}]},
        ],
    )
    record: Any = response.to_dict()["quoth"]
    assert record["question"] == "When was it opened?"
    assert record["resolved_question"] == "When was the Otter Bridge opened?"


def test_a_stream_is_the_response_in_events(client: openai.OpenAI) -> None:
    whole = respond(client)
    with client.responses.stream(model="quoth", input=QUESTION, extra_body=ANYWAY) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == whole.output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert "response.output_text.annotation.added" in kinds
    # OpenAI's client keeps fields that it does not know.
    assert final.to_dict()["quoth"] == whole.to_dict()["quoth"]
    assert text_of(final).annotations == text_of(whole).annotations


def test_what_steers_a_language_model_is_ignored(client: openai.OpenAI) -> None:
    steered = respond(
        client,
        instructions="You are a pirate.",
        temperature=1,
        max_output_tokens=1,
        reasoning={"effort": "high"},
        text={"format": {"type": "json_object"}},
        tools=[{"type": "web_search"}],
        store=True,
        truncation="auto",
    )
    assert steered.output_text == respond(client).output_text


def test_small_talk_gets_a_reply(client: openai.OpenAI) -> None:
    assert respond(client, input="Hello!").output_text == GREETING


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"input": " "}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"stream": "yes"}, "stream"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"extra_body": {"quoth": {"top": 1}}}, "quoth.top"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_as_openai_refuses_it(
    asked: dict[str, Any], param: str, client: openai.OpenAI
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        respond(client, **asked)
    assert (refused.value.param, refused.value.type) == (param, "invalid_request_error")
    assert refused.value.message


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        respond(client, model="gpt-5")
    assert refused.value.code == "model_not_found"


def test_a_stream_that_fails_ends_with_an_error_of_the_client(
    service: AnswerService, url: str, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_question: object, watch: Callable[[object], None]) -> None:
        watch(None)
        raise StoreError("the disk is gone")

    monkeypatch.setattr(service, "ask", failing)
    with pytest.raises(openai.APIError, match="the disk is gone"):
        list(client.responses.create(model="quoth", input=QUESTION, stream=True))
    body = {"model": "quoth", "input": QUESTION, "stream": True}
    streamed = httpx.post(f"{url}/v1/responses", json=body, timeout=60).text
    name, _, data = streamed.strip().split("\n\n")[-1].partition("\n")
    failed = json.loads(data.removeprefix("data: "))
    assert (name, failed["type"], failed["message"]) == (
        "event: error",
        "error",
        "the disk is gone",
    )
