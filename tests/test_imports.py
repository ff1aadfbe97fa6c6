"""The house's order: which package may import which, and which module owns which library."""

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import corpus.errors
from corpus.errors import QuothError
from service.http.problems import STATUS

ROOT = Path(__file__).parent.parent

# Imports point one way.
MAY_IMPORT = {
    "corpus": {"corpus"},
    "index": {"corpus", "index"},
    "service": {"corpus", "index", "service"},
    "eval": {"corpus", "index", "service", "eval"},
}

# Training is made of torch; nothing that serves imports these.
TRAINING = {
    "eval/training/export.py",
    "eval/training/train.py",
    *(f"eval/training/{name}.py" for name in ("bert", "loss", "model", "trainer")),
}
TRAINING_ON_TOKENS = {
    "eval/training/train.py",
    "eval/training/batches.py",
    "eval/training/related.py",
}

# Each heavy library is imported by one module, so that its errors are translated at one seam. The
# exceptions: models are run by one module and exported by another, and both need onnxruntime or
# torch; readers tokenise for themselves; the store's database is spread over the modules that know
# its tables, and the Slack bot's inbox is another; a document-format library that is imported twice
# is named with both places.
OWNERS = {
    "aiohttp": {"service/slack/web.py"},
    "charset_normalizer": {"corpus/formats/text.py"},
    "defusedxml": {"corpus/formats/package.py"},
    "faiss": {"index/search/embedded/vectors.py"},
    "filelock": {"index/collection.py", "index/store/database.py"},
    "jinja2": {"eval/reporting/page.py"},
    "lxml": {"corpus/formats/blocks.py"},
    "markupsafe": {"eval/reporting/plots.py", "eval/reporting/page.py"},
    "markdown_it": {"corpus/formats/markdown.py"},
    "markitdown": {"corpus/formats/office.py"},
    "mcp": {"service/http/mcp.py"},
    "onnx": {"eval/training/export.py", "eval/training/graph.py"},
    "onnxruntime": {"index/encoding/export.py", "index/encoding/onnx_runtime.py"},
    "openpyxl": {"corpus/formats/office.py"},
    "prometheus_client": {"service/http/metrics.py"},
    "pydantic_settings": {"service/settings.py"},
    "pypdfium2": {"corpus/formats/pdf.py"},
    "safetensors": {"eval/training/export.py", "eval/training/model.py"},
    "scipy": {"eval/training/negatives.py"},
    "sentence_transformers": {"index/encoding/encoder.py"},
    "sklearn": {"eval/fitting/regression.py", "eval/training/negatives.py"},
    "slack_sdk": {f"service/slack/{name}.py" for name in ("signature", "socket_mode", "web")},
    "sqlalchemy": {
        *(
            f"index/store/{name}.py"
            for name in (
                *("application", "chunks", "database", "documents", "meta", "rows", "store"),
                *("succession", "tables", "verify", "writing"),
            )
        ),
        "service/answering/history.py",
        "service/mirror/ledger.py",
        *(
            f"service/slack/inbox/{name}.py"
            for name in ("channels", "conversations", "database", "queue", "votes")
        ),
    },
    "tantivy": {
        "index/search/embedded/analyser.py",
        "index/search/embedded/lexical.py",
        "index/search/embedded/lexical_schema.py",
        "index/search/embedded/lexical_search.py",
    },
    "tokenizers": {
        "index/encoding/encoder.py",
        "service/reader/onnx.py",
        "service/reader/passage.py",
        *TRAINING_ON_TOKENS,
    },
    "torch": {
        "index/encoding/encoder.py",
        "index/encoding/export.py",
        "service/reader/transformer.py",
        *TRAINING,
    },
    "trafilatura": {"corpus/formats/html.py"},
    "transformers": {
        "index/encoding/export.py",
        "eval/training/export.py",
        "service/reader/transformer.py",
    },
    "typer": {"eval/cli.py", "service/cli/main.py"},
    "uvicorn": {"service/cli/main.py"},
    "watchfiles": {"service/mirror/watch.py"},
    "yaml": {"corpus/formats/markdown.py"},
}

# Benchmarks compare Quoth with these libraries, and import them for that alone.
BENCHMARKS = "eval/benchmarks/"


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every Python file of the packages, by its path from the root."""
    for package in MAY_IMPORT:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Every module that a file imports, wherever in the file, and whether it is imported bare
    (``import x``).
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, True) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), False


def test_the_packages_are_read_at_all() -> None:
    assert {path for path, _ in modules()} >= {
        "corpus/load.py",
        "index/encoding/encoder.py",
        "service/http/app.py",
        "eval/sets/squad.py",
    }


def test_imports_point_one_way() -> None:
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules()
        for name, _ in imports(tree)
        if name.split(".")[0] in {*MAY_IMPORT, "tests"} - MAY_IMPORT[path.split("/")[0]]
    ]
    assert wrong == []


def test_no_package_is_imported_bare_or_relatively() -> None:
    # `import index` and `import eval` would hide a common name and a builtin.
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules()
        for name, bare in imports(tree)
        if name.startswith(".") or (bare and name.split(".")[0] in MAY_IMPORT)
    ]
    assert wrong == []


def test_each_heavy_library_is_imported_by_its_owner_alone() -> None:
    found: dict[str, set[str]] = {library: set() for library in OWNERS}
    for path, tree in modules():
        for name, _ in imports(tree):
            library = name.split(".")[0]
            if library in OWNERS and not path.startswith(BENCHMARKS):
                found[library].add(path)
    assert found == OWNERS


def test_every_error_has_an_http_status() -> None:
    errors = {
        value
        for value in vars(corpus.errors).values()
        if isinstance(value, type) and issubclass(value, QuothError)
    }
    assert len(errors) >= 6
    assert set(STATUS) == errors
    assert all(HTTPStatus(status) >= HTTPStatus.BAD_REQUEST for status in STATUS.values())


def test_every_error_stands_in_the_tree_at_the_top_of_its_file() -> None:
    tree = corpus.errors.__doc__ or ""
    assert [error.__name__ for error in STATUS if error.__name__ not in tree] == []
