"""The order of the code: which room may import which, and which module owns which library."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from http import HTTPStatus
from pathlib import Path

import corpus.errors
from corpus.errors import QuothError
from service.http.problems import STATUS

ROOT = Path(__file__).parent.parent

PACKAGES = ("corpus", "index", "service", "eval")

# The rooms, and which other rooms each may import. A room is a folder. The modules directly in a
# package are its top room: what its rooms build on (errors, settings), and what assembles them.
MAY_IMPORT: dict[str, str] = {
    "corpus/formats/pdf": "corpus corpus/formats",
    "corpus/formats": "corpus",
    "corpus": "corpus/formats corpus/formats/pdf",
    "index/text": "corpus",
    "index/encoding": "corpus",
    "index/store": "corpus index index/text index/encoding",
    "index/search/embedded": "corpus index index/encoding index/store index/search",
    "index/search": "corpus index index/text index/encoding index/store",
    "index": "corpus index/text index/encoding index/store index/search index/search/embedded",
    "service/reader": "corpus index/text index/encoding index/search/embedded index/search",
    "service/followups": "corpus index/encoding service",
    "service/answering": (
        "corpus index index/text index/encoding index/store index/search service service/reader "
        "service/followups service/mirror"
    ),
    "service/mirror": "corpus index index/store",
    "service/page": "",
    "service/slack": (
        "corpus index index/store service service/answering service/http service/reader"
    ),
    "service/http": (
        "corpus index index/store index/search service service/answering service/mirror "
        "service/page service/reader service/slack"
    ),
    "service/cli": (
        "corpus index index/encoding index/store service service/answering service/mirror "
        "service/reader service/slack service/http"
    ),
    "service": "corpus index index/encoding service/reader service/answering service/mirror",
    "eval/sets": "corpus index/text index/store service service/answering eval",
    "eval/measuring": (
        "corpus index index/text index/encoding index/store index/search service service/reader "
        "service/answering eval eval/sets eval/training"
    ),
    "eval/reporting": "corpus service service/answering service/slack eval/sets eval/measuring",
    "eval/training": "corpus index/text index/encoding service/reader",
    "eval/fitting": (
        "corpus index index/text index/encoding index/search service service/reader "
        "service/answering eval eval/sets eval/measuring eval/training"
    ),
    "eval/benchmarks": (
        "corpus corpus/formats corpus/formats/pdf index index/text index/encoding index/store "
        "index/search/embedded index/search service service/reader service/followups "
        "service/answering service/mirror eval eval/sets eval/measuring eval/training"
    ),
    "eval/benchmarks/retrieval": (
        "corpus index/text index/encoding index/search/embedded index/search service "
        "service/answering eval eval/sets eval/measuring eval/benchmarks"
    ),
    "eval/robustness": (
        "corpus index index/text index/encoding index/store index/search/embedded service "
        "service/reader service/answering service/http eval eval/sets eval/benchmarks"
    ),
    "eval": (
        "corpus index/text index/encoding index/store service service/reader service/answering "
        "eval/sets eval/measuring eval/reporting eval/training eval/fitting"
    ),
}

# What assembles other rooms stands for itself, not for its room.
ASSEMBLING = {"service/http/app.py"}

# Training is made of torch; nothing that serves imports these.
TRAINING = {
    "eval/training/export.py",
    "eval/training/train.py",
    *(f"eval/training/{name}.py" for name in ("bert", "loss", "model", "start", "trainer")),
}
TRAINING_ON_TOKENS = {
    "eval/evidence.py",
    "eval/kinds.py",
    *(f"eval/training/{name}.py" for name in ("batches", "documents", "related", "sets", "train")),
}

# Each heavy library is imported by one module, so that its errors are translated at one seam. The
# exceptions: models are run by one module and exported by another, and both need onnxruntime or
# torch; readers tokenise for themselves; the store's database is spread over the modules that know
# its tables, and the Slack bot's inbox is another; a document-format library that is imported twice
# is named with both places.
OWNERS = {
    "aiohttp": {"service/slack/web.py"},
    "charset_normalizer": {"corpus/formats/text.py"},
    "dateparser": {"corpus/dates.py"},
    "defusedxml": {"corpus/formats/package.py"},
    "docutils": {"corpus/formats/restructured.py"},
    "faiss": {
        "index/search/embedded/compressed.py",
        "index/search/embedded/sealed.py",
        "index/search/embedded/vectors.py",
    },
    "filelock": {"index/opening.py", "index/store/database.py"},
    "jinja2": {"eval/reporting/page.py"},
    "lxml": {"corpus/formats/markup.py", "corpus/formats/page.py"},
    "markupsafe": {"eval/reporting/plots.py", "eval/reporting/page.py"},
    "markdown_it": {"corpus/formats/markdown.py"},
    "mcp": {"service/http/mcp.py"},
    "onnx": {f"eval/training/{name}.py" for name in ("export", "graph", "start")},
    "onnxruntime": {"index/encoding/export.py", "index/encoding/onnx_runtime.py"},
    "openpyxl": {"corpus/formats/sheet.py"},
    "oxmsg": {"corpus/formats/outlook.py"},
    "prometheus_client": {"service/http/metrics.py"},
    "pydantic_settings": {"service/settings.py"},
    "pypdfium2": {
        f"corpus/formats/pdf/{name}.py"
        for name in ("locate", "read", "render", "struck", "typed", "words")
    },
    "safetensors": {f"eval/training/{name}.py" for name in ("compact", "export", "model")},
    "scipy": {"eval/fitting/shifts.py", "eval/training/negatives.py"},
    "sentence_transformers": {"index/encoding/encoder.py"},
    "sklearn": {"eval/fitting/regression.py", "eval/training/negatives.py"},
    "slack_sdk": {f"service/slack/{name}.py" for name in ("signature", "socket_mode", "web")},
    "sqlalchemy": {
        *(
            f"index/store/{name}.py"
            for name in (
                *("application", "chunks", "collections", "database", "documents", "listing"),
                *("meta", "rows", "scoping", "store", "succession", "tables", "verify", "writing"),
            )
        ),
        "service/answering/history.py",
        "service/mirror/ledger.py",
        *(
            f"service/slack/inbox/{name}.py"
            for name in ("channels", "conversations", "database", "queue", "votes")
        ),
    },
    "striprtf": {"corpus/formats/rich_text.py"},
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
    "typer": {
        "eval/cli.py",
        *(
            f"service/cli/{name}.py"
            for name in (
                *("collections", "console", "documents", "folders", "main", "maintenance"),
                *("outcomes", "questions", "serving"),
            )
        ),
    },
    "uvicorn": {"service/http/server.py"},
    "watchfiles": {"service/mirror/watch.py"},
    "yaml": {"corpus/formats/front_matter.py"},
}

# Benchmarks compare Quoth with these libraries, and import them for that alone.
BENCHMARKS = "eval/benchmarks/"


@cache
def modules() -> list[tuple[str, ast.Module]]:
    """Every Python file of the packages, by its path from the root."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found.append((path.relative_to(ROOT).as_posix(), tree))
    return found


