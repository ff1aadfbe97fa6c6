"""The command line and the served process, with the real models: results on one stream, messages on
the other.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from service.answering import wording
from service.answering.reason import Reason
from service.cli.main import main

pytestmark = [pytest.mark.models, pytest.mark.processes]

ROOT = Path(__file__).parent.parent
QUESTION = "How long is the Otter Bridge?"
OTTER = (
    "---\ntitle: The Otter Bridge\ndate: 2020-02-03\ntags: ['[/bridges]', '[bold]check']\n---\n"
    + (
        "The Otter Bridge was opened on 4 May 1931. It is 212 metres long — and crosses the "
        "river Elm. 🦦"
    )
)
LONG_ID = (
    "sources/of-one-sort-and-another/a-folder-with-a-long-name/and-a-file-with-a-longer-one.txt"
)


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


Quoth = Callable[..., Said]


@pytest.fixture
def quoth(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Quoth:
    """Runs a command in this process."""

    def running(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["quoth", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Said(int(left.value.code or 0), captured.out, captured.err)

    return running


def process(*arguments: str | Path) -> list[str]:
    """The command line of a process of its own."""
    return [sys.executable, "-m", "service.cli", *map(str, arguments)]


def run(*arguments: str | Path) -> Said:
    """Run a command in a process of its own."""
    ran = subprocess.run(
        process(*arguments), capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    return Said(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two good files and a bad one."""
    folder = tmp_path_factory.mktemp("given") / "sources"
    (folder / "sub").mkdir(parents=True)
    (folder / "otter.md").write_text(OTTER)
    (folder / "sub" / "elm.txt").write_text("The river Elm is cold.")
    (folder / "bad.pdf").write_text("garbage")
    long = folder.parent / LONG_ID
    long.parent.mkdir(parents=True)
    long.write_text("Peas grow well.")
    return folder


