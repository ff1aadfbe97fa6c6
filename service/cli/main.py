"""The command line. Results go to standard output, everything else to standard error."""

import asyncio
import logging
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from corpus.claims import with_unique_ids
from corpus.document import unencodable
from corpus.errors import NotFoundError, QuothError, StoreError
from corpus.load import find_files
from corpus.pool import ParserPool
from index.collection import Collection
from index.encoding.encoder import load_encoder
from index.filters import Filters
from index.outcome import FAILURES, FileOutcome, FileStatus
from index.renewal import rebuild
from index.store.documents import DocumentSummary
from index.store.store import FILE_NAME
from service.answering import wording
from service.answering.citation import Citation
from service.answering.question import DEFAULT_TOP_K, make_question
from service.answering.reason import Reason
from service.answering.record import AnswerRecord
from service.answering.service import open_collection, open_service
from service.mirror.ledger import FileStage, Ledger
from service.mirror.plan import root_of
from service.mirror.sync import Mirror
from service.mirror.watch import Watcher
from service.settings import Settings, load_settings

app = typer.Typer(
    name="quoth",
    help="Answers questions from your documents by quoting them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_UNBOUNDED = 100_000
"""Columns of what is no terminal."""

_RATE_PERIOD_S = 600
"""The rate is that of so long a time: files come in batches."""

_FAILURES_SHOWN = 20
"""Failed files that the status names; GET /v1/ingestion names all."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The folder of the index. [default: ./.quoth]"),
]
Tags = Annotated[list[str] | None, typer.Option(help="A tag for every document; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line; an error of Quoth is one line on standard error and exit code 1."""
    for command in entry_points(group="quoth.commands"):
        app.add_typer(command.load(), name=command.name)
    try:
        app()
    except QuothError as exc:
        err.print(Text(f"quoth: {exc}", style="red"))
        sys.exit(1)


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.", show_default=False)],
    data: DataDir = None,
    tag: Tags = None,
) -> None:
    """Add files and folders, or bring them up to date. A bad file is reported and skipped; then the
    exit code is 1.
    """
    settings = _settings(data)
    tasks = list(find_files(paths, tag or ()))
    with (
        ParserPool.sized(len(tasks), settings.threads, settings.max_document_bytes) as pool,
        open_collection(settings, writable=True) as collection,
    ):
        outcomes = collection.put_files(with_unique_ids(pool.parse(tasks)))
        counts = Counter(map(_print_added, _shown(outcomes, len(tasks), "adding")))
    _print_counts(counts, "nothing to add")


@app.command()
def sync(
    folder: Annotated[Path, typer.Argument(help="The folder.", show_default=False)],
    data: DataDir = None,
    tag: Tags = None,
    again: Annotated[
        bool, typer.Option(help="Read every file, whether it has changed or not.")
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option(help="A folder that is empty now takes all of its documents out.")
    ] = False,
    forget: Annotated[
        bool, typer.Option(help="Keep up with it no longer; its documents stay.")
    ] = False,
) -> None:
    """Mirror a folder: what is new, changed, moved or gone in it becomes so in the index.

    A file that has become bad is reported, and keeps its last good version; then the exit code is
    1."""
    settings = _indexed(data) if forget else _settings(data)
    with open_collection(settings, writable=True) as collection:
        if forget:
            _forget(folder, collection)
            return
        mirror = Mirror(collection, folder, tags=tag)
        plan = mirror.plan(again=again, allow_empty=allow_empty)
        counts: Counter[FileStatus] = Counter()
        with ParserPool.sized(
            len(plan.pending), settings.threads, settings.max_document_bytes
        ) as pool:
            for outcome in _shown(mirror.carry_out(plan, pool), plan.total, "syncing"):
                _print_outcome(outcome)
                counts[outcome.status] += 1
    _print_counts(counts, "nothing to sync")


