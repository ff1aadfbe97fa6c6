"""``quoth status``, ``verify`` and ``rebuild``: the state of the index."""

from typing import TYPE_CHECKING

import typer
from rich.text import Text

from service.cli.console import DataDir, err, out, settings_of_index

if TYPE_CHECKING:
    from index.collection import Collection
    from service.mirror.ledger import FileStage

_FAILURES_SHOWN = 20
"""Failed files, and unread files of a folder, that the status lists. GET /v1/ingestion lists
more.
"""


def show_status(data: DataDir = None) -> None:
    """Show what the index holds and what takes its room.

    Also shows the state of the files in synced folders.
    """
    from service.answering.service import open_collection
    from service.mirror.ledger import FileStage, Ledger

    settings = settings_of_index(data)
    with open_collection(settings, writable=False) as collection:
        ledger = Ledger(collection.store.database)
        unread = {root: files for root, files in ledger.unread().items() if files.count}
        rows = {
            "folder": str(settings.data_dir),
            "generation": str(collection.generation),
            **{name: str(count) for name, count in collection.store.counts().items()},
            "with notes": str(collection.store.documents_with_notes()),
            **{f"chunks in {name}": str(count) for name, count in collection.sizes().items()},
            **{f"bytes in {name}": str(size) for name, size in _room(collection).items()},
            **_flattened(collection.store.manifest() or {}),
            **{f"synced {root}": _stages(counts) for root, counts in ledger.stages().items()},
            **{f"not read in {root}": str(files.count) for root, files in unread.items()},
        }
        failed = ledger.lines(_FAILURES_SHOWN, stage=FileStage.FAILED)
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        out.print(Text.assemble((name.ljust(width + 2), "bold"), value))
    for entry in failed:
        out.print(Text(f"failed {entry.path}: {entry.reason} ({entry.at})", style="red"))
    for files in unread.values():
        for file in files.files[:_FAILURES_SHOWN]:
            out.print(Text(f"not read {file.name}: {file.reason}"))


def verify_index(data: DataDir = None) -> None:
    """Check that the index is sound.

    The store and the search indexes must hold the same chunks, each an exact span of its document.
    If they do not, the exit code is 1.
    """
    from service.answering.service import open_collection

    with open_collection(settings_of_index(data), writable=False) as collection:
        faults = collection.verify()
        sizes = collection.sizes()
    for fault in faults:
        out.print(Text(fault))
    if faults:
        err.print(f"{len(faults)} faults; quoth rebuild repairs what the store allows")
        raise typer.Exit(1)
    err.print(f"sound: {sizes['store']} chunks, the same in store and search indexes")


def rebuild_index(data: DataDir = None) -> None:
    """Rebuild the search indexes from the store.

    Chunks are embedded again where the settings name another encoder.
    """
    from index.encoding.encoder import load_encoder
    from index.renewal import rebuild

    settings = settings_of_index(data)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    with err.status("rebuilding"):
        chunks = rebuild(settings.data_dir, encoder, source=settings.encoder)
    err.print(f"rebuilt: {chunks} chunks")


def _room(collection: "Collection") -> dict[str, int]:
    """What takes the room of a data folder, in bytes, by name."""
    tables = collection.store.database.sizes()
    named = {name: sum(tables.pop(table, 0) for table in group) for name, group in _GROUPS.items()}
    named["other tables"] = sum(tables.values())
    files = {path: path.stat().st_size for path in collection.folder.rglob("*") if path.is_file()}
    for name, pattern in _FILE_GROUPS.items():
        named[name] = sum(files.pop(path, 0) for path in collection.folder.glob(pattern))
    return {**named, "other files": sum(files.values())}


_GROUPS = {
    "documents": ("documents", "document_tags", "files"),
    "versions": ("versions",),
    "chunks": ("chunks", "removed_chunks"),
    "vectors": ("vectors",),
    "answers": ("answers", "answer_documents"),
    "feedback": ("feedback",),
    "conversations": ("exchanges",),
    "synced folders": ("synced_folders", "synced_files", "synced_formats", "synced_unread"),
    "free pages": ("free",),
}
"""The tables of the database, by what they hold."""

_FILE_GROUPS = {
    "the database": "quoth.db",
    "its journal": "quoth.db-*",
    "the vector index": "*.faiss",
    "the lexical index": "terms/*",
    "the kept files": "originals/*/*",
    "Slack's inbox": "slack.db*",
}
"""The files of a data folder. The database holds all of the tables above."""


def _stages(counts: "dict[FileStage, int]") -> str:
    from service.mirror.ledger import FileStage

    named = [f"{counts[stage]} {stage}" for stage in FileStage if stage in counts]
    return ", ".join(named) or "no files"


def _flattened(manifest: dict[str, object]) -> dict[str, str]:
    rows = {}
    for part, value in manifest.items():
        if isinstance(value, dict):
            rows.update({f"{part} {name}": str(inner) for name, inner in value.items()})
    return rows
