"""``quoth collections``: the named parts of an index."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from service.cli.console import AsJson, DataDir, out, read_settings, settings_of_index

commands = typer.Typer(
    help="List, create and remove collections.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

CollectionArgument = Annotated[
    str, typer.Argument(help="The name of the collection.", show_default=False)
]


@commands.callback()
def list_collections(context: typer.Context, data: DataDir = None, as_json: AsJson = False) -> None:
    """List the collections, or create and remove them."""
    if context.invoked_subcommand is not None:
        return
    import json

    from service.answering.service import open_collection

    with open_collection(settings_of_index(data), writable=False) as collection:
        collections = collection.store.collections()
    for each in collections:
        if as_json:
            sys.stdout.write(json.dumps(asdict(each), ensure_ascii=False) + "\n")
        else:
            about = f": {each.description}" if each.description else ""
            out.print(Text(f"{each.name} ({each.documents} documents){about}"))


@commands.command("add")
def add_collection(
    name: CollectionArgument,
    data: DataDir = None,
    description: Annotated[str, typer.Option(help="What it holds.")] = "",
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="The lowest confidence of its answers. [default: the calibrated threshold]",
        ),
    ] = None,
) -> None:
    """Create a collection."""
    from service.answering.service import open_collection

    with open_collection(read_settings(data), writable=True) as collection:
        collection.add_collection(name, description, min_confidence)
    out.print(Text(f"created collection {name}"))


@commands.command("remove")
def remove_collection(name: CollectionArgument, data: DataDir = None) -> None:
    """Remove a collection with all of its documents, and everything that shows their text."""
    from service.answering.service import open_collection

    with open_collection(settings_of_index(data), writable=True) as collection:
        removed = collection.remove_collection(name)
    chunks = sum(document.chunks for document in removed.documents)
    out.print(
        Text(f"removed collection {name}: {len(removed.documents)} documents, {chunks} chunks")
    )