@app.command()
def watch(
    folders: Annotated[list[Path], typer.Argument(help="Folders.", show_default=False)],
    data: DataDir = None,
    tag: Tags = None,
) -> None:
    """Sync folders, then follow what changes in them until interrupted. quoth serve --watch does so
    while it serves.
    """
    settings = _settings(data)
    _log(settings, "%(levelname)s: %(message)s")
    stop = _stopped_by_signals()
    with (
        ParserPool(1, settings.max_document_bytes) as pool,
        open_collection(settings, writable=True) as collection,
    ):
        mirrors = [Mirror(collection, folder, tags=tag) for folder in folders]
        err.print(
            Text(f"watching {', '.join(str(mirror.folder) for mirror in mirrors)}; end with Ctrl-C")
        )
        Watcher(mirrors, pool, _print_news).run(stop)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    data: DataDir = None,
    as_json: AsJson = False,
    top_k: Annotated[int, typer.Option(help="Passages to read, 1 to 50.")] = DEFAULT_TOP_K,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only documents with this tag; may be repeated.")
    ] = None,
    document: Annotated[
        list[str] | None, typer.Option(help="Only this document; may be repeated.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(help="0 to 1. [default: the calibrated threshold]")
    ] = None,
) -> None:
    """Ask a question: the answer, the sentence it stands in, and its source."""
    filters = Filters(document_ids=tuple(document or ()), tags=tuple(tag or ()))
    asked = make_question(question, top_k=top_k, filters=filters, min_confidence=min_confidence)
    with open_service(_indexed(data), writable=False) as service:
        kept = service.ask(asked)
    if as_json:
        sys.stdout.write(kept.body.decode() + "\n")
    else:
        _print_answer(kept.record)


