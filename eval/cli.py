"""``quoth eval``: is it good enough, and is it still as good as it was.

Heavy modules are imported inside the commands, so that ``--help`` is fast.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from typer.core import TyperGroup

from corpus.errors import QuothError
from eval.console import stderr, stdout

PASSED, MISSED, COULD_NOT_RUN = 0, 1, 2


class RunByDefault(TyperGroup):
    """``quoth eval SET`` is ``quoth eval run SET``."""

    def parse_args(
        self, ctx: Any, args: list[str]
    ) -> list[str]:  # Any: typer brings a click of its own
        """Put ``run`` in front of arguments that do not begin with a command."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RunByDefault,
    help="Evaluate answers. quoth eval SET asks every question of a set, and reports.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Set = Annotated[
    Path, typer.Argument(metavar="SET", help="A .jsonl file, a SQuAD file or a BEIR folder.")
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The folder of the index.")
]
Documents = Annotated[
    list[Path] | None,
    typer.Option(
        "--documents",
        metavar="PATH",
        help="Ask about these files and folders instead. May be repeated.",
    ),
]


@app.command("run")
def run_set(
    questions: Set,
    data: Data = None,
    documents: Documents = None,
    gate: Annotated[
        Path | None,
        typer.Option(help="Conditions to meet (TOML). The exit code is 1 if one is missed."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="The --json file of an earlier run to compare with.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Ask only the questions of this split.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report to this file.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write Markdown for a pull request to this file.")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(help="Write a Markdown table of every answer and guess to this file."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with plots and every question to this file.")
    ] = None,
) -> None:
    """Ask every question of a set, and report.

    The exit code is 0 if the gate is passed, 1 if a condition of it is missed, and 2 if the
    evaluation could not run or cannot be compared with the baseline.
    """
    from eval.measuring.evaluation import evaluate
    from eval.reporting.json_report import as_json
    from eval.reporting.junit import as_junit
    from eval.reporting.markdown import answers_as_markdown, as_markdown
    from eval.reporting.page import as_html
    from eval.reporting.tables import print_tables
    from service.settings import load_settings

    try:
        with _progress() as progress:
            task = progress.add_task("asking", total=None)
            evaluation = evaluate(
                questions,
                load_settings(data_dir=data),
                documents=documents or [],
                gate=gate,
                baseline=baseline,
                split=split,
                progress=lambda: progress.advance(task),
            )
    except QuothError as exc:
        raise _could_not_run(str(exc)) from exc
    report = evaluation.report
    for path, render in (
        (junit, as_junit),
        (markdown, as_markdown),
        (answers, answers_as_markdown),
        (html, as_html),
    ):
        if path:
            path.write_text(render(report), encoding="utf-8")
    if json_file:
        json_file.write_text(
            json.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    print_tables(report, stdout)
    if not report.passed:
        raise typer.Exit(MISSED)
    if evaluation.incomparable:
        differing = ", ".join(evaluation.incomparable)
        raise _could_not_run(f"cannot be compared with {baseline}: different {differing}")


@app.command("calibrate")
def calibrate_index(
    questions: Set,
    data: Data = None,
    precision: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="How often answers are to be right.")
    ] = 0.9,
) -> None:
    """Calibrate confidence on labelled questions about the documents of an index, and keep the
    calibration with the index.
    """
    try:
        from eval.fitting.calibrate import calibrate
    except ModuleNotFoundError as exc:
        raise _could_not_run(
            f"calibrating needs the package {exc.name}: pip install 'quoth[train]'"
        ) from exc
    from eval.sets.question import read_set
    from service.answering.service import open_service
    from service.settings import load_settings

    try:
        with open_service(load_settings(data_dir=data), writable=True) as service:
            numbers = calibrate(read_set(questions), service, precision)
    except QuothError as exc:
        raise _could_not_run(str(exc)) from exc
    stdout.print_json(json.dumps(numbers["report"]))


@app.command("init")
def draft_set(
    data: Data = None,
    file: Annotated[Path, typer.Option("--out", help="The file to write the draft to.")] = Path(
        "questions.jsonl"
    ),
) -> None:
    """Draft a question set from feedback and documents, for a person to complete."""
    from eval.sets.draft import draft
    from index.store.store import Store
    from service.answering.storage import APPLICATION_DATA
    from service.settings import load_settings

    if file.exists():
        raise _could_not_run(f"{file} exists already; name another file with --out")
    store = Store(load_settings(data_dir=data).data_dir, APPLICATION_DATA)
    lines = draft(store)
    store.close()
    file.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
    )
    stderr.print(f"{len(lines)} questions to complete in {file}")


@app.command("bench")
def bench_public_set(
    name: Annotated[str, typer.Argument(help="scifact, squad or squad2.")],
    sets: Annotated[Path, typer.Option("--sets", help="The folder of the public sets.")],
    every: Annotated[int, typer.Option(min=1, help="Ask only every n-th question.")] = 1,
) -> None:
    """Measure on a public set. docs/evaluation.md says where to get the sets."""
    from eval.measuring.public_sets import bench
    from service.settings import load_settings

    try:
        sides = bench(name, sets, load_settings(), every)
    except QuothError as exc:
        raise _could_not_run(str(exc)) from exc
    stdout.print_json(json.dumps(sides))


def _could_not_run(message: str) -> typer.Exit:
    """Print why a command could not run, and return the exit to raise."""
    stderr.print(Text(f"quoth: {message}", style="red"), soft_wrap=True)
    return typer.Exit(COULD_NOT_RUN)


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=stderr, transient=True)
