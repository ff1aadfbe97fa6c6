"""The command line, assembled. Commands import what they need themselves, so that ``--help`` is
fast.
"""

import sys
from importlib.metadata import entry_points

import typer
from rich.text import Text

from corpus.errors import QuothError
from service.cli import collections, documents, folders, maintenance, questions, serving
from service.cli.console import err

app = typer.Typer(
    name="quoth",
    help="Answers questions from your documents by quoting them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help: boxes would import twice as much as all the rest.
    rich_markup_mode=None,
)
app.command("add")(documents.add_files)
app.command("sync")(folders.sync_folder)
app.command("watch")(folders.watch_folders)
app.command("ask")(questions.ask_question)
app.command("serve")(serving.serve_http)
app.add_typer(serving.slack_commands, name="slack")
app.command("mcp")(serving.serve_mcp)
app.command("documents")(documents.list_documents)
app.command("remove")(documents.remove_documents)
app.add_typer(collections.commands, name="collections")
app.command("status")(maintenance.show_status)
app.command("verify")(maintenance.verify_index)
app.command("rebuild")(maintenance.rebuild_index)


def main() -> None:
    """Run the command line. An error of Quoth or of the operating system is one line on standard
    error and exit code 1.
    """
    for command in entry_points(group="quoth.commands"):
        app.add_typer(command.load(), name=command.name)
    try:
        app()
    except (QuothError, OSError) as exc:
        # An error of the operating system names its file: a folder that cannot be listed, or a
        # name that is too long.
        err.print(Text(f"quoth: {exc}", style="red"))
        sys.exit(1)


if __name__ == "__main__":
    main()