@pytest.fixture(scope="module")
def data(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the two good files, which tests may read."""
    folder = tmp_path_factory.mktemp("index") / "data"
    said = run("add", sources, "--data", folder)
    assert (said.code, len(said.out.splitlines())) == (1, 3)
    return folder


@dataclass(frozen=True)
class Server:
    """A service in a process of its own."""

    url: str
    data: Path


@pytest.fixture(scope="module")
def server(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served") / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder.parent / "log"
    with log.open("w") as file:
        environment = {**os.environ, "QUOTH_MAX_BODY_MB": "0.05"}
        serving = subprocess.Popen(
            process("serve", "--data", folder, "--port", str(port)),
            cwd=ROOT,
            env=environment,
            stderr=file,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url, serving, log)
            with (sources / "otter.md").open("rb") as upload:
                assert (
                    httpx.post(
                        f"{url}/v1/documents", files={"files": upload}, timeout=60
                    ).status_code
                    == 200
                )
            yield Server(url, folder)
        finally:
            serving.send_signal(signal.SIGTERM)
            assert serving.wait(30) in (0, -signal.SIGTERM)
    assert "Traceback" not in log.read_text()


def wait_for(url: str, serving: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert serving.poll() is None, log.read_text()
        try:
            if httpx.get(f"{url}/health/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


# -- adding


def test_one_bad_file_is_reported_and_the_good_ones_are_added(
    quoth: Quoth, sources: Path, tmp_path: Path
) -> None:
    said = quoth("add", sources, "--data", tmp_path / "data", "--tag", "mine")
    assert said.code == 1
    assert [line.split(" (")[0] for line in said.out.splitlines()] == [
        f"added sources/{LONG_ID.removeprefix('sources/')}",
        "added sources/otter.md",
        "added sources/sub/elm.txt",
    ]
    assert "bad.pdf: is not a PDF, or is damaged" in said.err
    assert "3 added, 1 failed" in said.err
    again = quoth("add", sources / "otter.md", "--data", tmp_path / "data", "--tag", "mine")
    assert (again.code, again.out.startswith("unchanged "), "1 unchanged" in again.err) == (
        0,
        True,
        True,
    )
    listed = quoth("documents", "--data", tmp_path / "data", "--json")
    assert all("mine" in json.loads(line)["tags"] for line in listed.out.splitlines())


def test_files_that_are_not_read_are_listed_and_do_not_fail_the_command(
    quoth: Quoth, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "otter.md").write_text("---\ndate: soon\n---\nThe Otter Bridge is long.")
    (folder / "photo.xyz").write_text("x")
    reason = f"{folder / 'photo.xyz'} has the suffix .xyz, which is not supported"
    for command in ("add", "sync"):
        said = quoth(command, folder, "--data", tmp_path / "data")
        assert (said.code, "1 file not read:" in said.err, reason in said.err) == (0, True, True)
        assert "'soon' is not a date" in said.err
    status = quoth("status", "--data", tmp_path / "data").out
    assert f"not read {folder / 'photo.xyz'}: has the suffix .xyz" in status
    assert [line.split() for line in status.splitlines() if line.startswith("with notes")] == [
        ["with", "notes", "1"]
    ]


def test_a_path_that_is_not_there_is_reported(quoth: Quoth, tmp_path: Path) -> None:
    said = quoth("add", tmp_path / "nothing.txt", "--data", tmp_path / "data")
    assert (said.code, said.out) == (1, "")
    assert "nothing.txt: does not exist" in said.err


# -- keeping up with a folder


def test_a_folder_is_mirrored_and_the_ledger_says_what_became_of_its_files(
    quoth: Quoth, tmp_path: Path
) -> None:
    folder, data = tmp_path / "papers", tmp_path / "data"
    folder.mkdir()
    (folder / "otter.md").write_text(OTTER)
    (folder / "elm.txt").write_text("The river Elm is cold.")
    (folder / "bad.pdf").write_text("garbage")
    first = quoth("sync", folder, "--data", data)
    assert (first.code, first.out.splitlines()) == (
        1,
        [f"added {folder}/elm.txt", f"added {folder}/otter.md"],
    )
    assert f"{folder}/bad.pdf: is not a PDF, or is damaged" in first.err
    assert first.err.endswith("2 added, 1 failed\n")
    status = quoth("status", "--data", data)
    assert f"synced {folder}" in status.out
    assert "2 stored, 1 failed" in status.out
    assert f"failed {folder}/bad.pdf: is not a PDF, or is damaged" in status.out
    (folder / "bad.pdf").unlink()
    (folder / "elm.txt").rename(folder / "river.txt")
    expected = [f"moved {folder}/river.txt (was {folder}/elm.txt)", f"removed {folder}/bad.pdf"]
    again = quoth("sync", folder, "--data", data)
    assert (again.code, again.out.splitlines()) == (0, expected)
    assert again.err.endswith("1 moved, 1 removed, 1 unchanged\n")
    forgotten = quoth("sync", folder, "--data", data, "--forget")
    assert (forgotten.code, "its 2 files are no longer followed" in forgotten.err) == (0, True)
    assert len(quoth("documents", "--data", data, "--json").out.splitlines()) == 2


def test_a_folder_that_is_not_there_is_one_line(quoth: Quoth, tmp_path: Path) -> None:
    said = quoth("sync", tmp_path / "none", "--data", tmp_path / "data")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"quoth: {tmp_path}/none: there is no such folder; nothing was changed\n"


def test_a_folder_is_watched_until_the_process_is_asked_to_end(
    quoth: Quoth, tmp_path: Path
) -> None:
    folder, data = tmp_path / "papers", tmp_path / "data"
    folder.mkdir()
    (folder / "a.txt").write_text("The river Elm is cold.")
    with subprocess.Popen(
        process("watch", folder, "--data", data), cwd=ROOT, stdout=subprocess.PIPE
    ) as watching:
        assert watching.stdout is not None
        try:
            assert watching.stdout.readline() == f"added {folder}/a.txt\n".encode()
            (folder / "b.txt").write_text("Beavers build the weir.")
            assert watching.stdout.readline() == f"added {folder}/b.txt\n".encode()
        finally:
            watching.send_signal(signal.SIGTERM)
        assert watching.wait(30) == 0
    assert quoth("sync", folder, "--data", data).err.endswith("2 unchanged\n")


# -- asking


def test_an_answer_is_printed_with_its_sentence_and_source(quoth: Quoth, data: Path) -> None:
    said = quoth("ask", QUESTION, "--data", data, "--min-confidence", "0")
    assert said.code == 0
    lines = said.out.splitlines()
    assert "212 metres" in lines[0]
    assert re.fullmatch(r"[A-Z][a-z ]+ \(confidence [01]\.\d\d\)", lines[1])
    assert "[1] The Otter Bridge, otter.md, 2020-02-03, sources/otter.md " in said.out
    assert said.err == ""


def test_the_json_of_an_answer_is_the_object_of_the_http_service(
    quoth: Quoth, server: Server
) -> None:
    said = quoth(
        "ask", QUESTION, "--data", server.data, "--json", "--min-confidence", "0", "--top-k", "3"
    )
    body = {"question": QUESTION, "min_confidence": 0.0, "top_k": 3}
    answered = httpx.post(f"{server.url}/v1/ask", json=body, timeout=60)
    assert (said.code, said.err) == (0, "")
    assert said.out == answered.text + "\n"
    kept = httpx.get(f"{server.url}/v1/answers/{answered.json()['id']}", timeout=60)
    assert kept.content == answered.content


def test_filters_of_the_command_line_narrow_the_search(quoth: Quoth, data: Path) -> None:
    def reads(*arguments: str) -> set[str]:
        said = quoth("ask", QUESTION, "--data", data, "--json", "--min-confidence", "0", *arguments)
        return {passage["document_id"] for passage in json.loads(said.out)["passages"]}

    assert reads("--tag", "[/bridges]", "--tag", "none") == {"sources/otter.md"}
    assert reads("--document", "sources/sub/elm.txt") == {"sources/sub/elm.txt"}


def test_without_an_answer_the_nearest_passages_are_shown(quoth: Quoth, data: Path) -> None:
    said = quoth("ask", "Who invented the steam locomotive?", "--data", data)
    assert said.code == 0
    assert said.out.startswith("The documents do not say.\n")
    assert "[sources/otter.md]" in said.out
    assert wording.REFUSALS[Reason.LOW_CONFIDENCE] in said.out
    assert said.err == f"{wording.NEAREST}:\n"


def test_a_best_guess_is_shown_as_not_certain_with_its_source(quoth: Quoth, data: Path) -> None:
    sure = quoth("ask", QUESTION, "--data", data, "--min-confidence", "0")
    unsure = quoth("ask", QUESTION, "--data", data, "--min-confidence", "1")
    assert unsure.code == 0
    # The guess is shown in its sentence, which is therefore not repeated below its source.
    answer, *between, sentence = sure.out.splitlines()
    expected = [wording.UNSURE, sentence.strip(), *between]
    assert answer in sentence
    assert unsure.out.splitlines() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", "x"], "there is no index here; make one with quoth add"),
        (["documents"], "there is no index here"),
        (["remove", "x"], "there is no index here"),
        (["status"], "there is no index here"),
        (["verify"], "there is no index here"),
        (["rebuild"], "there is no index here"),
        (["ask", " "], "the question is empty"),
        (["ask", "a" * 1001], "1001 characters"),
        (["ask", "a\udcff"], "unpaired surrogate"),
        (["ask", "x", "--top-k", "51"], "top_k is 51; it goes from 1 to 50"),
        (["ask", "x", "--min-confidence", "nan"], "it goes from 0 to 1"),
        (["serve", "--port", "65536"], "QUOTH_PORT: "),
    ],
)
def test_what_cannot_be_done_is_one_line_on_standard_error(
    arguments: list[str], message: str, quoth: Quoth, tmp_path: Path
) -> None:
    said = quoth(*arguments, "--data", tmp_path / "[/none]")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert said.err.startswith("quoth: ")
    assert message in said.err
    assert not (tmp_path / "[/none]").exists()


def test_an_unknown_setting_stops_every_command(
    quoth: Quoth, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUOTH_PROT", "1")
    said = quoth("status", "--data", data)
    assert (said.code, said.out) == (1, "")
    assert "QUOTH_PROT: no such setting" in said.err


def test_asking_imports_no_torch(data: Path) -> None:
    program = (
        "import sys\n"
        "from service.cli.main import main\n"
        f"sys.argv = ['quoth', 'ask', {QUESTION!r}, '--data', {str(data)!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as left:\n    assert not left.code, left\n"
        "print([name for name in ('torch', 'sentence_transformers', 'transformers', "
        "'docutils', 'sklearn')"
        " if name in sys.modules])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"


# -- keeping house


def test_documents_are_listed_with_whole_ids_and_tags_as_they_are(quoth: Quoth, data: Path) -> None:
    said = quoth("documents", "--data", data)
    assert said.code == 0
    for whole in (LONG_ID, "sources/otter.md", "[/bridges], [bold]check", "2020-02-03"):
        assert whole in said.out
    listed = [
        json.loads(line) for line in quoth("documents", "--data", data, "--json").out.splitlines()
    ]
    assert [document["id"] for document in listed] == sorted(document["id"] for document in listed)
    assert listed[1]["tags"] == ["[/bridges]", "[bold]check"]


def test_status_says_what_the_index_holds_and_verify_that_it_is_sound(
    quoth: Quoth, data: Path
) -> None:
    status = quoth("status", "--data", data)
    rows = dict(
        line.split(maxsplit=1)
        for line in status.out.splitlines()
        if not line.startswith("chunks in")
    )
    assert (status.code, rows["folder"], rows["documents"], rows["generation"]) == (
        0,
        str(data),
        "3",
        "1",
    )
    assert "all-MiniLM-L6-v2" in status.out
    verify = quoth("verify", "--data", data)
    assert (verify.code, verify.out, verify.err) == (
        0,
        "",
        "sound: 3 chunks, the same in store and search indexes\n",
    )


def test_removing_rebuilding_and_asking_again(quoth: Quoth, sources: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    quoth("add", sources / "otter.md", sources / "sub", "--data", data)
    ids = [
        json.loads(line)["id"]
        for line in quoth("documents", "--data", data, "--json").out.splitlines()
    ]
    unknown = quoth("remove", ids[0], "no-such", "--data", data)
    assert (unknown.code, unknown.out, unknown.err) == (
        1,
        "",
        "quoth: there is no document 'no-such'\n",
    )
    assert (
        quoth("remove", "\udcff", "--data", data).err == "quoth: there is no document '\\udcff'\n"
    )
    removed = quoth("remove", *[id for id in ids if "otter" in id], "--data", data)
    assert (removed.code, removed.out.endswith("otter.md: 1 chunks, 1 versions\n")) == (0, True)
    rebuilt = quoth("rebuild", "--data", data)
    assert (rebuilt.code, rebuilt.out, rebuilt.err.endswith("rebuilt: 1 chunks\n")) == (0, "", True)
    assert quoth("verify", "--data", data).code == 0
    asked = quoth("ask", QUESTION, "--data", data, "--json", "--min-confidence", "0")
    assert json.loads(asked.out)["citations"][0]["sentence"]["text"] == "The river Elm is cold."


# -- the served process


def test_while_a_service_runs_another_writer_is_refused_and_readers_are_not(
    quoth: Quoth, server: Server, sources: Path
) -> None:
    refused = run("add", sources / "sub", "--data", server.data)
    assert (refused.code, refused.out) == (1, "")
    assert "another process writes this data folder" in refused.err
    assert "Traceback" not in refused.err
    said = quoth("ask", QUESTION, "--data", server.data, "--min-confidence", "0")
    assert (said.code, "212 metres" in said.out) == (0, True)
    assert quoth("documents", "--data", server.data).code == 0
    assert quoth("verify", "--data", server.data).code == 0


def test_a_reader_sees_what_the_service_has_just_taken(quoth: Quoth, server: Server) -> None:
    path = f"{server.url}/v1/documents/new%2Fone"
    assert httpx.put(path, json={"text": "Beavers build the weir."}, timeout=60).status_code == 200
    said = quoth(
        "ask",
        "Who builds the weir?",
        "--data",
        server.data,
        "--document",
        "new/one",
        "--min-confidence",
        "0",
    )
    assert said.out.startswith("Beavers\n")
    assert "    Beavers build the weir.\n" in said.out
    assert httpx.delete(path, timeout=60).status_code == 200
    gone = quoth(
        "ask", "Who builds the weir?", "--data", server.data, "--document", "new/one", "--json"
    )
    assert json.loads(gone.out)["reason"] == "filter_excludes_all"


@pytest.mark.parametrize("id", ["a/b%20c", "50%25", "%252F", "a%3Fb%23c", "%F0%9F%A6%A6", "x%2F"])
def test_encoded_ids_travel_through_a_socket(id: str, server: Server) -> None:
    path = f"{server.url}/v1/documents/{id}"
    put = httpx.put(path, json={"text": "It."}, timeout=60)
    assert (put.status_code, httpx.get(path, timeout=60).json()["id"]) == (200, put.json()["id"])
    assert httpx.delete(path, timeout=60).status_code == 200


def test_a_body_over_the_limit_is_refused_through_a_socket(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    headers = "POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    announced = f"{headers}Content-Length: 50001\r\n\r\n".encode()
    chunked = (
        f"{headers}Transfer-Encoding: chunked\r\n\r\n".encode()
        + (b"1000\r\n" + b" " * 4096 + b"\r\n") * 13
    )
    for sent in (announced, chunked):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(sent)
            answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"application/problem+json" in answer


def test_links_lead_to_the_port_that_was_free(data: Path, tmp_path: Path) -> None:
    copied, log = shutil.copytree(data, tmp_path / "data"), tmp_path / "log"
    asked = {"model": "quoth", "messages": [{"role": "user", "content": QUESTION}]}
    with log.open("w") as file:
        command = process("serve", "--data", copied, "--port", "0")
        serving = subprocess.Popen(command, cwd=ROOT, stderr=file)
    try:
        while not (printed := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert serving.poll() is None, log.read_text()
            time.sleep(0.1)
        wait_for(printed[0], serving, log)
        answer = httpx.post(f"{printed[0]}/v1/chat/completions", json=asked, timeout=60).json()
        assert f"]({printed[0]}/documents/" in answer["choices"][0]["message"]["content"]
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(30)


def test_bytes_that_are_no_request_do_not_stop_the_service(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00garbage\r\n\r\n")
        connection.recv(65_536)
    headers = {"Content-Type": "application/json"}
    found = httpx.post(f"{server.url}/v1/ask", content=b"\xff", headers=headers, timeout=60)
    assert found.status_code == 422
    assert httpx.get(f"{server.url}/health/live", timeout=60).status_code == 200
