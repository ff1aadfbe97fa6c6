"""What became of files, printed."""

from collections import Counter
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from service.cli.console import err, out

if TYPE_CHECKING:
    from index.outcome import FileOutcome, FileStatus


def print_outcome(outcome: "FileOutcome") -> None:
    """Print what became of a file; nothing where nothing changed."""
    if outcome.is_failure:
        err.print(Text(f"{outcome.source}: {outcome.reason}", style="red"))
    elif outcome.is_news:
        was = f" (was {outcome.moved_from})" if outcome.moved_from else ""
        why = f" ({outcome.reason})" if outcome.reason else ""
        out.print(Text(f"{outcome.status} {outcome.source}{was}{why}"))


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
