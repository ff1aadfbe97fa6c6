"""``quoth sync`` and ``watch``: folders that the index mirrors."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from service.cli.console import (
    LOG_TO_TERMINAL,
    DataDir,
    InCollection,
    Tags,
    err,
    read_settings,
    settings_of_index,
    start_logging,
    stopped_by_signals,
    with_progress,
)
from service.cli.outcomes import print_counts, print_news, print_outcome, print_unread


def sync_folder(
    folder: Annotated[Path, typer.Argument(help="The folder.", show_default=False)],
    data: DataDir = None,
    tag: Tags = None,
    collection: InCollection = None,
    again: Annotated[
        bool, typer.Option(help="Read every file, whether it has changed or not.")
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option(help="Accept that the folder is empty, and remove all its documents.")
    ] = False,
    forget: Annotated[
        bool, typer.Option(help="Stop mirroring the folder; its documents stay.")
    ] = False,
) -> None:
    """Mirror a folder in the index.

    The index follows every new, changed, moved and deleted file. A file that can no longer be read
    is reported, and its last good version stays; then the exit code is 1.
    """
    from corpus.pool import ParserPool
    from index.outcome import FileStatus
    from service.answering.service import open_collection
    from service.mirror.ledger import Ledger
    from service.mirror.plan import root_of
    from service.mirror.sync import Mirror

    settings = settings_of_index(data) if forget else read_settings(data)
    with open_collection(settings, writable=True) as index:
        if forget:
            path = root_of(index.store, folder).path
            files = Ledger(index.store.database).forget_root(path)
            err.print(
                Text(f"{path}: its {files} files are no longer followed; their documents stay")
            )
            return
        mirror = Mirror(index, folder, tags=tag, into=collection)
        plan = mirror.plan(again=again, allow_empty=allow_empty)
        counts: Counter[FileStatus] = Counter()
        with ParserPool.sized(len(plan.pending), settings.threads, settings.parse_limits) as pool:
            for outcome in with_progress(mirror.carry_out(plan, pool), plan.total, "syncing"):
                print_outcome(outcome)
                counts[outcome.status] += 1
    print_unread(plan.unread)
    print_counts(counts, "nothing to sync")


def watch_folders(
    folders: Annotated[list[Path], typer.Argument(help="Folders.", show_default=False)],
    data: DataDir = None,
    tag: Tags = None,
    collection: InCollection = None,
) -> None:
    """Sync folders, then follow their changes until interrupted.

    quoth serve --watch does the same while it serves.
    """
    from corpus.pool import ParserPool
    from service.answering.service import open_collection
    from service.mirror.sync import Mirror
    from service.mirror.watch import Watcher

    settings = read_settings(data)
    start_logging(settings, LOG_TO_TERMINAL)
    stop = stopped_by_signals()
    with (
        ParserPool(1, settings.parse_limits) as pool,
        open_collection(settings, writable=True) as index,
    ):
        mirrors = [Mirror(index, folder, tags=tag, into=collection) for folder in folders]
        watched = ", ".join(str(mirror.folder) for mirror in mirrors)
        err.print(Text(f"watching {watched}; press Ctrl-C to stop"))
        Watcher(mirrors, pool, print_news).run(stop)
