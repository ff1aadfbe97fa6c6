"""The command line. Results go to standard output, everything else to standard error."""

import logging
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from corpus.document import unencodable
from corpus.errors import DocumentError, NotFoundError, QuothError, StoreError
from corpus.load import ClaimedIds, FoundFile, find_files, read_document
from index.collection import FileResult
from index.embed import load_encoder
from index.ingest import Loaded
from index.renewal import rebuild
from index.store import FILE_NAME, Filters
from service.desk import open_collection, open_desk
from service.question import DEFAULT_TOP_K, make_question
from service.schemas import AskResponse, CitationOut, SummaryOut
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

DataDir = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The folder of the index. [default: ./.quoth]")
]
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
    tag: Annotated[list[str] | None, typer.Option(help="A tag for every document; may be repeated.")] = None,
) -> None:
    """Add files and folders, or bring them up to date. A bad file is reported and skipped; then the exit code is 1."""
    settings = _settings(data)
    files = list(find_files(paths))
    with open_collection(settings, writable=True) as collection, _progress() as progress:
        task = progress.add_task("adding", total=len(files))
        counts = dict.fromkeys(("added", "updated", "unchanged", "failed"), 0)
        for result in collection.put_files(_loaded(files, tag or [], settings)):
            progress.advance(task)
            counts[_report(result)] += 1
    err.print(", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing to add")
    if counts["failed"]:
        raise typer.Exit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    data: DataDir = None,
    as_json: AsJson = False,
    top_k: Annotated[int, typer.Option(help="Passages to read, 1 to 50.")] = DEFAULT_TOP_K,
    tag: Annotated[list[str] | None, typer.Option(help="Only documents with this tag; may be repeated.")] = None,
    document: Annotated[list[str] | None, typer.Option(help="Only this document; may be repeated.")] = None,
    min_confidence: Annotated[float | None, typer.Option(help="0 to 1. [default: the calibrated threshold]")] = None,
) -> None:
    """Ask a question: the answer, the sentence it stands in, and its source."""
    filters = Filters(document_ids=tuple(document or ()), tags=tuple(tag or ()))
    asked = make_question(question, top_k=top_k, filters=filters, min_confidence=min_confidence)
    with open_desk(_indexed(data), writable=False) as desk:
        body = desk.ask(asked)
    if as_json:
        sys.stdout.write(body.decode() + "\n")
    else:
        _print_answer(AskResponse.model_validate_json(body))


@app.command()
def serve(
    data: DataDir = None,
    host: Annotated[str | None, typer.Option(help="[default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="[default: 8000]")] = None,
) -> None:
    """Serve questions over HTTP until interrupted."""
    import uvicorn

    from service.app import create_app

    settings = _settings(data, host=host, port=port)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with open_desk(settings, writable=True, renewing=True) as desk:
        state = "no documents yet" if desk.collection.store.is_empty() else f"generation {desk.collection.generation}"
        err.print(Text(f"{settings.data_dir}: {state}; http://{settings.host}:{settings.port}/docs"))
        uvicorn.run(
            create_app(desk, settings),
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level.lower(),
            access_log=False,
        )


@app.command()
def documents(data: DataDir = None, as_json: AsJson = False) -> None:
    """List the documents."""
    with open_collection(_indexed(data), writable=False) as collection:
        found = list(collection.documents())
    if as_json:
        for summary in found:
            sys.stdout.write(SummaryOut.of(summary).model_dump_json() + "\n")
        return
    id_column = Column("id", overflow="fold")  # never shortened: other commands take it
    table = Table(id_column, "title", "published", "tags", "chunks", box=None, header_style="bold")
    for summary in found:
        published = summary.published.isoformat() if summary.published else ""
        cells = (summary.id, summary.title, published, ", ".join(summary.tags), str(summary.chunks))
        table.add_row(*(Text(cell) for cell in cells))
    (out if out.is_terminal else Console(highlight=False, soft_wrap=True, width=_UNBOUNDED)).print(table)


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(help="Document ids, as quoth documents lists them.", show_default=False)],
    data: DataDir = None,
) -> None:
    """Remove documents, with everything that shows their text."""
    settings = _indexed(data)
    for id in ids:
        if unencodable(id):
            raise NotFoundError(f"there is no document {id!r}")
    with open_collection(settings, writable=True) as collection:
        removals, _ = collection.remove(ids)
    for removal in removals:
        out.print(Text(f"removed {removal.id}: {removal.chunks} chunks, {removal.versions} versions"))


@app.command()
def status(data: DataDir = None) -> None:
    """Say what the index holds and what it was built with."""
    settings = _indexed(data)
    with open_collection(settings, writable=False) as collection:
        rows = {
            "folder": str(settings.data_dir),
            "generation": str(collection.generation),
            **{name: str(count) for name, count in collection.store.counts().items()},
            **{f"chunks in {name}": str(count) for name, count in collection.sizes().items()},
            **_flattened(collection.store.manifest() or {}),
        }
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        out.print(Text.assemble((name.ljust(width + 2), "bold"), value))


@app.command()
def verify(data: DataDir = None) -> None:
    """Check that store, FAISS and lexical index hold the same chunks, each equal to its span of text."""
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
    """Make FAISS and the lexical index anew from the store; embed anew where the settings have changed."""
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
            f"{settings.data_dir}: there is no index here; make one with quoth add, or name it with --data"
        )
    return settings


def _progress() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=err, transient=True)


def _loaded(files: list[FoundFile], tags: list[str], settings: Settings) -> Iterator[Loaded]:
    """Each file read when its turn comes, so that no more than a batch is held at a time."""
    claimed = ClaimedIds()
    for file in files:
        yield _load(file, tags, settings, claimed)


def _load(file: FoundFile, tags: list[str], settings: Settings, claimed: ClaimedIds) -> Loaded:
    try:
        document = read_document(file.path, id=file.id, max_bytes=settings.max_document_bytes, tags=tags)
        claimed.claim(document.id, file.path)
    except DocumentError as exc:
        return Loaded(str(file.path), error=exc)
    return Loaded(str(file.path), document)


def _report(result: FileResult) -> str:
    """Print what became of a file; the name of its count."""
    if result.receipt is None:
        err.print(Text(f"{result.error}", style="red"))
        return "failed"
    out.print(Text(f"{result.receipt.outcome} {result.receipt.id} ({result.receipt.chunks} chunks)"))
    return result.receipt.outcome.value


def _print_answer(response: AskResponse) -> None:
    if response.answer is None:
        out.print(Text("The documents do not say.", style="bold"))
        err.print(
            Text(f"({(response.reason or '').replace('_', ' ')}; nearest passages below)" if response.passages else "")
        )
        for passage in response.passages[:3]:
            out.print(Text(f"\n{passage.text}\n  {passage.title} [{passage.document_id}]", style="dim"))
        return
    out.print(Text(response.answer.text, style="bold"))
    out.print(Text(f"confidence {response.answer.confidence:.2f}", style="dim"))
    for citation in response.citations:
        out.print(Text(f"\n[{citation.number}] {_source(citation)}"))
        if citation.sentence.text != citation.quote:
            out.print(Text(f"    {citation.sentence.text}"))


def _source(citation: CitationOut) -> str:
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
