"""Mirroring a folder: 2,000 files of several formats are synced, changed, and synced again.

    python -m eval.benchmarks.mirroring [--squad FILE] [--files 2000] [--json FILE]

Each file holds a few real sentences, from a SQuAD file or the shipped library. Ten more files are
broken in ten ways. After the first sync 50 files are changed, 20 deleted and 10 renamed. Every sync
is what ``quoth sync`` runs, with the default encoder. A wrapper counts the texts that the encoder
is given, and the time that it takes.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

import docx
import openpyxl
import pptx
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate
from rich import box
from rich.table import Table

from corpus.pool import ParserPool
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.material import load_sources
from eval.benchmarks.options import positive
from eval.benchmarks.timing import TimedEncoder
from eval.console import print_wide, stderr, stdout
from eval.seed import SEED
from index.collection import Collection
from index.encoding.encoder import load_encoder
from index.encoding.identity import DEFAULT_ENCODER
from index.outcome import FileStatus
from index.text.sentences import sentences
from service.mirror.ledger import FileStage, Ledger
from service.mirror.sync import Mirror
from service.settings import Settings, load_settings

FILE_COUNT = 2_000
CHANGED, DELETED, RENAMED = 50, 20, 10

_SENTENCES = 3
_LONG_AGO_NS = 10**18


@dataclass(frozen=True, slots=True)
class Sync:
    """One sync.

    :param outcomes: number of files by outcome
    :param embedded: number of texts that the encoder was given
    :param other: the share of the time that was not spent in the encoder, 0 to 1
    :param other_cpu: the same share of this process's processor time, which other work on the
        machine does not lengthen
    :param parsing_cpu_s: processor time of the processes that read and parsed files
    :param generations: number of generations that it made
    """

    name: str
    outcomes: dict[str, int]
    seconds: float
    embedded: int
    other: float
    other_cpu: float
    parsing_cpu_s: float
    generations: int


def _text(path: Path, title: str, body: str) -> None:
    path.write_text(f"{title}\n\n{body}\n")


def _markdown(path: Path, title: str, body: str) -> None:
    path.write_text(f"# {title}\n\n{body}\n")


def _html(path: Path, title: str, body: str) -> None:
    path.write_text(
        f"<html><head><title>{escape(title)}</title></head><body><article><h1>{escape(title)}</h1>"
        f"<p>{escape(body)}</p></article></body></html>"
    )


def _docx(path: Path, title: str, body: str) -> None:
    document = docx.Document()
    document.add_heading(title)
    document.add_paragraph(body)
    document.save(str(path))


def _pptx(path: Path, title: str, body: str) -> None:
    slides = pptx.Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text = title
    slide.placeholders[1].text = body
    slides.save(str(path))


def _xlsx(path: Path, title: str, body: str) -> None:
    book = openpyxl.Workbook()
    book.active.append(["title", "text"])
    book.active.append([title, body])
    book.save(path)


def _pdf(path: Path, title: str, body: str) -> None:
    styles = getSampleStyleSheet()
    parts = [Paragraph(escape(title), styles["Title"]), Paragraph(escape(body), styles["BodyText"])]
    SimpleDocTemplate(str(path), pagesize=A4).build(parts)


WRITERS: dict[str, tuple[int, Callable[[Path, str, str], None]]] = {
    ".txt": (5, _text),
    ".md": (5, _markdown),
    ".html": (4, _html),
    ".pdf": (3, _pdf),
    ".docx": (2, _docx),
    ".xlsx": (1, _xlsx),
    ".pptx": (1, _pptx),
}
"""How each format is written, and how many of every 21 files are in it."""

BAD: dict[str, bytes] = {
    "empty.txt": b"",
    "blank.md": b"  \n\n",
    "binary.txt": bytes(range(256)) * 20,
    "garbage.pdf": b"%PDF-1.7\nnothing of the kind",
    "garbage.docx": b"PK\x03\x04 and no more",
    "renamed.xlsx": b"This is no workbook.",
    "cut.pptx": b"PK\x05\x06" + b"\x00" * 10,
    "scripts.html": b"<html><body><script>var x = 1;</script></body></html>",
    "header.md": b"---\ntitle: [open\n---\nThe header is not closed.",
}


def write_folder(
    folder: Path, texts: Iterator[str], files: int, draws: random.Random
) -> list[Path]:
    """Write good files, in folders of a hundred, and the broken ones.

    :return: the good files
    """
    kinds = [suffix for suffix, (share, _) in WRITERS.items() for _ in range(share)]
    written = []
    for number, body in enumerate(islice(texts, files)):
        path = folder / f"{number // 100:02}" / f"{number:04}{draws.choice(kinds)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, body)
        written.append(path)
    for name, data in BAD.items():
        (folder / name).write_bytes(data)
        os.utime(folder / name, ns=(_LONG_AGO_NS, _LONG_AGO_NS))
    (folder / "nowhere.txt").symlink_to(folder / "none.txt")
    return written


def _write(path: Path, body: str, age: int = 0) -> None:
    WRITERS[path.suffix][1](path, " ".join(body.split()[:6]).rstrip(".,"), body)
    os.utime(path, ns=(_LONG_AGO_NS + age, _LONG_AGO_NS + age))


def change_folder(written: list[Path], texts: Iterator[str], draws: random.Random) -> None:
    """Change some of the files, delete others and rename others."""
    chosen = iter(draws.sample(written, CHANGED + DELETED + RENAMED))
    for path, body in zip(islice(chosen, CHANGED), texts, strict=False):
        _write(path, body, age=1)
    for path in islice(chosen, DELETED):
        path.unlink()
    for path in chosen:
        path.rename(path.with_stem(f"{path.stem}-renamed"))


def synced(
    name: str, collection: Collection, folder: Path, encoder: TimedEncoder, settings: Settings
) -> Sync:
    """Sync the folder once, as ``quoth sync`` does."""
    encoder.reset()
    generation, parsing = collection.generation, _children_s()
    started, cpu = time.perf_counter(), time.process_time()
    mirror = Mirror(collection, folder)
    plan = mirror.plan()
    with ParserPool.sized(len(plan.pending), settings.threads, settings.parse_limits) as pool:
        outcomes = Counter(outcome.status for outcome in mirror.carry_out(plan, pool))
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    counts = {status.value: outcomes[status] for status in FileStatus if outcomes[status]}
    stderr.print(f"{name}: {seconds:.1f} s, {counts}")
    return Sync(
        name=name,
        outcomes=counts,
        seconds=seconds,
        embedded=encoder.texts,
        other=1 - encoder.seconds / seconds,
        other_cpu=1 - encoder.cpu_s / cpu_s,
        parsing_cpu_s=_children_s() - parsing,
        generations=collection.generation - generation,
    )


def _children_s() -> float:
    """Processor time of the ended child processes of this one, in seconds."""
    times = os.times()
    return times.children_user + times.children_system


def print_syncs(syncs: Sequence[Sync]) -> None:
    """Print a table with a row for each sync."""
    heads = (
        "sync",
        "files",
        "s",
        "embedded",
        "not the encoder's",
        "of the CPU",
        "parsing CPU s",
        "generations",
    )
    table = Table(*heads, box=box.MARKDOWN)
    for sync in syncs:
        outcomes = ", ".join(f"{count} {what}" for what, count in sync.outcomes.items())
        shares = (f"{sync.other:.1%}", f"{sync.other_cpu:.1%}", f"{sync.parsing_cpu_s:.1f}")
        table.add_row(
            sync.name,
            outcomes,
            f"{sync.seconds:.1f}",
            str(sync.embedded),
            *shares,
            str(sync.generations),
        )
    print_wide(table, width=160)


def _bodies(squad: Path | None) -> Iterator[str]:
    """A few sentences at a time, without end; from the second round on with the round's number."""
    turn = 0
    while True:
        for source in load_sources(squad):
            text = source.document.text
            found = [text[start:end] for start, end in sentences(text)]
            for first in range(0, len(found), _SENTENCES):
                body = " ".join(" ".join(found[first : first + _SENTENCES]).split())
                yield body if turn == 0 else f"{body} This is round {turn}."
        turn += 1