@app.command()
def serve(
    data: DataDir = None,
    host: Annotated[str | None, typer.Option(help="[default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="[default: 8000]")] = None,
    watch: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Keep up with this folder; may be repeated."),
    ] = None,
) -> None:
    """Serve questions over HTTP until interrupted."""
    import uvicorn

    from service.http.app import create_app

    settings = _settings(data, host=host, port=port, watch=tuple(watch) if watch else None)
    _log(settings, "%(asctime)s %(levelname)s %(name)s: %(message)s")
    with open_service(settings, writable=True, renewing=True) as service:
        state = (
            "no documents yet"
            if service.collection.store.is_empty()
            else f"generation {service.collection.generation}"
        )
        err.print(Text(f"{settings.data_dir}: {state}; http://{settings.host}:{settings.port}"))
        uvicorn.run(
            create_app(service, settings),
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level.lower(),
            access_log=False,
        )


slack_app = typer.Typer(
    invoke_without_command=True, help="Answer Slack over Socket Mode; check what that needs."
)
app.add_typer(slack_app, name="slack")


@slack_app.callback()
def slack(context: typer.Context, data: DataDir = None) -> None:
    """Answer Slack over Socket Mode until interrupted."""
    if context.invoked_subcommand is not None:
        return
    from service.slack.socket_mode import serve_socket

    settings = _indexed(data)
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    with open_service(settings, writable=False) as service:
        err.print(
            Text(
                f"{settings.data_dir}: generation {service.collection.generation}; answering Slack"
            )
        )
        asyncio.run(serve_socket(service, settings))


@slack_app.command(name="check")
def slack_check() -> None:
    """Say which token, scope or secret is missing; then the exit code is 1."""
    from service.slack.check import check_setup

    findings = asyncio.run(check_setup(load_settings()))
    for finding in findings:
        out.print(Text(f"{'missing' if finding.fault else 'found':<8} {finding.text}"))
    if any(finding.fault for finding in findings):
        raise typer.Exit(1)


@app.command()
def mcp(data: DataDir = None) -> None:
    """Serve assistants over standard input and output, with the Model Context Protocol; the index
    is only read.
    """
    import anyio

    from service.http.mcp import serve_stdio
    from service.http.threads import Threads

    settings = _indexed(data)
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    with open_service(settings, writable=False) as service:
        anyio.run(serve_stdio, service, Threads(settings.threads))


@app.command()
def documents(data: DataDir = None, as_json: AsJson = False) -> None:
    """List the documents."""
    with open_collection(_indexed(data), writable=False) as collection:
        found = list(collection.documents())
    if as_json:
        adapter = TypeAdapter(DocumentSummary)
        for summary in found:
            sys.stdout.write(adapter.dump_json(summary).decode() + "\n")
        return
    id_column = Column("id", overflow="fold")  # never shortened: other commands take it
    table = Table(id_column, "title", "published", "tags", "chunks", box=None, header_style="bold")
    for summary in found:
        published = summary.published.isoformat() if summary.published else ""
        cells = (summary.id, summary.title, published, ", ".join(summary.tags), str(summary.chunks))
        table.add_row(*(Text(cell) for cell in cells))
    (out if out.is_terminal else Console(highlight=False, soft_wrap=True, width=_UNBOUNDED)).print(
        table
    )


@app.command()
def remove(
    ids: Annotated[
        list[str],
        typer.Argument(help="Document ids, as quoth documents lists them.", show_default=False),
    ],
    data: DataDir = None,
) -> None:
    """Remove documents, with everything that shows their text."""
    settings = _indexed(data)
    for document_id in ids:
        if unencodable(document_id):
            raise NotFoundError(f"there is no document {document_id!r}")
    with open_collection(settings, writable=True) as collection:
        removed = collection.remove(ids)
    for removal in removed.documents:
        out.print(
            Text(f"removed {removal.id}: {removal.chunks} chunks, {removal.versions} versions")
        )


@app.command()
def status(data: DataDir = None) -> None:
    """Say what the index holds, what it was built with, and what became of the files of synced
    folders.
    """
    settings = _indexed(data)
    with open_collection(settings, writable=False) as collection:
        rows = {
            "folder": str(settings.data_dir),
            "generation": str(collection.generation),
            **{name: str(count) for name, count in collection.store.counts().items()},
            **{f"chunks in {name}": str(count) for name, count in collection.sizes().items()},
            **_flattened(collection.store.manifest() or {}),
            **{
                f"synced {root}": _stages(counts)
                for root, counts in Ledger(collection.store.database).stages().items()
            },
        }
        failed = Ledger(collection.store.database).lines(_FAILURES_SHOWN, stage=FileStage.FAILED)
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        out.print(Text.assemble((name.ljust(width + 2), "bold"), value))
    for entry in failed:
        out.print(Text(f"failed {entry.path}: {entry.reason} ({entry.at})", style="red"))


@app.command()
def verify(data: DataDir = None) -> None:
    """Check that store, FAISS and lexical index hold the same chunks, each equal to its span of
    text.
    """
    with open_collection(_indexed(data), writable=False) as collection:
        faults = collection.verify()
        sizes = collection.sizes()
    for fault in faults:
        out.print(Text(fault))
    if faults:
        err.print(f"{len(faults)} faults; quoth rebuild mends what can be mended from the store")
        raise typer.Exit(1)
    err.print(f"sound: {sizes['store']} chunks, the same in store, FAISS and lexical index")


@app.command(name="rebuild")
def rebuild_command(data: DataDir = None) -> None:
    """Make FAISS and the lexical index anew from the store; embed anew where the settings have
    changed.
    """
    settings = _indexed(data)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    with err.status("rebuilding"):
        chunks = rebuild(settings.data_dir, encoder, source=settings.encoder)
    err.print(f"rebuilt: {chunks} chunks")


def _settings(data: Path | None, **given: object) -> Settings:
    return load_settings(data_dir=data, **given)


def _indexed(data: Path | None) -> Settings:
    """The settings, where there is an index in their folder."""
    settings = _settings(data)
    if not (settings.data_dir / FILE_NAME).is_file():
        raise StoreError(
            f"{settings.data_dir}: there is no index here; make one with quoth add, or name it "
            "with --data"
        )
    return settings


_T = TypeVar("_T")


def _log(settings: Settings, form: str) -> None:
    logging.basicConfig(level=settings.log_level, format=form)
    logging.getLogger("watchfiles").setLevel(
        logging.WARNING
    )  # it counts every change, documents or not


class _RateColumn(ProgressColumn):
    """How many files a second."""

    def render(self, task: Task) -> Text:
        """The rate, once it is known."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} files/s" if speed else "", style="progress.data.speed")


def _shown(results: Iterable[_T], total: int, what: str) -> Iterator[_T]:
    """The results as they come, with a bar that tells how many there are, the rate and the time
    left.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=err, transient=True, speed_estimate_period=_RATE_PERIOD_S
    ) as progress:
        yield from progress.track(results, total=total, description=what)


