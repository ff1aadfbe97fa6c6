"""Small inputs, one a fault seen on real files: is the text whole, and is the answer right?

    python -m eval.cases FOLDER

Each folder inside FOLDER is a case: an input, and an ``expect.json`` with the names ``input`` (a
file or a folder beside it), ``stored_text_should_contain`` (words), ``question`` and ``expected``
(its answer; null if nothing is asked). Every case is added to an index of its own and asked there,
once as anybody asks and once for the best answer, however doubtful. An answer is right if it
contains the expected one, or shares half its words with it.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import DocumentError
from corpus.load import find_files, read_document
from eval.measuring.formulas import is_right
from index.encoding.encoder import Encoder, load_encoder
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.factory import load_passage_reader
from service.reader.passage import PassageReader
from service.settings import load_settings

_MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of a case.

    :param missing: words that the stored text lacks
    :param best: the best answer, however doubtful; None if there is none or nothing was asked
    :param given: whether it is given by default
    :param is_right: whether the best answer is right; None if nothing was asked
    """

    name: str
    missing: tuple[str, ...]
    best: str | None = None
    given: bool = False
    is_right: bool | None = None


def run_cases(folder: Path, encoder: Encoder, passages: PassageReader) -> Iterator[CaseResult]:
    """The result of each case in a folder, by name."""
    for described in sorted(folder.glob("*/expect.json")):
        with tempfile.TemporaryDirectory() as data:
            service = AnswerService(Path(data), encoder, passages, writable=True)
            with service:
                yield _run_case(described, service)


def _run_case(described: Path, service: AnswerService) -> CaseResult:
    expected = json.loads(described.read_text(encoding="utf-8"))
    text = ""
    for task in find_files([described.parent / expected["input"]]):
        try:
            document = read_document(task.path, max_bytes=_MAX_BYTES)
        except DocumentError as exc:
            text += f"{exc}\n"
        else:
            service.collection.put([document])
            text += f"{document.text}\n"
    name = described.parent.name
    missing = tuple(word for word in expected["stored_text_should_contain"] if word not in text)
    if not expected["question"]:
        return CaseResult(name, missing)
    best = service.ask(make_question(expected["question"], min_confidence=0)).record.answer
    given = service.ask(make_question(expected["question"])).record.answered
    found = best.text if best else ""
    right = is_right(found, [expected["expected"]]) > 0
    return CaseResult(name, missing, found or None, given, right)


def cases_table(results: Sequence[CaseResult]) -> str:
    """A Markdown table, a line for each case, and a line of sums."""
    lines = [
        "| case | text | best answer | right | by default |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in results:
        text = f"lacks {', '.join(each.missing)}" if each.missing else "whole"
        best = " ".join((each.best or "").split()).replace("|", "\\|")
        verdict = "" if each.is_right is None else "yes" if each.is_right else "no"
        lines.append(
            f"| {each.name} | {text} | {best} | {verdict} | {'yes' if each.given else ''} |"
        )
    asked = [each for each in results if each.is_right is not None]
    given = [each for each in asked if each.given]
    lines.append(
        f"\nText whole: {sum(not each.missing for each in results)} of {len(results)}. "
        f"Best answer right: {sum(each.is_right is True for each in asked)} of {len(asked)}. "
        f"Given by default: {len(given)}, of these right "
        f"{sum(each.is_right is True for each in given)}."
    )
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    settings = load_settings()
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    passages = load_passage_reader(settings.reader, settings.threads)
    print(cases_table(list(run_cases(given.folder, encoder, passages))))


if __name__ == "__main__":
    main()
