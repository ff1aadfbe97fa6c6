"""The fuzzer finds what it looks for, and a small run of it finds nothing in the service."""

import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from eval.robustness.attacked import attacked_service
from eval.robustness.attacks import ATTACKS, Attacker, Knowledge
from eval.robustness.contract import UNDECLARED, Contract
from eval.robustness.fuzz import Fuzzer
from eval.robustness.mutation import mutated, raw_json, to_json
from eval.robustness.resources import Growth, ResourceSample
from eval.robustness.wire import RawRequest, RawResponse, exchange
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.reader.passage import PassageReader
from service.settings import load_settings

CONTRACT = Contract(
    {
        "paths": {
            "/v1/documents/{document_id}": {
                "get": {
                    "responses": {
                        "200": {
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/Id"}}
                            }
                        }
                    }
                }
            }
        },
        "components": {"schemas": {"Id": {"type": "object", "required": ["id"]}}},
    }
)


def get(target: str) -> RawRequest:
    return RawRequest(b"GET", target.encode(), ((b"Host", b"127.0.0.1"),))


def response(
    status: int = 200,
    body: bytes = b'{"id": "a"}',
    seconds: float = 0.1,
    **headers: str,
) -> RawResponse:
    own = {"content-type": "application/json"}
    own |= {name.replace("_", "-"): text for name, text in headers.items()}
    return RawResponse(status, own, body, seconds)


def faults(answer: RawResponse, target: str = "/v1/documents/a/b") -> list[str]:
    return list(CONTRACT.faults(get(target), answer))


def test_a_response_as_described_has_no_fault() -> None:
    assert faults(response()) == []


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (response(500), "status 500"),
        (response(503), "status 503"),
        (response(404), "status 404 is not declared"),
        (response(seconds=5.1), "it took more than 5 s"),
        (response(content_type="text/html"), "media type 'text/html' is not declared for 200"),
        (response(body=b"{"), "the body is not JSON"),
        (response(body=b"{}"), "the body breaks its schema at $: 'id' is a required property"),
    ],
)
def test_a_response_that_breaks_a_promise_is_found(answer: RawResponse, fault: str) -> None:
    assert faults(answer) == [fault]


def test_a_busy_service_may_refuse_if_it_says_when_to_come_back() -> None:
    assert faults(response(503, retry_after="1"), "/elsewhere") == []


def test_ids_with_slashes_belong_to_the_operation_of_documents() -> None:
    assert CONTRACT.operation_of(get("/v1/documents/a%2Fb/c")) == "GET /v1/documents/{document_id}"
    assert CONTRACT.operation_of(get("/v1/document")) == UNDECLARED


def test_json_may_hold_what_no_encoder_writes() -> None:
    assert to_json({"a": raw_json('[NaN, "x"')}) == b'{"a": [NaN, "x"}'


def test_a_mutation_leaves_the_original_alone_and_changes_the_copy() -> None:
    body = {"documents": [{"id": "a", "tags": ["x"]}]}
    before = json.dumps(body)
    copies = {repr(mutated(body, random.Random(seed))) for seed in range(50)}
    assert json.dumps(body) == before
    assert len(copies) > 30


def test_request_i_of_a_seed_is_the_same_in_every_run() -> None:
    def drawn(number: int) -> bytes:
        draws = random.Random(f"15/{number}")
        return Attacker("127.0.0.1:1", Knowledge({"a": "1"}), draws).attack()[1].to_bytes()

    signed = b"X-Slack-Request-Timestamp"  # the time of signing is in these
    first, again = ([drawn(number) for number in range(100)] for _ in range(2))
    pairs = [pair for pair in zip(first, again, strict=True) if signed not in pair[0]]
    assert len(pairs) > 80
    assert all(one == other for one, other in pairs)


@pytest.mark.parametrize("kind", ATTACKS)
def test_every_kind_of_attack_can_be_sent(kind: str) -> None:
    for seed in range(30):
        attacker = Attacker("127.0.0.1:1", Knowledge(), random.Random(seed))
        request = ATTACKS[kind][1](attacker)
        # Only those that are no HTTP may have a line break within a line of the head.
        head = request.to_bytes().partition(b"\r\n\r\n")[0]
        if request.is_wellformed:
            assert head.count(b"\r\n") == len(request.headers)


@contextmanager
def server(answer: bytes) -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """A server that answers one connection, and what it received."""
    received: list[bytes] = []

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            received.append(connection.recv(65_536))
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname(), received
        thread.join()


def test_a_request_is_sent_byte_for_byte_and_its_response_read() -> None:
    request = RawRequest(b"X", b"/\xff", ((b"Host", b""), (b"Host", b"b")), b"body")
    with server(b"HTTP/1.1 418 No\r\nContent-Type: a/B; x=1\r\n\r\ntea") as (address, received):
        answer = exchange(address, request, 5)
    assert received == [b"X /\xff HTTP/1.1\r\nHost: \r\nHost: b\r\n\r\nbody"]
    assert answer is not None
    assert (answer.status, answer.media_type, answer.body) == (418, "a/b", b"tea")


def test_a_client_can_leave_before_it_has_sent_everything() -> None:
    request = RawRequest(b"GET", b"/", (), sent=5)
    with server(b"") as (address, received):
        assert exchange(address, request, 5) is None
    assert received == [b"GET /"]


def samples(megabytes_a_minute: float, descriptors_at_the_end: int = 40) -> list[ResourceSample]:
    return [
        ResourceSample(
            at_s=float(second),
            rss=int((400 + megabytes_a_minute * second / 60) * 1e6),
            children_rss=0,
            descriptors=40 if second < 500 else descriptors_at_the_end,
            threads=10,
        )
        for second in range(600)
    ]


def test_memory_that_grows_by_more_than_a_twentieth_is_found() -> None:
    # After the 150 s of warm-up, 449 s remain: 2 MB a minute are 15 of 405 MB, 4 are 30 of 410.
    assert Growth.of(samples(2)).faults() == []
    (fault,) = Growth.of(samples(4)).faults()
    assert fault.startswith("memory grew by 7.")


def test_file_descriptors_that_are_never_closed_are_found() -> None:
    (fault,) = Growth.of(samples(0, descriptors_at_the_end=80)).faults()
    assert fault == "file descriptors grew from 40 to 80"


@pytest.mark.models
@pytest.mark.processes
def test_a_small_run_finds_no_fault(tmp_path: Path) -> None:
    with attacked_service(tmp_path, load_settings()) as attacked:
        fuzzer = Fuzzer(attacked, seed=1)
        fuzzer.run(200)
        assert attacked.tracebacks() == []
    assert fuzzer.report.requests == 200
    assert dict(fuzzer.report.examples) == {}


def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_bug(
    passages: PassageReader,
    serving: Callable[[AnswerService], AbstractContextManager[str]],
    tmp_path: Path,
    encoder: Encoder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = b'{"documents": [{"text": "Otters swim."}]}'
    with (
        AnswerService(tmp_path / "data", encoder, passages, writable=True) as service,
        serving(service) as url,
    ):
        port = int(url.rpartition(":")[2])
        headers = (
            (b"Host", b"127.0.0.1"),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(body)).encode()),
        )
        left = RawRequest(b"POST", b"/v1/documents", headers, body)
        sent = len(left.to_bytes()) - 5
        assert exchange(("127.0.0.1", port), replace(left, sent=sent), 5) is None
        # The service answers the next request, and has noticed by then that the client left.
        answer = exchange(("127.0.0.1", port), left, 5)
        assert answer is not None
        assert answer.status == 200
    assert [record for record in caplog.records if record.exc_info] == []
