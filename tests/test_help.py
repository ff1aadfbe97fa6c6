"""``quoth --help`` is fast because it imports nothing that a command needs."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parent.parent
HEAVY = (
    *("sqlalchemy", "faiss", "tantivy", "numpy", "onnxruntime", "tokenizers"),
    *("fastapi", "uvicorn", "pydantic_settings", "torch", "jinja2", "asyncio"),
)


def helped(*arguments: str) -> list[str]:
    """What a command prints, line by line; then the heavy modules that it imported."""
    program = (
        "import sys\n"
        "from service.cli.main import main\n"
        f"sys.argv = {['quoth', *arguments]!r}\n"
        "try:\n    main()\n"
        "except SystemExit as left:\n    assert not left.code, left\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("arguments", [["--help"], ["add", "--help"], ["eval", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    *shown, imported = helped(*arguments)
    assert shown[0].startswith("Usage: ")
    assert imported == "[]"


def test_help_lists_every_command_with_a_whole_sentence() -> None:
    lines = helped("--help")
    commands = lines[lines.index("Commands:") + 1 : -1]
    assert [line.split()[0] for line in commands] == [
        *("add", "sync", "watch", "ask", "serve", "mcp", "documents", "remove"),
        *("status", "verify", "rebuild", "slack", "collections", "eval"),
    ]
    assert [line for line in commands if not line.endswith(".") or line.endswith("...")] == []
