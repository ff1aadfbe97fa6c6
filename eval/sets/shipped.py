"""Where the shipped library, the question sets and their documents are."""

from pathlib import Path

_SETS = Path(__file__).parent

LIBRARY = _SETS.parent.parent / "corpus" / "library"
KNOWN_FACTS = _SETS / "known_facts.jsonl"
FOLLOWUPS = _SETS / "followups.jsonl"
NEWCOMERS = _SETS / "newcomers.jsonl"
TABLES = _SETS / "tables.jsonl"

DOCUMENTS = {NEWCOMERS: _SETS / "newcomers", TABLES: _SETS / "tables"}
"""The folders of documents that sets ask about."""
