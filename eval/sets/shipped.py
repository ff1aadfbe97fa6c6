"""Where the shipped library and the question sets about it are."""

from pathlib import Path

_ROOT = Path(__file__).parent.parent.parent

LIBRARY = _ROOT / "corpus" / "library"
KNOWN_FACTS = _ROOT / "eval" / "sets" / "known_facts.jsonl"
FOLLOWUPS = _ROOT / "eval" / "sets" / "followups.jsonl"
