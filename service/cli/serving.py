"""``quoth serve``, ``mcp`` and ``slack``: processes that answer until they are stopped."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from corpus.errors import SettingsError
from service.cli.console import (
    LOG_OF_A_SERVICE,
    DataDir,
    err,
    exit_on_sigterm,
    out,
    read_settings,
    settings_of_index,
    start_logging,
)

slack_commands = typer.Typer(
    invoke_without_command=True, help="Answer Slack over Socket Mode, or check its setup."
)


def serve_http(
    data: DataDir = None,
    host: Annotated[str | None, typer.Option(help="[default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="[default: 8000]")] = None,
    watch: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Keep up with this folder. May be repeated."),
    ] = None,
    unprotected: Annotated[
        bool,
        typer.Option(
            "--unprotected",
            help="Listen beyond this machine: whoever reaches the port may read and change "
            "everything.",
        ),
    ] = False,
) -> None:
    """Answer questions over HTTP until interrupted."""
    import socket

    from service.answering.service import open_service
    from service.http.app import create_app
    from service.http.server import run_server

    settings = read_settings(
        data,
        host=host,
        port=port,
        watch=tuple(watch) if watch else None,
        unprotected=unprotected or None,
    )
    if settings.listens_beyond_loopback and not settings.unprotected:
        raise SettingsError(
            f"{settings.host} is not an address of this machine alone, and whoever reaches the "
            "service may read and change every document. Listen on 127.0.0.1, which is the "
            "default; or, if something else guards the port, add --unprotected or set "
            "QUOTH_UNPROTECTED=true"
        )
    if settings.port == 0:
        # Links name the port, so it is chosen before the server listens.
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as probe:
            try:
                probe.bind((settings.host, 0))
            except OSError as exc:
                raise SettingsError(f"cannot listen on {settings.host}: {exc}") from exc
            settings = settings.model_copy(update={"port": probe.getsockname()[1]})
    start_logging(settings, LOG_OF_A_SERVICE)
    exit_on_sigterm()
    with open_service(settings, writable=True, renewing=True) as service:
        state = (
            "no documents yet"
            if service.collection.store.is_empty()
            else f"generation {service.collection.generation}"
        )
        err.print(Text(f"{settings.data_dir}: {state}; http://{settings.host}:{settings.port}"))
        run_server(
            create_app(service, settings),
            host=settings.host,
            port=settings.port,
            log_level=settings.log_level.lower(),
        )


@slack_commands.callback()
def serve_slack(context: typer.Context, data: DataDir = None) -> None:
    """Answer Slack over Socket Mode until interrupted."""
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from service.answering.service import open_service
    from service.slack.socket_mode import serve_socket

    settings = settings_of_index(data)
    start_logging(settings, LOG_OF_A_SERVICE)
    exit_on_sigterm()
    with open_service(settings, writable=False) as service:
        generation = service.collection.generation
        err.print(Text(f"{settings.data_dir}: generation {generation}; answering Slack"))
        asyncio.run(serve_socket(service, settings))


@slack_commands.command(name="check")
def check_slack() -> None:
    """Say which token, scope or secret is missing. If one is, the exit code is 1."""
    import asyncio

    from service.slack.check import check_setup

    findings = asyncio.run(check_setup(read_settings(None)))
    for finding in findings:
        out.print(Text(f"{'missing' if finding.fault else 'found':<8} {finding.text}"))
    if any(finding.fault for finding in findings):
        raise typer.Exit(1)


def serve_mcp(data: DataDir = None) -> None:
    """Serve assistants with the Model Context Protocol.

    It is spoken over standard input and output. The index is only read.
    """
    import anyio

    from service.answering.service import open_service
    from service.http.mcp import serve_stdio
    from service.http.threads import Threads

    settings = settings_of_index(data)
    start_logging(settings, LOG_OF_A_SERVICE)
    with open_service(settings, writable=False) as service:

        def close(_number: int, _frame: object) -> None:
            # The thread that reads standard input cannot be stopped, so the process ends without
            # waiting for it.
            service.__exit__(None, None, None)
            os._exit(0)

        signal.signal(signal.SIGTERM, close)
        threads = Threads(
            settings.threads,
            max_waiting=settings.max_waiting,
            question_s=settings.question_seconds,
        )
        anyio.run(serve_stdio, service, threads, settings.public_url)
