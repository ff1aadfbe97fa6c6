"""Prints five messages of the Slack bot about the shipped library, as docs/slack.md shows them.

    python -m eval.reporting.slack_answers

prints that part of the guide.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus.load import find_files, read_document
from eval.sets.shipped import LIBRARY
from service.answering.service import AnswerService, open_service
from service.question import make_question
from service.settings import load_settings
from service.slack.block_kit import Post
from service.slack.blocks import answer_post

ADDRESS = "https://quoth.example.org"
PLACEHOLDER_ID = "0" * 32
"""Stands for the ids of the answers, which differ from version to version of Quoth."""


@dataclass(frozen=True, slots=True)
class SlackExample:
    """A question, and how its answer is shown."""

    caption: str
    question: str
    threshold: float | None = None
    private: bool = False
    shared: bool = False


EXAMPLES = (
    SlackExample("A short answer", "How long is the Power of Siberia pipeline?"),
    SlackExample("An answer with several sources", "When was the no-limits partnership signed?"),
    SlackExample(
        "Another answer found beside it (`/quoth threshold 0.6`)",
        "How many bcm is the Far Eastern Route for?",
        0.6,
    ),
    SlackExample(
        "A private answer to `/ask`, with a button to share it",
        "Where did Li Qiang and Mishustin meet?",
        private=True,
    ),
    SlackExample("No answer", "What is the population of Mongolia?"),
)


def main() -> None:
    """Print the examples in Markdown."""
    with tempfile.TemporaryDirectory() as folder, library_service(Path(folder)) as service:
        print("\n".join(example_sections(service)), end="")


def library_service(folder: Path) -> AnswerService:
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


def example_sections(service: AnswerService) -> Iterator[str]:
    """A section of Markdown for each example."""
    for number, example in enumerate(EXAMPLES, start=1):
        heading = f"### {number}. {example.caption}\n\n*{example.question}*"
        yield f"{heading}\n\n```json\n{_json(_post(service, example))}\n```\n"


def _post(service: AnswerService, example: SlackExample) -> Post:
    kept = service.ask(make_question(example.question, min_confidence=example.threshold))
    named = kept.record.model_copy(update={"id": PLACEHOLDER_ID})
    return answer_post(named, ADDRESS, private=example.private, shared=example.shared)


def _json(post: Post) -> str:
    """What Block Kit Builder takes, a block a line."""
    lines = ",\n".join(f"  {json.dumps(block, ensure_ascii=False)}" for block in post.blocks)
    return f'{{"blocks": [\n{lines}\n]}}'


if __name__ == "__main__":
    main()
