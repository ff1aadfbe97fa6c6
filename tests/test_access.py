"""Who may read a data folder, and what every command says where it cannot."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.document import Document
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.opening import LOCK_NAME
from index.store.store import FILE_NAME
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.passage import PassageReader
from service.slack.inbox.inbox import Inbox

Make = Callable[..., Document]
Open = Callable[..., Collection]


def readable_by_others(folder: Path) -> set[str]:
    return {
        path.relative_to(folder.parent).as_posix()
        for path in (folder, *folder.rglob("*"))
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """New files would be readable by every user."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_only_its_owner_may_read_a_data_folder(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> None:
    folder = tmp_path / "data"
    with AnswerService(folder, encoder, passages, writable=True) as service:
        service.collection.put([make("gas", "The line carries 38 bcm."), make("peas")])
        service.ask(make_question("What does the line carry?", min_confidence=0))
        Inbox(folder).close()
        # tantivy's own files lie in a folder that nobody else may enter.
        assert all("/terms/" in name for name in readable_by_others(folder))
    assert readable_by_others(folder) == set()


def test_a_folder_that_others_could_read_is_closed_to_them(
    tmp_path: Path, open_collection: Open, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    collection.close()
    folder = tmp_path / "data"
    (folder / "notes.txt").write_text("not ours")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    open_collection(writable=False).close()
    assert "data" in readable_by_others(folder)  # A reader leaves it as it is.
    assert caplog.messages == []
    open_collection().close()
    assert readable_by_others(folder) == {"data/notes.txt"}
    assert [each for each in caplog.messages if "could read this data folder" in each]


COMMANDS = [["status"], ["verify"], ["rebuild"], ["documents"], ["remove", "a"], ["add", __file__]]
WITH_MODELS = [["ask", "Who?"], ["serve", "--port", "0"]]

EVERY_COMMAND = """
import json, sys
from service.cli.main import main
for command in json.loads(sys.argv[1]):
    sys.argv = ["quoth", *command]
    try:
        main()
    except SystemExit as exc:
        print(exc.code)
"""


def _folder_for_file(folder: Path) -> None:
    (folder / FILE_NAME / "inside").mkdir(parents=True)


def _folder_for_lock(folder: Path) -> None:
    (folder / LOCK_NAME).mkdir(parents=True)


def _lost(folder: Path) -> None:
    folder.mkdir()
    (folder / "vectors-3.faiss").write_bytes(b"x")


def _garbage(folder: Path) -> None:
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"garbage" * 999)


def _file(folder: Path) -> None:
    folder.write_text("x")


def _file_on_the_way(folder: Path) -> None:
    folder.parent.rmdir()
    folder.parent.write_text("x")


def _nothing(_folder: Path) -> None:
    """The name alone is the hindrance."""


HINDRANCES: dict[str, Callable[[Path], None]] = {
    "a folder for the database": _folder_for_file,
    "a folder for the lock": _folder_for_lock,
    "a lost database": _lost,
    "garbage": _garbage,
    "a file for the folder": _file,
    "a file on the way": _file_on_the_way,
    "too long a name": _nothing,
}


@pytest.mark.processes
def test_no_command_ends_with_a_traceback(tmp_path: Path) -> None:
    commands = []
    for hindrance, hinder in HINDRANCES.items():
        is_long = hindrance == "too long a name"
        folder = tmp_path / hindrance / ("long" * 99 if is_long else "data")
        folder.parent.mkdir()
        hinder(folder)
        # Those that load models do so before they open the folder.
        chosen = COMMANDS + (WITH_MODELS if hindrance == "garbage" else [])
        commands += [[*command, "--data", str(folder)] for command in chosen]
    run = [sys.executable, "-c", EVERY_COMMAND, json.dumps(commands)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines() == ["1"] * len(commands)
    assert done.stderr.count("quoth: ") == len(commands)
