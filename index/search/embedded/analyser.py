"""The analyser turns texts and questions into the terms of the lexical index."""

import tantivy

REVISION = 1
"""Increased with every change of the terms of a text. A lexical index with another revision is
built again.
"""

_MAX_TERM_CHARACTERS = 64

ANALYZER = (
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    .filter(tantivy.Filter.remove_long(_MAX_TERM_CHARACTERS))
    .filter(tantivy.Filter.lowercase())
    .filter(tantivy.Filter.ascii_fold())
    .filter(tantivy.Filter.stemmer("english"))
    .build()
)


def terms_of(text: str) -> list[str]:
    """The terms of a text: its words and numbers, in lower case, without accents, and stemmed."""
    return list(ANALYZER.analyze(text))
