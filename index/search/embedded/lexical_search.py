"""Searching the terms of one generation by BM25."""

import math
from datetime import date, timedelta

import numpy as np
import tantivy

from index.filters import Filters
from index.search.embedded.analyser import terms_of
from index.search.embedded.lexical_files import translated_errors
from index.search.embedded.lexical_schema import EVERYBODY, day_number
from index.search.idset import IdSet

CONTEXT_WEIGHT = 0.5
"""The weight of a term in the title or a heading, compared with one in the text."""

ALL_TERMS_UP_TO = 50_000
"""The number of chunks up to which every term of a question is searched in full."""

POSTINGS = 200_000
"""The number of chunks that are read, term by term, to propose candidates. More frequent terms only
score what the rarer ones propose.

A word in every second chunk says almost nothing about the topic of a chunk: its idf is 0.7, and
that of a name is 8 to 13.
"""

_DEEPER = 2
"""The number of chunks proposed for each one wanted, if some words have not been scored yet."""

_BROAD = 8
"""If more than one chunk in this many passes the filters, the best of all chunks are searched, and
those that pass are kept.
"""

_FEW = 2_000
"""The number of chunks that pass the filters up to which every term is searched in full."""


class LexicalSnapshot:
    """The terms of one generation. Searches see that generation even if another one is written
    meanwhile.
    """

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema) -> None:
        self._searcher = searcher
        self._schema = schema
        with translated_errors():
            self.generation = self._find_generation()

    def search(
        self,
        question: str,
        limit: int,
        filters: Filters | None = None,
        allowed: IdSet | None = None,
    ) -> list[tuple[int, float]]:
        """The chunks with the highest BM25 score for the question's terms, as (id, score above 0),
        best first.

        In a large index, terms that are in too many chunks do not propose any, but they score those
        that the others propose (:data:`POSTINGS`).

        :param allowed: the chunks that pass the filters, if they are known; broad filters then
            cost little
        :raises StoreError: the index is damaged
        """
        terms = sorted(set(terms_of(question)))
        if not terms or limit < 1:
            return []
        with translated_errors():
            return self._best(terms, limit, filters, allowed)

    def _best(
        self, terms: list[str], limit: int, filters: Filters | None, allowed: IdSet | None
    ) -> list[tuple[int, float]]:
        narrow = allowed is not None and len(allowed) <= _FEW
        leading = terms if narrow or len(self) <= ALL_TERMS_UP_TO else self._leading(terms, limit)
        trailing = [term for term in terms if term not in leading]
        scores = self._proposed(leading, _DEEPER * limit if trailing else limit, filters, allowed)
        if trailing and scores:
            more = self._scores(self._among(list(scores), trailing), len(scores))
            scores = {id: score + more[id] for id, score in scores.items()}
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]

    def _leading(self, terms: list[str], limit: int) -> list[str]:
        """The rarest terms: as many as stay within :data:`POSTINGS`, or as are needed to find
        enough chunks. All terms, if reading them takes no longer than looking up the others.
        """
        holding = sorted((self._searcher.doc_freq("text", term), term) for term in terms)
        if sum(chunks for chunks, _ in holding) <= 2 * POSTINGS:
            return terms
        leading: list[str] = []
        total = 0
        for chunks, term in holding:
            if total >= _DEEPER * limit and total + chunks > POSTINGS:
                break
            leading.append(term)
            total += chunks
        return leading

    def _proposed(
        self, terms: list[str], limit: int, filters: Filters | None, allowed: IdSet | None
    ) -> dict[int, float]:
        """The best chunks by these terms that pass. With broad filters they are taken from the best
        of all chunks if those are enough.
        """
        if (
            not filters
            or allowed is None
            or len(self) <= ALL_TERMS_UP_TO
            or _BROAD * len(allowed) < len(self)
        ):
            return self._scores(self._query(terms, filters), limit)
        deep = 2 * limit * len(self) // len(allowed)
        scores = self._scores(self._query(terms, None), deep)
        passing = allowed.holds(np.array(list(scores), dtype=np.int64))
        kept = dict(
            [pair for pair, passes in zip(scores.items(), passing, strict=True) if passes][:limit]
        )
        enough = len(kept) == limit or len(scores) < deep
        return kept if enough else self._scores(self._query(terms, filters), limit)

    def _scores(self, query: tantivy.Query, limit: int) -> dict[int, float]:
        """The scores of the best chunks by id, best first."""
        hits = self._searcher.search(query, limit, count=False).hits
        ids = self._searcher.fast_field_values("chunk_id", [address for _, address in hits])
        return {
            int(id): float(score)
            for id, (score, _) in zip(ids, hits, strict=True)
            if id is not None
        }

    def _among(self, ids: list[int], terms: list[str]) -> tantivy.Query:
        """A query for the chunks with these ids, scored by these terms."""
        # Each term is an optional clause beside the chunks that must match. So tantivy looks up
        # these few chunks instead of reading all the chunks that contain the term.
        any_of = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "chunk_id", id, "basic"))
            for id in ids
        ]
        query = tantivy.Query.const_score_query(tantivy.Query.boolean_query(any_of), 0.0)
        for term in terms:
            for clause in self._clauses(term):
                query = tantivy.Query.boolean_query(
                    [(tantivy.Occur.Must, query), (tantivy.Occur.Should, clause)]
                )
        return query

    def _clauses(self, term: str) -> tuple[tantivy.Query, tantivy.Query]:
        """The term in the text, and in title and headings."""
        context = tantivy.Query.term_query(self._schema, "context", term, "freq")
        text = tantivy.Query.term_query(self._schema, "text", term, "freq")
        return text, tantivy.Query.boost_query(context, CONTEXT_WEIGHT)

    def idf(self, question: str) -> dict[str, float]:
        """The inverse document frequency of each of the question's analysed terms, as BM25 defines
        it; above 0.

        :raises StoreError: the index is damaged
        """
        with translated_errors():
            return {term: self._idf(term) for term in sorted(set(terms_of(question)))}

    def _idf(self, term: str) -> float:
        holding = self._searcher.doc_freq("text", term)
        # Until tantivy merges, deleted chunks still count as containing the term.
        total = max(self._searcher.num_docs, holding)
        return math.log(1 + (total - holding + 0.5) / (holding + 0.5))

    def __len__(self) -> int:
        """The number of chunks."""
        # One entry marks the generation and is not a chunk.
        return int(self._searcher.num_docs) - (self.generation > 0)

    def ids(self) -> list[int]:
        """The ids of all chunks in ascending order.

        :raises StoreError: the index is damaged
        """
        with translated_errors():
            hits = self._searcher.search(
                tantivy.Query.exists_query("chunk_id"), max(1, self._searcher.num_docs)
            ).hits
            ids = self._searcher.fast_field_values("chunk_id", [address for _, address in hits])
        return sorted(int(id) for id in ids if id is not None)

    def _find_generation(self) -> int:
        hits = self._searcher.search(tantivy.Query.exists_query("generation"), 1).hits
        if not hits:
            return 0
        (generation,) = self._searcher.fast_field_values("generation", [hits[0][1]])
        return int(generation or 0)

    def _query(self, terms: list[str], filters: Filters | None) -> tantivy.Query:
        scoring = [
            (tantivy.Occur.Should, clause) for term in terms for clause in self._clauses(term)
        ]
        if not filters:
            return tantivy.Query.boolean_query(scoring)
        required = [
            tantivy.Query.const_score_query(query, 0.0) for query in self._narrowing(filters)
        ]
        return tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, query)
                for query in (tantivy.Query.boolean_query(scoring), *required)
            ]
        )

    def _narrowing(self, filters: Filters) -> list[tantivy.Query]:
        queries = []
        if filters.document_ids:
            queries.append(
                tantivy.Query.term_set_query(self._schema, "document_id", filters.document_ids)
            )
        if filters.tags:
            queries.append(tantivy.Query.term_set_query(self._schema, "tag", filters.tags))
        for field, values in (
            ("collection", filters.collections),
            ("group", None if filters.groups is None else filters.groups | {EVERYBODY}),
        ):
            if values is not None:
                queries.append(tantivy.Query.term_set_query(self._schema, field, sorted(values)))
        if filters.published_from or filters.published_to:
            queries.append(self._published(filters.published_from, filters.published_to))
        if filters.known_by and filters.known_by < date.max:
            later = self._published(filters.known_by + timedelta(days=1), None)
            queries.append(
                tantivy.Query.boolean_query(
                    [
                        (tantivy.Occur.Must, tantivy.Query.all_query()),
                        (tantivy.Occur.MustNot, later),
                    ]
                )
            )
        return queries

    def _published(self, first: date | None, last: date | None) -> tantivy.Query:
        """Documents with a date from ``first`` to ``last``, both included."""
        return tantivy.Query.range_query(
            self._schema,
            "published",
            tantivy.FieldType.Integer,
            lower_bound=day_number(first or date.min),
            upper_bound=day_number(last or date.max),
        )