def main() -> None:
    """Write files, sync, change some, sync again, print."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.mirroring", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--squad", type=Path, help="a SQuAD file, plain or gzipped; default: the shipped library"
    )
    parser.add_argument(
        "--files", type=positive, default=FILE_COUNT, help="number of good files (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    print_machine(this_machine(settings.threads))
    encoder = TimedEncoder(load_encoder(settings.encoder, settings.models_dir, settings.threads))
    texts, draws = _bodies(given.squad), random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="quoth-folder-") as scratch:
        folder, data = Path(scratch) / "papers", Path(scratch) / "data"
        stderr.print(f"writing {given.files} files")
        written = write_folder(folder, texts, given.files, draws)
        with Collection(data, encoder, writable=True) as collection:
            syncs = [synced("first", collection, folder, encoder, settings)]
            _print_ledger(collection, folder)
            change_folder(written, texts, draws)
            syncs += [
                synced(name, collection, folder, encoder, settings)
                for name in ("after changes", "nothing new")
            ]
            faults = collection.verify()
    print_syncs(syncs)
    stdout.print(f"verify: {len(faults)} faults")
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(sync) for sync in syncs], indent=2) + "\n")


def _print_ledger(collection: Collection, folder: Path) -> None:
    stages = Ledger(collection.store.database).stages()[str(folder)]
    stdout.print(
        "ledger: " + ", ".join(f"{stages[stage]} {stage}" for stage in FileStage if stage in stages)
    )
    for entry in Ledger(collection.store.database).lines(2 * len(BAD), stage=FileStage.FAILED):
        stdout.print(
            f"  {entry.stage} {os.path.relpath(entry.path, folder)}: {entry.reason} ({entry.at})",
            markup=False,
        )


if __name__ == "__main__":
    main()