def _print_outcome(outcome: FileOutcome) -> None:
    """Print what became of a file, unless nothing did."""
    if outcome.is_failure:
        err.print(Text(f"{outcome.source}: {outcome.reason}", style="red"))
    elif outcome.is_news:
        was = f" (was {outcome.moved_from})" if outcome.moved_from else ""
        why = f" ({outcome.reason})" if outcome.reason else ""
        out.print(Text(f"{outcome.status} {outcome.source}{was}{why}"))


def _print_news(outcome: FileOutcome) -> None:
    if outcome.is_news:
        _print_outcome(outcome)


def _print_counts(counts: Counter[FileStatus], nothing: str) -> None:
    """Print how many files had each status; exit with 1 if one failed."""
    err.print(", ".join(f"{counts[each]} {each}" for each in FileStatus if counts[each]) or nothing)
    if any(counts[status] for status in FAILURES):
        raise typer.Exit(1)


def _forget(folder: Path, collection: Collection) -> None:
    path = root_of(collection.store, folder).path
    files = Ledger(collection.store.database).forget_root(path)
    err.print(Text(f"{path}: its {files} files are not followed any longer; their documents stay"))


def _stopped_by_signals() -> threading.Event:
    """Set when the process is asked to end, so that what is being written is finished first."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def _stages(counts: dict[FileStage, int]) -> str:
    return (
        ", ".join(f"{counts[stage]} {stage}" for stage in FileStage if stage in counts)
        or "no files"
    )


def _print_added(outcome: FileOutcome) -> FileStatus:
    """Print what became of a file that was added, and return its status."""
    if outcome.is_failure:
        _print_outcome(outcome)
    else:
        out.print(Text(f"{outcome.status} {outcome.document_id} ({outcome.chunks} chunks)"))
    return outcome.status


def _print_answer(response: AnswerRecord) -> None:
    if response.answer is None:
        out.print(Text(wording.NO_ANSWER, style="bold"))
        out.print(Text(wording.REFUSALS[response.reason or Reason.NO_SPAN]))
        if response.passages:
            err.print(Text(f"{wording.NEAREST}:"))
        for passage in response.passages[:3]:
            out.print(
                Text(f"\n{passage.text}\n  {passage.title} [{passage.document_id}]", style="dim")
            )
        return
    confidence = response.answer.confidence
    out.print(Text(response.answer.text, style="bold"))
    out.print(
        Text(f"{wording.confidence_words(confidence)} (confidence {confidence:.2f})", style="dim")
    )
    _print_citations(response.citations)
    if response.conflict:
        out.print(Text(f"\n{wording.CONFLICT} {wording.ALSO_SAY}"))
        for other in response.alternatives:
            out.print(Text(f"\n{other.text}", style="bold"))
            _print_citations(other.citations)


def _print_citations(citations: Sequence[Citation]) -> None:
    for citation in citations:
        out.print(Text(f"\n[{citation.number}] {_source(citation)}"))
        if citation.sentence.text != citation.quote:
            out.print(Text(f"    {citation.sentence.text}"))


def _source(citation: Citation) -> str:
    parts = [
        citation.title,
        citation.published.isoformat() if citation.published else None,
        f"page {citation.page}" if citation.page else None,
        citation.url,
        f"{citation.document_id} {citation.start}-{citation.end}",
    ]
    return ", ".join(part for part in parts if part)


def _flattened(manifest: dict[str, object]) -> dict[str, str]:
    rows = {}
    for part, value in manifest.items():
        if isinstance(value, dict):
            rows.update({f"{part} {name}": str(inner) for name, inner in value.items()})
    return rows


if __name__ == "__main__":
    main()
