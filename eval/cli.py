"""``quoth eval``: is it good enough, and is it still as good as it was. Heavy imports wait until a
command runs.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from typer.core import TyperGroup

from corpus.errors import QuothError

PASSED, MISSED, COULD_NOT_RUN = 0, 1, 2

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class RunByDefault(TyperGroup):
    """``quoth eval SET`` is ``quoth eval run SET``."""

    def parse_args(
        self, ctx: Any, args: list[str]
    ) -> list[str]:  # Any: typer brings a click of its own
        """Put ``run`` in front of what is no command."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RunByDefault,
    help="Evaluate answers: quoth eval SET asks every question of a set, and reports.",
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
        help="Ask about these files and folders instead; may be repeated.",
    ),
]


@app.command()
def run(
    questions: Set,
    data: Data = None,
    documents: Documents = None,
    gate: Annotated[
        Path | None, typer.Option(help="Bars to reach (TOML); exit code 1 if one is missed.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="The --json of an earlier run, to compare with.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Ask the questions of this split only.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report there.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML there.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write Markdown for a pull request there.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with plots and every question there.")
    ] = None,
) -> None:
    """Ask every question of a set, and report.

    Exit code 0: passed; 1: a bar of the gate is missed; 2: it could not run, or is not comparable
    with the baseline."""
    from eval.measuring.evaluation import evaluate
    from eval.reporting.report import as_html, as_json, as_junit, as_markdown, print_tables
    from service.settings import load_settings

    try:
        with _progress() as progress:
            task = progress.add_task("asking", total=None)
            found = evaluate(
                questions,
                load_settings(data_dir=data),
                documents=documents or [],
                gate=gate,
                baseline=baseline,
                split=split,
                progress=lambda: progress.advance(task),
            )
    except QuothError as exc:
        err.print(Text(f"quoth: {exc}", style="red"))
        raise typer.Exit(COULD_NOT_RUN) from exc
    report = found.report
    for path, written in ((junit, as_junit), (markdown, as_markdown), (html, as_html)):
        if path:
            path.write_text(written(report), encoding="utf-8")
    if json_file:
        json_file.write_text(
            json.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    print_tables(report, out)
    if not report.passed:
        raise typer.Exit(MISSED)
    if found.incomparable:
        err.print(
            Text(
                f"not comparable with {baseline}: other {', '.join(found.incomparable)}",
                style="red",
            )
        )
        raise typer.Exit(COULD_NOT_RUN)


@app.command()
def calibrate(
    questions: Set,
    data: Data = None,
    precision: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="How often to be right when answering.")
    ] = 0.9,
) -> None:
    """Calibrate confidence on labelled questions about the documents of an index, and keep it with
    the index.
    """
    from eval.fitting.calibrate import calibrate as fit
    from eval.sets.question import read_set
    from service.answering.service import open_service
    from service.settings import load_settings

    try:
        with open_service(load_settings(data_dir=data), writable=True) as service:
            numbers = fit(read_set(questions), service, precision)
    except QuothError as exc:
        err.print(Text(f"quoth: {exc}", style="red"))
        raise typer.Exit(COULD_NOT_RUN) from exc
    out.print_json(json.dumps(numbers["report"]))


@app.command()
def init(
    data: Data = None,
    file: Annotated[Path, typer.Option("--out", help="Where to write the draft.")] = Path(
        "questions.jsonl"
    ),
) -> None:
    """Draft a first set from feedback and documents, for a person to complete."""
    from eval.sets.draft import draft
    from index.store.store import Store
    from service.settings import load_settings

    if file.exists():
        err.print(
            Text(f"quoth: {file} is there already; name another file with --out", style="red")
        )
        raise typer.Exit(COULD_NOT_RUN)
    store = Store(load_settings(data_dir=data).data_dir)
    lines = draft(store)
    store.close()
    file.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
    )
    err.print(f"{len(lines)} questions to complete in {file}")


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="scifact, squad or squad2.")],
    sets: Annotated[Path, typer.Option("--sets", help="The folder of the public sets.")],
    every: Annotated[int, typer.Option(min=1, help="Ask each n-th question only.")] = 1,
) -> None:
    """Measure on a public set; docs/evaluation.md says where to get them."""
    from eval.measuring.bench import bench as measured
    from service.settings import load_settings

    try:
        sides = measured(name, sets, load_settings(), every)
    except QuothError as exc:
        err.print(Text(f"quoth: {exc}", style="red"))
        raise typer.Exit(COULD_NOT_RUN) from exc
    out.print_json(json.dumps(sides))


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=err, transient=True)
