"""What became of files, printed."""

from collections import Counter
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from service.cli.console import err, out

if TYPE_CHECKING:
    from corpus.unread import UnreadFiles
    from index.outcome import FileOutcome, FileStatus


_UNREAD_SHOWN = 20
"""Unread files that are printed. GET /v1/ingestion lists more."""


def print_outcome(outcome: "FileOutcome") -> None:
    """Print what became of a file; nothing where nothing changed."""
    if outcome.is_failure:
        err.print(Text(f"{outcome.source}: {outcome.reason}", style="red"))
    elif outcome.is_news:
        was = f" (was {outcome.moved_from})" if outcome.moved_from else ""
        why = f" ({outcome.reason})" if outcome.reason else ""
        out.print(Text(f"{outcome.status} {outcome.source}{was}{why}"))
    print_notes(outcome)


def print_notes(outcome: "FileOutcome") -> None:
    """Print what of a file is not in the text of its document."""
    for note in outcome.notes:
        err.print(Text(f"  {outcome.document_id}: {note}", style="yellow"))


def print_unread(unread: "UnreadFiles") -> None:
    """Print which files of folders were not read, and why."""
    if not unread.count:
        return
    err.print(f"{unread.count} {'file' if unread.count == 1 else 'files'} not read:")
    for file in unread.files[:_UNREAD_SHOWN]:
        err.print(Text(f"  {file.name} {file.reason}"))
    if unread.count > _UNREAD_SHOWN:
        err.print(f"  and {unread.count - _UNREAD_SHOWN} more")


def print_news(outcome: "FileOutcome") -> None:
    """Print what became of a file, unless it failed before and still does."""
    if outcome.is_news:
        print_outcome(outcome)


def print_counts(counts: "Counter[FileStatus]", nothing: str) -> None:
    """Print how many files had each status.

    :param nothing: what to print if there were no files
    :raises typer.Exit: a file failed; the exit code is 1
    """
    from index.outcome import FAILURES, FileStatus

    err.print(", ".join(f"{counts[each]} {each}" for each in FileStatus if counts[each]) or nothing)
    if any(counts[status] for status in FAILURES):
        raise typer.Exit(1)
