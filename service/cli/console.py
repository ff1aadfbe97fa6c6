"""What the commands share: the two consoles, the options, the settings and the progress bar.

Results go to standard output, everything else to standard error.
"""

import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

if TYPE_CHECKING:
    from service.settings import Settings

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

DataDir = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The folder of the index. [default: ./.quoth]"),
]
Tags = Annotated[list[str] | None, typer.Option(help="A tag for every document. May be repeated.")]
InCollection = Annotated[
    str | None,
    typer.Option(
        "--collection",
        help="The collection of the documents. "
        "[default: the one that each is in, or the default one]",
    ),
]
OnlyCollections = Annotated[
    list[str] | None,
    typer.Option("--collection", help="Only this collection. May be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

LOG_TO_TERMINAL = "%(levelname)s: %(message)s"
LOG_OF_A_SERVICE = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_RATE_PERIOD_S = 600
"""The rate is an average over this long: files come in batches."""

_T = TypeVar("_T")


def read_settings(data: Path | None, **given: object) -> "Settings":
    """The settings, with the values that were given on the command line.

    :raises SettingsError: one of them is wrong
    """
    from service.settings import load_settings

    return load_settings(data_dir=data, **given)


def settings_of_index(data: Path | None) -> "Settings":
    """The settings of a folder that holds an index.

    :raises StoreError: it holds none
    """
    from corpus.errors import StoreError
    from index.store.store import holds_index

    settings = read_settings(data)
    if not holds_index(settings.data_dir):
        raise StoreError(
            f"{settings.data_dir}: there is no index here; make one with quoth add, or name "
            "another folder with --data"
        )
    return settings


def start_logging(settings: "Settings", line_format: str) -> None:
    """Log to standard error from now on."""
    import logging

    logging.basicConfig(level=settings.log_level, format=line_format)
    # It counts every change in a folder, whether documents or not.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)


def stopped_by_signals() -> threading.Event:
    """An event that is set when the process is asked to end, so that it can finish its writing."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def exit_on_sigterm() -> None:
    """From now on, SIGTERM ends the process as the end of its command does: what is open is closed
    and saved, and the exit code is 0. A second signal changes nothing.
    """

    def end(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)


def with_progress(results: Iterable[_T], total: int, description: str) -> Iterator[_T]:
    """The results as they come. Meanwhile a bar on standard error shows how many there are, their
    rate and the time that is left.
    """
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
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} files/s" if speed else "", style="progress.data.speed")

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=err, transient=True, speed_estimate_period=_RATE_PERIOD_S
    ) as progress:
        yield from progress.track(results, total=total, description=description)
