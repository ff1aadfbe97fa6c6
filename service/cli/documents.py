"""``quoth add``, ``documents`` and ``remove``: single documents."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import (
    AsJson,
    DataDir,
    InCollection,
    OnlyCollections,
    Tags,
    out,
    read_settings,
    settings_of_index,
    with_progress,
)
from service.cli.outcomes import print_counts, print_notes, print_outcome, print_unread

_UNBOUNDED_WIDTH = 100_000
"""Width of a table when output is not a terminal, in columns."""


def add_files(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.", show_default=False)],
    data: DataDir = None,
    tag: Tags = None,
    collection: InCollection = None,
) -> None:
    """Add files and folders, or bring them up to date.

    A file that cannot be read is reported and skipped; then the exit code is 1. Files in folders
    that are of no supported kind are listed, and change nothing about the exit code.
    """
    from rich.text import Text

    from corpus.claims import with_unique_ids
    from corpus.document import DEFAULT_COLLECTION
    from corpus.folder_groups import FolderGroups
    from corpus.load import find_files
    from corpus.pool import ParserPool
    from corpus.unread import UnreadFiles
    from index.outcome import FileStatus
    from service.answering.service import open_collection

    settings = read_settings(data)
    unread = UnreadFiles()
    groups = FolderGroups()
    tasks = [
        replace(task, collection=collection, groups=groups.of(task.path))
        for task in find_files(paths, tag or (), unread)
    ]
    counts: Counter[FileStatus] = Counter()
    with (
        # Its first process starts while the encoder is loaded.
        ParserPool.sized(len(tasks), settings.threads, settings.parse_limits) as pool,
        open_collection(settings, writable=True) as index,
    ):
        index.store.require_collections({collection or DEFAULT_COLLECTION})
        outcomes = index.put_files(with_unique_ids(pool.parse(tasks)))
        for outcome in with_progress(outcomes, len(tasks), "adding"):
            counts[outcome.status] += 1
            if outcome.is_failure:
                print_outcome(outcome)
            else:
                line = f"{outcome.status} {outcome.document_id} ({outcome.chunks} chunks)"
                out.print(Text(line))
                print_notes(outcome)
    print_unread(unread)
    print_counts(counts, "nothing to add")


def list_documents(
    data: DataDir = None, as_json: AsJson = False, collection: OnlyCollections = None
) -> None:
    """List the documents."""
    from pydantic import TypeAdapter
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from index.filters import EVERYTHING, Scope
    from index.store.documents import DocumentSummary
    from service.answering.service import open_collection

    asked = EVERYTHING if collection is None else Scope(frozenset(collection))
    with open_collection(settings_of_index(data), writable=False) as index:
        index.store.require_collections(asked.collections or ())
        summaries = list(index.store.within(asked).all_documents())
    if as_json:
        adapter = TypeAdapter(DocumentSummary)
        for summary in summaries:
            sys.stdout.write(adapter.dump_json(summary).decode() + "\n")
        return
    # Ids are never shortened: people copy them into other commands.
    id_column = Column("id", overflow="fold")
    names = ("title", "file", "published", "tags", "collection", "groups", "chunks")
    table = Table(id_column, *names, box=None, header_style="bold")
    for summary in summaries:
        published = summary.published.isoformat() if summary.published else ""
        cells = (
            *(summary.id, summary.title, summary.file_name or "", published),
            *(", ".join(summary.tags), summary.collection, ", ".join(summary.groups)),
            str(summary.chunks),
        )
        table.add_row(*(Text(cell) for cell in cells))
    wide = Console(highlight=False, soft_wrap=True, width=_UNBOUNDED_WIDTH)
    (out if out.is_terminal else wide).print(table)


def remove_documents(
    ids: Annotated[
        list[str],
        typer.Argument(help="Document ids, as quoth documents lists them.", show_default=False),
    ],
    data: DataDir = None,
) -> None:
    """Remove documents, and everything that shows their text."""
    from rich.text import Text

    from corpus.document import unencodable
    from corpus.errors import NotFoundError
    from service.answering.service import open_collection

    settings = settings_of_index(data)
    for document_id in ids:
        if unencodable(document_id):
            raise NotFoundError(f"there is no document {document_id!r}")
    with open_collection(settings, writable=True) as collection:
        removed = collection.remove(ids)
    for removal in removed.documents:
        out.print(
            Text(f"removed {removal.id}: {removal.chunks} chunks, {removal.versions} versions")
        )
