"""Cases: small inputs with what is expected of their text and their answer."""

import json
from pathlib import Path

import pytest

from eval.cases import CaseResult, cases_table, run_cases
from index.encoding.encoder import Encoder
from service.reader.passage import PassageReader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def case(name: str, text: str, **expected: object) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "in.txt").write_text(text, encoding="utf-8")
        fields = {"input": "in.txt", "question": None, "expected": None, **expected}
        (tmp_path / name / "expect.json").write_text(json.dumps(fields), encoding="utf-8")

    asked = "How much does the line carry?"
    case(
        "a",
        "The line carries 38 bcm.",
        stored_text_should_contain=["38 bcm", "of gas"],
        question=asked,
        expected="38 bcm",
    )
    case("b", "It rains.", stored_text_should_contain=["rains"], question=asked, expected="38 bcm")
    case("c", "It rains.", stored_text_should_contain=["rains"])
    return tmp_path


def test_words_that_are_missing_and_answers_that_are_wrong_are_named(
    folder: Path, encoder: Encoder, passages: PassageReader
) -> None:
    first, second, third = run_cases(folder, encoder, passages)
    assert (first.missing, first.is_right) == (("of gas",), True)
    assert (second.missing, second.is_right) == ((), False)
    assert (third.missing, third.is_right, third.best) == ((), None, None)


def test_the_table_counts_texts_and_answers() -> None:
    results = [
        CaseResult("a", ("gas",), "38 bcm", given=True, is_right=True),
        CaseResult("b", (), "rain | snow", given=False, is_right=False),
        CaseResult("c", ()),
    ]
    lines = cases_table(results).splitlines()
    assert lines[2] == "| a | lacks gas | 38 bcm | yes | yes |"
    assert lines[3] == "| b | whole | rain \\| snow | no |  |"
    assert lines[-1] == (
        "Text whole: 2 of 3. Best answer right: 1 of 2. Given by default: 1, of these right 1."
    )