def imports(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Every module that a file imports, wherever in the file, and whether it is imported bare
    (``import x``).
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, True) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), False


def room_of(path: str) -> str:
    """The room of a file: the nearest of its folders that is one."""
    folder = path.rpartition("/")[0]
    return folder if folder in MAY_IMPORT else room_of(folder)


def imported_modules(tree: ast.Module, known: Mapping[str, str]) -> Iterator[str]:
    """The paths of the project's own modules that a file imports.

    :param known: the path of every module, by its dotted name
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (known[alias.name] for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module in known:
            # `from package import module` imports the module, not only the package
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (known.get(name, known[node.module]) for name in names)


def module_graph() -> dict[str, set[str]]:
    """The modules that each module imports, by path."""
    trees = dict(modules())
    known = {path[:-3].replace("/", ".").removesuffix(".__init__"): path for path in trees}
    return {path: set(imported_modules(tree, known)) - {path} for path, tree in trees.items()}


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The nodes of one circle of a graph, or none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_folder_of_a_package_is_a_room() -> None:
    folders = {path.rpartition("/")[0] for path, _ in modules()}
    assert {folder for folder in folders if folder.count("/") <= 1} <= set(MAY_IMPORT) <= folders


def test_rooms_import_only_the_rooms_that_they_may() -> None:
    wrong = [
        f"{path} imports {other}"
        for path, others in module_graph().items()
        for other in others
        if room_of(other) not in {room_of(path), *MAY_IMPORT[room_of(path)].split()}
    ]
    assert wrong == []


def test_the_table_of_rooms_points_one_way() -> None:
    for room, others in MAY_IMPORT.items():
        allowed = PACKAGES[: PACKAGES.index(room.split("/")[0]) + 1]
        assert {other.split("/")[0] for other in others.split()} <= set(allowed), room


def test_modules_form_no_circle() -> None:
    assert circle(module_graph()) == []


def test_rooms_form_no_circle() -> None:
    # A top room has both what rooms build on and what assembles them, so its modules stand for
    # themselves.
    def node(path: str) -> str:
        return path if path in ASSEMBLING or room_of(path) in PACKAGES else room_of(path)

    rooms: dict[str, set[str]] = {}
    for path, others in module_graph().items():
        outside = {node(other) for other in others} - {node(path)}
        rooms.setdefault(node(path), set()).update(outside)
    assert circle(rooms) == []


def test_the_help_of_quoth_eval_loads_no_measure_and_no_model() -> None:
    # what a command needs is imported inside it
    (tree,) = (tree for path, tree in modules() if path == "eval/cli.py")
    top = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    own = {name for name in top if name.split(".")[0] in PACKAGES}
    assert own == {"corpus.errors", "eval.console"}


def test_only_the_embedded_engine_imports_its_search_libraries() -> None:
    owners = OWNERS["faiss"] | OWNERS["tantivy"]
    assert {room_of(path) for path in owners} == {"index/search/embedded"}


def test_the_packages_are_read_at_all() -> None:
    assert {path for path, _ in modules()} >= {
        "corpus/load.py",
        "index/encoding/encoder.py",
        "service/http/app.py",
        "eval/sets/squad.py",
    }


def test_nothing_imports_tests() -> None:
    wrong = [path for path, tree in modules() for name, _ in imports(tree) if name == "tests"]
    assert wrong == []


def test_no_package_is_imported_bare_or_relatively() -> None:
    # `import index` and `import eval` would hide a common name and a builtin.
    wrong = [
        f"{path} imports {name}"
        for path, tree in modules()
        for name, bare in imports(tree)
        if name.startswith(".") or (bare and name.split(".")[0] in PACKAGES)
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
