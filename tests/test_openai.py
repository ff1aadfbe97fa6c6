"""OpenAI's own client against a running service: answers, streams, and refusals as its errors."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from corpus.document import make_document
from corpus.errors import StoreError
from index.encoding.encoder import Encoder
from index.search.searcher import SearchResult
from service.answering.answer import Answerer
from service.answering.service import AnswerService
from service.answering.wording import GREETING, NO_ANSWER, UNSURE
from service.http.completion_message import answer_in
from service.question import Question
from service.reader.fitted import load_fitted
from service.reader.passage import PassageReader
from service.reader.reader import SpanReader
from service.reader.span import Findings, Watch, unwatched

SENTENCE = "It is 212 metres long."
QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "How long is the Otter Bridge?"}
]
ANYWAY = {"quoth": {"min_confidence": 0}}

Json = dict[str, Any]  # what json gives
Serving = Callable[[AnswerService], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, passages: PassageReader
) -> Iterator[AnswerService]:
    with AnswerService(
        tmp_path_factory.mktemp("openai") / "data", encoder, passages, writable=True
    ) as opened:
        bridge = make_document(
            f"The Otter Bridge was opened on 4 May 1931. {SENTENCE}",
            document_id="otter bridge",
            title="The Otter Bridge",
        )
        elm = make_document("The river Elm is cold.", document_id="elm", tags=["water"])
        opened.collection.put([bridge, elm])
        yield opened


@pytest.fixture(scope="module")
def url(service: AnswerService, serving: Serving) -> Iterator[str]:
    with serving(service) as address:
        yield address


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=60) as made:
        yield made


def complete(client: openai.OpenAI, **asked: Any) -> ChatCompletion:
    given = {"model": "quoth", "messages": QUESTION, "extra_body": ANYWAY, **asked}
    completion: ChatCompletion = client.chat.completions.create(**given)
    return completion


def answer(url: str, **asked: object) -> Json:
    body = {"question": QUESTION[0]["content"], "min_confidence": 0, **asked}
    return dict(httpx.post(f"{url}/v1/ask", json=body, timeout=60).json())


# -- answers


def test_a_completion_says_what_ask_says(client: openai.OpenAI, url: str) -> None:
    asked_at = int(time.time())
    completion = complete(client)
    expected = answer(url)
    (choice,) = completion.choices
    assert completion.to_dict()["quoth"] == expected
    assert expected["answered"]
    assert (choice.finish_reason, choice.index, choice.message.role) == ("stop", 0, "assistant")
    assert (completion.object, completion.model) == ("chat.completion", "quoth")
    assert asked_at <= completion.created <= time.time()
    assert choice.message.content is not None
    assert choice.message.content.startswith(f"**{expected['answer']['text']}** [1]")
    assert expected["citations"][0]["sentence"]["text"] in choice.message.content


def test_the_annotations_are_links_that_open(client: openai.OpenAI) -> None:
    message = complete(client).choices[0].message
    assert message.annotations
    for annotation in message.annotations:
        cited = annotation.url_citation
        assert cited.title == "The Otter Bridge"
        assert (
            f"[{cited.title}]({cited.url})"
            in (message.content or "")[cited.start_index : cited.end_index]
        )
        assert SENTENCE in httpx.get(cited.url, timeout=60).text


def test_usage_counts_tokens_of_the_question_and_of_the_content(client: openai.OpenAI) -> None:
    completion = complete(client)
    usage = completion.usage
    assert usage is not None
    assert usage.prompt_tokens == 6  # the toy's tokens are words
    assert usage.completion_tokens == len((completion.choices[0].message.content or "").split())
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_without_an_answer_the_message_says_so(client: openai.OpenAI) -> None:
    completion = complete(client, extra_body={"quoth": {"filters": {"tags": ["none"]}}})
    message = completion.choices[0].message
    assert message.content is not None
    assert message.content.startswith("The documents do not say")
    assert message.annotations == []
    extension = completion.to_dict()["quoth"]
    assert extension["reason"] == "filter_excludes_all"  # type: ignore[index]  # not in its types


def test_a_best_guess_is_a_message_that_says_that_it_is_not_certain(
    client: openai.OpenAI,
) -> None:
    completion = complete(client, extra_body={"quoth": {"min_confidence": 1}})
    message = completion.choices[0].message
    assert message.content is not None
    assert message.content.startswith(f"{UNSURE}\n\n> ")
    guess: Any = completion.to_dict()["quoth"]
    assert f"**{guess['best_guess']['text']}**" in message.content.splitlines()[2]
    assert message.annotations
    assert answer_in(message.content) == NO_ANSWER


def test_a_conversation_is_a_question_with_a_history(client: openai.OpenAI, url: str) -> None:
    first = complete(client)
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "You are a pirate."},
        *QUESTION,
        first.choices[0].message.to_dict(),  # type: ignore[list-item]  # as clients send it back
        {"role": "user", "content": [{"type": "text", "text": "And when was it opened?"}]},
    ]
    history = [
        {"role": "user", "text": QUESTION[0]["content"]},
        {"role": "assistant", "text": answer(url)["answer"]["text"]},
    ]
    found = complete(client, messages=messages).to_dict()["quoth"]
    assert found == answer(url, question="And when was it opened?", history=history)


def test_filters_come_with_the_extension(client: openai.OpenAI) -> None:
    extension = {"quoth": {"filters": {"tags": ["water"]}, "min_confidence": 0, "top_k": 1}}
    found: Any = complete(client, extra_body=extension).to_dict()["quoth"]
    assert [passage["document_id"] for passage in found["passages"]] == ["elm"]


def test_what_steers_a_language_model_is_ignored_whether_openai_has_it_or_not(
    client: openai.OpenAI,
) -> None:
    steered = complete(
        client,
        temperature=3,
        top_p=0.5,
        max_tokens=1,
        max_completion_tokens=1,
        stop=["212"],
        seed=7,
        user="me",
        n=1,
        logprobs=True,
        top_logprobs=3,
        logit_bias={"50256": -100},
        presence_penalty=-1,
        response_format={"type": "json_object"},
        tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}],
        tool_choice="required",
        metadata={"a": "b"},
        store=False,
        reasoning_effort="high",
        modalities=["text", "audio"],
        web_search_options={},
        stream_options={"include_usage": True, "other": 1},
        extra_body={**ANYWAY, "top_k": 40, "min_p": 0.1, "repetition_penalty": 1.1, "chat_id": "c"},
    )
    assert steered.choices[0].message == complete(client).choices[0].message


def test_the_async_client_works_too(url: str, client: openai.OpenAI) -> None:
    async def asking() -> str | None:
        async with openai.AsyncOpenAI(
            base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=60
        ) as client:
            made = await client.chat.completions.create(
                model="quoth", messages=QUESTION, extra_body=ANYWAY
            )
            return made.choices[0].message.content

    assert asyncio.run(asking()) == complete(client).choices[0].message.content


# -- streams


def test_a_stream_is_the_completion_in_pieces(client: openai.OpenAI) -> None:
    whole = complete(client)
    chunks = list(
        client.chat.completions.create(
            model="quoth", messages=QUESTION, stream=True, extra_body=ANYWAY
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert [delta.role for delta in deltas] == ["assistant"] + [None] * (len(deltas) - 1)
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    annotations: list[object] = []
    for delta in deltas:
        # OpenAI's types lack this extension.
        annotations += delta.to_dict().get("annotations", [])  # type: ignore[arg-type]
    assert annotations == [each.to_dict() for each in whole.choices[0].message.annotations or []]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + [
        "stop"
    ]
    assert chunks[-1].to_dict()["quoth"] == whole.to_dict()["quoth"]
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_says_what_it_took_where_that_is_asked_for(client: openai.OpenAI) -> None:
    *others, last = client.chat.completions.create(
        model="quoth",
        messages=QUESTION,
        stream=True,
        stream_options={"include_usage": True},
        extra_body=ANYWAY,
    )
    assert (last.choices, last.usage) == ([], complete(client).usage)
    assert [chunk.usage for chunk in others] == [None] * len(others)


def test_the_helper_of_the_client_puts_a_stream_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="quoth", messages=QUESTION, extra_body=ANYWAY
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content == complete(client).choices[0].message.content
    assert final.choices[0].message.role == "assistant"


def test_a_stream_ends_with_done(url: str) -> None:
    body = {"model": "quoth", "messages": QUESTION, "stream": True}
    streamed = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    *chunks, done, end = streamed.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    assert all(json.loads(chunk.removeprefix("data: "))["choices"] for chunk in chunks)


class Failing(SpanReader):
    """A reader that fails when it has told of the passages."""

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """Nothing, ever."""
        del question
        watch(result)
        raise StoreError("the disk is gone")


def test_a_stream_that_fails_ends_with_an_error_of_the_client(
    service: AnswerService, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, collection = load_fitted(), service.collection
    reader = Failing(service.passages, fitted.ranking)
    failing = Answerer(
        collection.store,
        collection.searcher,
        reader,
        calibrations=fitted.calibrations,
        evidence_threshold=fitted.evidence_threshold,
    )
    monkeypatch.setattr(service, "answerer", failing)
    unheard: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "What was never asked before?"}
    ]
    stream = client.chat.completions.create(model="quoth", messages=unheard, stream=True)
    with pytest.raises(openai.APIError, match="the disk is gone"):
        list(stream)


# -- models


def test_there_is_one_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["quoth"]
    found = client.models.retrieve("quoth")
    assert (found.object, found.owned_by) == ("model", "quoth")


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    for asking in (
        lambda: complete(client, model="gpt-4o"),
        lambda: client.models.retrieve("gpt-4o"),
    ):
        with pytest.raises(openai.NotFoundError) as refused:
            asking()
        assert (refused.value.code, refused.value.param, refused.value.type) == (
            *("model_not_found", "model"),
            "invalid_request_error",
        )
        assert "'gpt-4o' does not exist; there is 'quoth'" in refused.value.message


def test_a_model_whose_name_is_no_text_is_not_found_either(url: str) -> None:
    body = b'{"model": "\\ud800", "messages": [{"role": "user", "content": "x"}]}'
    headers = {"Content-Type": "application/json"}
    response = httpx.post(f"{url}/v1/chat/completions", content=body, headers=headers, timeout=60)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


# -- refusals


@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"n": 2}, "n", "unsupported_value"),
        ({"n": "two"}, "n", "invalid_type"),
        ({"model": 5}, "model", "invalid_type"),
        ({"extra_body": {"quoth": "yes"}}, "quoth", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": "How long?"}, "messages", "invalid_type"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
                ]
            },
            *("messages[0].content[0].type", "invalid_value"),
        ),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "invalid_value"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages", "invalid_value"),
        ({"messages": [{"role": "user", "content": "x" * 1001}]}, "messages", "invalid_value"),
        ({"extra_body": {"quoth": {"top": 1}}}, "quoth.top", "unknown_parameter"),
        ({"extra_body": {"quoth": {"top_k": 51}}}, "quoth.top_k", "invalid_value"),
        ({"extra_body": {"quoth": {"min_confidence": 2}}}, "quoth.min_confidence", "invalid_value"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_as_openai_refuses_it(
    asked: Json, param: str, code: str, client: openai.OpenAI
) -> None:
    for stream in ({}, {"stream": True}) if "stream" not in asked else ({},):
        with pytest.raises(openai.BadRequestError) as refused:
            complete(client, **asked, **stream)
        assert (refused.value.param, refused.value.code) == (param, code)
        assert refused.value.type == "invalid_request_error"
        assert refused.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b"\xff", None),
        (b"[]", None),
        (b"[" * 50_000, None),
        (b"{}", "model"),
        (b'{"model": "quoth"}', "messages"),
        (b'{"model": "quoth", "messages": [{"role": "user", "content": "\\ud800"}]}', "messages"),
        (
            b'{"model": "quoth", "messages": [{"role": "user", "content": "x"}], '
            b'"temperature": NaN}',
            "temperature",
        ),
    ],
    ids=str,
)
def test_a_malformed_body_is_refused_in_the_same_shape(
    body: bytes, param: str | None, url: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = httpx.post(f"{url}/v1/chat/completions", content=body, headers=headers, timeout=60)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert (set(error), error["type"]) == (
        {"message", "type", "param", "code"},
        "invalid_request_error",
    )


def test_other_faults_have_the_same_shape_too(url: str) -> None:
    large = b" " * 200_000
    path, json_type = f"{url}/v1/chat/completions", {"Content-Type": "application/json"}
    for response, status in (
        (httpx.get(path, timeout=60), 405),
        (httpx.post(f"{url}/v1/chat/nothing", timeout=60), 404),
        (httpx.post(path, content=large, headers=json_type, timeout=60), 413),
        (httpx.post(path, content=iter([large]), headers=json_type, timeout=60), 413),
        (httpx.post(path, content=b"{}", timeout=60), 415),
        (httpx.get(path, headers={"Host": "evil.example"}, timeout=60), 421),
    ):
        assert response.status_code == status
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/embeddings"), ("GET", "/v1/nothing"), ("POST", "/v1/images/generations")],
)
def test_an_unknown_route_is_a_problem_that_openais_clients_understand(
    url: str, method: str, path: str
) -> None:
    response = httpx.request(method, f"{url}{path}", json={}, timeout=60)
    body = response.json()
    assert (response.status_code, body["status"], body["title"]) == (404, 404, "Not Found")
    assert response.headers["content-type"] == "application/problem+json"
    assert body["error"] == {
        "message": body["detail"],
        "type": "invalid_request_error",
        "param": None,
        "code": "unknown_url",
    }


def test_quoths_own_routes_keep_their_problems(url: str) -> None:
    for path in ("/v1/documents/none", "/v1/answers/none", "/v1/ask"):
        response = httpx.get(f"{url}{path}", timeout=60)
        assert response.headers["content-type"] == "application/problem+json"
        assert "error" not in response.json()


def test_an_unknown_route_raises_the_clients_own_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.embeddings.create(model="quoth", input="How long?")
    assert (refused.value.code, refused.value.type) == ("unknown_url", "invalid_request_error")


# -- small talk, and what front ends ask for


def test_a_greeting_is_greeted_and_searches_nothing(client: openai.OpenAI) -> None:
    completion = complete(client, messages=[{"role": "user", "content": "Hello there!"}])
    message = completion.choices[0].message
    assert (message.content, message.annotations) == (GREETING, [])
    extension: Any = completion.to_dict()["quoth"]
    assert (extension["outcome"], extension["passages"]) == ("none", [])


TITLE_PROMPT = """### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: What is the length of the Otter Bridge?
ASSISTANT: **212 metres** [1]
</chat_history>"""


@pytest.mark.parametrize("stream", [False, True])
def test_a_front_ends_prompt_is_served_from_the_conversation(
    client: openai.OpenAI, stream: bool
) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": TITLE_PROMPT * 3}]
    completion = client.chat.completions.create(model="quoth", messages=messages, stream=stream)
    if isinstance(completion, ChatCompletion):
        content = completion.choices[0].message.content or ""
        assert "quoth" not in completion.to_dict()
    else:
        content = "".join(chunk.choices[0].delta.content or "" for chunk in completion)
    assert json.loads(content) == {"title": "Length of the Otter Bridge"}


def test_a_title_comes_as_the_arguments_of_the_function_that_is_demanded(
    client: openai.OpenAI,
) -> None:
    parameters = {"type": "object", "properties": {"language": {}, "title": {}}}
    completion = complete(
        client,
        messages=[{"role": "user", "content": TITLE_PROMPT}],
        tools=[{"type": "function", "function": {"name": "extract", "parameters": parameters}}],
        tool_choice={"type": "function", "function": {"name": "extract"}},
    )
    (call,) = completion.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "extract"
    assert json.loads(call.function.arguments) == {
        "language": "English",
        "title": "Length of the Otter Bridge",
    }


@pytest.mark.parametrize(
    ("failure", "status", "message"),
    [
        (StoreError("the disk is gone"), 503, "the disk is gone"),
        (ZeroDivisionError("secret"), 500, "wrong in Quoth"),
    ],
)
def test_faults_of_the_service_are_server_errors(
    failure: Exception,
    status: int,
    message: str,
    service: AnswerService,
    client: openai.OpenAI,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(_question: Question, _watch: Watch = unwatched) -> bytes:
        raise failure

    monkeypatch.setattr(service, "ask", failing)
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError, match=message) as failed:
            complete(client, stream=stream)
        assert (failed.value.status_code, failed.value.type) == (status, "server_error")
        assert "secret" not in failed.value.message
