"""The answers in docs/slack.md are what the bot says, and Slack takes them."""

import json
import re
from pathlib import Path

import pytest

from eval.reporting.slack_answers import EXAMPLES, example_sections, library_service
from tests.loopback import fault_of_blocks

PART = (Path(__file__).parent.parent / "docs" / "slack.md").read_text().split("## Five answers")[1]


@pytest.mark.models
def test_the_answers_in_the_docs_are_those_of_the_shipped_library(tmp_path: Path) -> None:
    with library_service(tmp_path) as service:
        assert [section for section in example_sections(service) if section not in PART] == []


def test_slack_takes_the_answers_in_the_docs() -> None:
    shown = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PART, re.DOTALL)]
    assert len(shown) == len(EXAMPLES) == 5
    assert [fault_of_blocks(one["blocks"], 50) for one in shown] == [None] * 5
