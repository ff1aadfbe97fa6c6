"""``quoth eval`` as people run it: exit codes, reports, and messages on bad input."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from eval.cli import app

pytestmark = pytest.mark.models

BRIDGE = "The Otter Bridge was opened on 4 May 1931. It is 212 metres long. Ada Fenwick drew it."
QUESTIONS: list[dict[str, object]] = [
    {
        "id": "length",
        "question": "How long is the Otter Bridge?",
        "answers": ["212 metres"],
        "evidence": [{"document": "bridge", "quote": "It is 212 metres long."}],
        "tags": ["number"],
    },
    {
        "id": "designer",
        "question": "Who drew the Otter Bridge?",
        "answers": ["Ada Fenwick"],
        "evidence": [{"document": "bridge", "quote": "Ada Fenwick drew it."}],
        "split": "report",
    },
    {"id": "tea", "question": "How much tea did Peru sell in 1907?", "answerable": False},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a document, a set and a gate, where the command is run."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/bridge.md").write_text(
        f"---\nid: bridge\ntitle: Otter Bridge\n---\n{BRIDGE}\n"
    )
    (tmp_path / "set.jsonl").write_text(
        "".join(json.dumps(question) + "\n" for question in QUESTIONS)
    )
    (tmp_path / "gate.toml").write_text("[bars]\nCitationExact = 1.0\nContains = 0.9\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(args))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, re.sub(r"\s+", " ", result.output)


def report(name: str) -> dict[str, Any]:  # JSON
    return dict(json.loads(Path(name).read_text()))


ABOUT = ("--documents", "docs")


def test_a_gate_that_is_passed_is_exit_code_0_and_every_report_is_written(folder: Path) -> None:
    files = {kind: str(folder / f"r.{kind}") for kind in ("json", "junit", "markdown", "html")}
    options = [part for kind, name in files.items() for part in (f"--{kind}", name)]
    code, said = run("set.jsonl", *ABOUT, "--gate", "gate.toml", *options)
    assert code == 0
    assert "CitationExact" in said
    measured = report("r.json")
    assert measured["measures"]["Contains"] == measured["measures"]["R@1"] == 1
    assert [question["id"] for question in measured["questions"]] == ["length", "designer", "tea"]
    assert (
        len(ElementTree.fromstring(Path(files["junit"]).read_text()).findall(".//testcase"))
        == 3 + 2
    )
    assert "212 metres" in Path(files["html"]).read_text()
    assert "CitationExact" in Path(files["markdown"]).read_text()


@pytest.mark.usefixtures("folder")
def test_two_runs_give_the_same_report_but_for_the_timings() -> None:
    def timeless(node: object) -> object:
        if isinstance(node, dict):
            return {key: timeless(value) for key, value in node.items() if key != "timings_ms"}
        return [timeless(each) for each in node] if isinstance(node, list) else node

    for name in ("one.json", "two.json"):
        run("set.jsonl", *ABOUT, "--json", name)
    assert timeless(report("one.json")) == timeless(report("two.json"))


def test_a_broken_document_misses_the_gate_and_the_report_names_the_questions(folder: Path) -> None:
    text = (folder / "docs/bridge.md").read_text()
    (folder / "docs/bridge.md").write_text(text.replace("It is 212 metres long.", "It is closed."))
    code, said = run("set.jsonl", *ABOUT, "--gate", "gate.toml", "--json", "r.json")
    assert code == 1
    unresolved = {
        question["id"] for question in report("r.json")["questions"] if question["unresolved"]
    }
    assert unresolved == {"length"}
    assert "length" in said


def test_labels_whose_evidence_was_edited_away_miss_the_gate_even_with_right_answers(
    folder: Path,
) -> None:
    (folder / "resolved.toml").write_text("[bars]\nResolved = 1.0\n")
    assert run("set.jsonl", *ABOUT, "--gate", "resolved.toml")[0] == 0
    text = (folder / "docs/bridge.md").read_text()
    (folder / "docs/bridge.md").write_text(
        text.replace("It is 212 metres long.", "It is 212 metres long now.")
    )
    code, said = run("set.jsonl", *ABOUT, "--gate", "resolved.toml")
    assert code == 1
    assert "Resolved" in said
    assert "length" in said


@pytest.mark.usefixtures("folder")
def test_a_baseline_of_the_same_index_is_compared_and_one_of_another_is_not() -> None:
    assert run("set.jsonl", *ABOUT, "--json", "old.json")[0] == 0
    assert run("set.jsonl", *ABOUT, "--baseline", "old.json")[0] == 0
    old = report("old.json")
    old["fingerprint"]["index"] = "0" * 64
    Path("old.json").write_text(json.dumps(old))
    code, said = run("set.jsonl", *ABOUT, "--baseline", "old.json", "--json", "r.json")
    assert code == 2
    assert report("r.json")["changes"] == []
    assert "cannot be compared" in said
    assert "different index" in said


@pytest.mark.usefixtures("folder")
def test_only_the_questions_of_a_split_are_asked() -> None:
    assert run("set.jsonl", *ABOUT, "--split", "report", "--json", "r.json")[0] == 0
    assert [question["id"] for question in report("r.json")["questions"]] == ["designer"]
    assert run("set.jsonl", *ABOUT, "--json", "all.json")[0] == 0
    prints = (report(name)["fingerprint"]["questions"] for name in ("r.json", "all.json"))
    assert len(set(prints)) == 2


def test_a_measure_that_only_the_gate_names_is_reported_too(folder: Path) -> None:
    (folder / "seven.toml").write_text('[bars]\n"R@7" = 0.5\n')
    assert run("set.jsonl", *ABOUT, "--gate", "seven.toml", "--json", "r.json")[0] == 0
    assert report("r.json")["measures"]["R@7"] == 1


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["none.jsonl"], "none.jsonl: cannot be read"),
        (
            ["set.jsonl"],
            "there is no index here; name one with --data, or documents with --documents",
        ),
        (["set.jsonl", *ABOUT, "--split", "x"], "no question is in the split 'x'"),
        (["set.jsonl", *ABOUT, "--gate", "set.jsonl"], "cannot be read as a gate"),
        (["set.jsonl", *ABOUT, "--baseline", "gate.toml"], "not the JSON report of a run"),
        (["calibrate", "set.jsonl"], "the index is empty"),
        (["bench", "nothing", "--sets", "."], "there is no benchmark 'nothing'"),
    ],
    ids=lambda value: "" if isinstance(value, list) else value,
)
def test_an_evaluation_that_cannot_run_is_exit_code_2_and_one_message(
    args: list[str], said: str
) -> None:
    assert run(*args)[0] == 2
    assert said in run(*args)[1]


def test_a_draft_is_written_and_never_over_a_file(folder: Path) -> None:
    assert run("init", "--data", "data", "--out", "draft.jsonl")[0] == 0
    assert run("init", "--data", "data", "--out", "draft.jsonl")[0] == 2
    assert run("init", "--data", "data", "--out", "set.jsonl")[0] == 2
    assert (folder / "set.jsonl").read_text().count("\n") == 3
