"""Five answers of the Slack bot about the shipped library, as docs/slack.md shows them.

    python -m eval.reporting.slack_answers

prints that part of the file.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus.load import find_files, read_document
from service.answering.question import make_question
from service.answering.service import AnswerService, open_service
from service.settings import load_settings
from service.slack.block_kit import Post
from service.slack.blocks import answer_post

LIBRARY = Path(__file__).parent.parent.parent / "corpus" / "library"
ADDRESS = "https://quoth.example.org"
NO_ID = "0" * 32
"""In place of the answers' ids, which are other ones for every version of Quoth."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question, and how its answer is shown."""

    caption: str
    question: str
    threshold: float | None = None
    private: bool = False
    shared: bool = False


EXAMPLES = (
    Example("A short answer", "How long is the Power of Siberia pipeline?"),
    Example("An answer with several sources", "When was the no-limits partnership signed?"),
    Example(
        "Another answer found beside it (`/quoth threshold 0.6`)",
        "How many bcm is the Far Eastern Route for?",
        0.6,
    ),
    Example(
        "A private answer to `/ask`, with a button to share it",
        "Where did Li Qiang and Mishustin meet?",
        private=True,
    ),
    Example("No answer", "What is the population of Mongolia?"),
)


def main() -> None:
    """Print the examples as Markdown."""
    with tempfile.TemporaryDirectory() as folder, library_desk(Path(folder)) as service:
        print("\n".join(sections(service)), end="")


def library_desk(folder: Path) -> AnswerService:
    """A service over the shipped library, indexed in a folder."""
    settings = load_settings(data_dir=folder)
    service = open_service(settings, writable=True)
    limit = settings.max_document_bytes
    service.collection.put(
        [
            read_document(file.path, document_id=file.document_id, max_bytes=limit)
            for file in find_files([LIBRARY])
        ]
    )
    return service


def sections(service: AnswerService) -> Iterator[str]:
    """A section of Markdown for each example."""
    for number, example in enumerate(EXAMPLES, start=1):
        heading = f"### {number}. {example.caption}\n\n*{example.question}*"
        yield f"{heading}\n\n```json\n{_json(_post(service, example))}\n```\n"


def _post(service: AnswerService, example: Example) -> Post:
    kept = service.ask(make_question(example.question, min_confidence=example.threshold))
    named = kept.record.model_copy(update={"id": NO_ID})
    return answer_post(named, ADDRESS, private=example.private, shared=example.shared)


def _json(post: Post) -> str:
    """What Block Kit Builder takes, a block a line."""
    lines = ",\n".join(f"  {json.dumps(block, ensure_ascii=False)}" for block in post.blocks)
    return f'{{"blocks": [\n{lines}\n]}}'


if __name__ == "__main__":
    main()
