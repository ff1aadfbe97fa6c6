"""The analyser: turns texts and questions into the terms that the lexical index knows."""

import tantivy

REVISION = 1
"""Raised with every change of the terms that a text has: a lexical index of another revision is
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
