"""Kill -9 at any moment: what was acknowledged is there, nothing is there by half, and work goes
on.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.limits import ParseLimits
from corpus.pool import ParserPool
from index.collection import Collection
from service.mirror.ledger import Ledger
from service.mirror.sync import Mirror

pytestmark = pytest.mark.processes

ROUNDS = 5
LAST = "last"

# Each batch holds document n, and the document "last" whose text names n: one without the other is
# half a batch. FAISS is saved every few chunks, so that the kill may fall there too.
SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import index.search.embedded.engine
from conftest import ToyEncoder
from corpus.document import make_document
from index.collection import Collection
index.search.embedded.engine._SAVE_AFTER_CHUNKS = 3
with Collection(Path(sys.argv[1]), ToyEncoder(), writable=True) as collection:
    for number in range(int(sys.argv[2]), 10_000):
        collection.put([make_document(f"Line {{number}} carries gas.", document_id=str(number)),
                        make_document(f"The last is {{number}}.", document_id="{LAST}")])
        print(number, flush=True)
"""


def acknowledged_before_the_kill(folder: Path, first: int, chance: random.Random) -> list[int]:
    """What a process that adds documents from ``first`` on had acknowledged when it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(first)], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        printed = [running.stdout.readline() for _ in range(chance.randint(1, 4))]
        time.sleep(chance.uniform(0, 0.2))
        running.kill()
        printed.extend(running.stdout.readlines())
    assert running.returncode == -9  # it was at work when it was killed
    return [int(number) for number in printed if number.endswith("\n")]


def test_acknowledged_documents_survive_a_kill_at_any_moment(
    tmp_path: Path, open_collection: Callable[..., Collection], make: Callable[..., Document]
) -> None:
    folder = tmp_path / "data"
    chance = random.Random()  # the moments differ from run to run whatever is drawn here
    first = 0
    for _ in range(ROUNDS):
        acknowledged = acknowledged_before_the_kill(folder, first, chance)
        assert acknowledged == list(range(first, first + len(acknowledged)))
        collection = open_collection(folder)
        present = {summary.id for summary in collection.documents()}
        last = int(
            collection.store.document(LAST).text.removeprefix("The last is ").removesuffix(".")
        )
        # The kill may fall between a write and its acknowledgement: then one batch more is there,
        # and whole.
        assert last in (acknowledged[-1], acknowledged[-1] + 1)
        assert present == {LAST, *map(str, range(last + 1))}
        assert collection.verify() == []
        best = collection.searcher.search(f"Line {last} carries gas", 200).hits
        assert {hit.chunk.document_id for hit in best} >= {str(number) for number in acknowledged}
        collection.close()
        first = last + 1
    collection = open_collection(folder)
    collection.put([make(str(number)) for number in range(first, first + 5)])
    assert len(list(collection.documents())) == first + 6
    assert collection.verify() == []


FILES = 300
SYNC = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from conftest import ToyEncoder
from corpus.limits import ParseLimits
from corpus.pool import ParserPool
from index.collection import Collection
from service.mirror.sync import Mirror
from service.answering.storage import APPLICATION_DATA
with Collection(
    Path(sys.argv[1]), ToyEncoder(), writable=True, application=APPLICATION_DATA
) as collection:
    mirror = Mirror(collection, Path(sys.argv[2]))
    for change in mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(1_000))):
        print(change.source, flush=True)
"""


def test_a_killed_sync_is_finished_by_the_next_and_owns_its_documents(
    tmp_path: Path, open_collection: Callable[..., Collection]
) -> None:
    data, folder = tmp_path / "data", tmp_path / "papers"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:03}.txt").write_text(f"Line {number} carries gas.")
    with subprocess.Popen(
        [sys.executable, "-c", SYNC, str(data), str(folder)], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        first = running.stdout.readline()
        time.sleep(random.uniform(0, 0.1))
        running.kill()
        said = {
            line.strip() for line in (first, *running.stdout.readlines()) if line.endswith("\n")
        }
    collection = open_collection(data)
    assert {
        path
        for path, entry in Ledger(collection.store.database).entries(str(folder)).items()
        if entry.document_id
    } >= said
    mirror = Mirror(collection, folder)
    again = {
        change.source: change.status.value
        for change in mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(1_000)))
    }
    assert {again[path] for path in said} == {"unchanged"}
    assert (len(again), set(again.values()) <= {"added", "unchanged"}) == (FILES, True)
    for number in range(1, FILES):
        (folder / f"{number:03}.txt").unlink()
    list(mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(1_000))))
    assert [summary.id for summary in collection.documents()] == ["papers/000.txt"]
    assert collection.verify() == []
