"""The terms of chunks in memory, under any analyser."""

from collections.abc import Sequence

import tantivy

from eval.benchmarks.retrieval.variants import Analyser
from index.text.chunk import Chunk

_HEAP_BYTES = 64_000_000


class Terms:
    """The terms of chunks in memory, scored as
    :class:`index.search.embedded.lexical_search.LexicalSnapshot` does.
    """

    def __init__(self, chunks: Sequence[Chunk], analyser: Analyser) -> None:
        self._analyser = analyser
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", fast=True)
        for name in ("text", "context"):
            builder.add_text_field(name, tokenizer_name="terms", index_option="freq")
        self._schema = builder.build()
        index = tantivy.Index(self._schema)
        index.register_tokenizer(
            "terms", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        )
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for position, chunk in enumerate(chunks):
            writer.add_document(self._entry(position, chunk))
        # an index of the product holds an entry that marks its generation, which BM25 counts
        writer.add_document(tantivy.Document())
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def search(self, question: str, limit: int, context_weight: float) -> dict[int, float]:
        """The chunks with the highest BM25 scores: score by position in the list of chunks."""
        terms = sorted(set(self._analyser.terms(question)))
        if not terms:
            return {}
        found = self._searcher.search(self._query(terms, context_weight), limit).hits
        ids = self._searcher.fast_field_values("id", [address for _, address in found])
        return {
            int(id): float(score)
            for id, (score, _) in zip(ids, found, strict=True)
            if id is not None
        }

    def _entry(self, position: int, chunk: Chunk) -> tantivy.Document:
        entry = tantivy.Document()
        entry.add_unsigned("id", position)
        entry.add_text("text", " ".join(self._analyser.terms(chunk.text)))
        entry.add_text("context", " ".join(self._analyser.terms(chunk.context)))
        return entry

    def _query(self, terms: Sequence[str], context_weight: float) -> tantivy.Query:
        weights = {"text": 1.0, "context": context_weight}
        return tantivy.Query.boolean_query(
            [
                (
                    tantivy.Occur.Should,
                    tantivy.Query.boost_query(
                        tantivy.Query.term_query(self._schema, name, term, "freq"), weight
                    ),
                )
                for term in terms
                for name, weight in weights.items()
                if weight > 0
            ]
        )
