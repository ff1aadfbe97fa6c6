"""tantivy: the terms of one generation, to be searched by BM25."""

import json
import math
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import tantivy

from corpus.errors import StoreError
from index.filters import Filters
from index.search.idset import IdSet
from index.store.chunks import ChunkChanges, StoredChunk

CONTEXT_WEIGHT = 0.5
"""How much a term in the title or a heading counts against one in the text."""

ALL_TERMS_UP_TO = 50_000
"""Chunks up to which every term of a question is searched in full."""

POSTINGS = 200_000
"""Chunks that are read, term by term, to propose some; words held by more only score what the rarer
ones propose.

A word of every second chunk says next to nothing of what a chunk is about (its idf is 0.7, that of
a name 8 to 13). """

_DEEPER = 2
"""Chunks proposed for each that is wanted, where some words have not been counted yet."""

_BROAD = 8
"""Filters that let through more than one chunk in so many are looked for among the best of all
chunks.
"""

_FEW = 2_000
"""Chunks that pass filters, up to which every term is searched in full."""

_FOLDER = "terms"
_HEAP_BYTES = 32_000_000
_MAX_TERM_CHARACTERS = 64
_FOOTER = struct.Struct(
    "<II"
)  # how long the footer before it is, and a number that marks tantivy's files
_FOOTER_MARK = 1337
_PARTS = ("fast", "fieldnorm", "idx", "pos", "store", "term")

_analyzer = (
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    .filter(tantivy.Filter.remove_long(_MAX_TERM_CHARACTERS))
    .filter(tantivy.Filter.lowercase())
    .filter(tantivy.Filter.ascii_fold())
    .filter(tantivy.Filter.stemmer("english"))
    .build()
)


def terms_of(text: str) -> list[str]:
    """The terms of a text as the index knows them: words and numbers, lower-case, without accents,
    stemmed.
    """
    return list(_analyzer.analyze(text))


class LexicalSnapshot:
    """The terms of one generation. A search sees that generation, whatever is written meanwhile."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema) -> None:
        self._searcher = searcher
        self._schema = schema
        with _translated():
            self.generation = self._find_generation()

    def search(
        self,
        question: str,
        limit: int,
        filters: Filters | None = None,
        allowed: IdSet | None = None,
    ) -> list[tuple[int, float]]:
        """The chunks with the highest BM25 for the question's terms, as (number, score above 0),
        best first.

        In a large index, words that too many chunks hold do not propose chunks; they count for
        those that the others propose (:data:`POSTINGS`).

        :param allowed: the chunks that pass the filters, where they are known: then broad filters
            cost little
        :raises StoreError: the index is damaged
        """
        terms = sorted(set(terms_of(question)))
        if not terms or limit < 1:
            return []
        with _translated():
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
        """The rarest terms, as many as stay within :data:`POSTINGS`, or as are needed to find
        enough chunks.

        All of them, where reading them all takes no longer than looking the others up.
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
        """The best chunks by these terms that pass; under broad filters, out of the best of all
        where these suffice.
        """
        if (
            not filters
            or allowed is None
            or len(self) <= ALL_TERMS_UP_TO
            or _BROAD * len(allowed) < len(self)
        ):
            return self._scores(self._query(terms, filters), limit)
        deep = 2 * limit * len(self) // len(allowed)
        found = self._scores(self._query(terms, None), deep)
        passing = allowed.holds(np.array(list(found), dtype=np.int64))
        kept = dict(
            [pair for pair, passes in zip(found.items(), passing, strict=True) if passes][:limit]
        )
        enough = len(kept) == limit or len(found) < deep
        return kept if enough else self._scores(self._query(terms, filters), limit)

    def _scores(self, query: tantivy.Query, limit: int) -> dict[int, float]:
        """The scores of the best chunks by their numbers, best first."""
        found = self._searcher.search(query, limit, count=False).hits
        ids = self._searcher.fast_field_values("chunk_id", [address for _, address in found])
        return {
            int(id): float(score)
            for id, (score, _) in zip(ids, found, strict=True)
            if id is not None
        }

    def _among(self, ids: list[int], terms: list[str]) -> tantivy.Query:
        """The chunks of those numbers, scored by these terms.

        One term at a time beside what must match: so each looks up the few chunks instead of
        reading all it has."""
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
        with _translated():
            return {term: self._idf(term) for term in sorted(set(terms_of(question)))}

    def _idf(self, term: str) -> float:
        holding = self._searcher.doc_freq("text", term)
        total = max(
            self._searcher.num_docs, holding
        )  # deleted chunks are counted as holding it until tantivy merges
        return math.log(1 + (total - holding + 0.5) / (holding + 0.5))

    def __len__(self) -> int:
        """How many chunks there are."""
        return int(self._searcher.num_docs) - (
            self.generation > 0
        )  # one entry is the generation's mark

    def ids(self) -> list[int]:
        """The numbers of all chunks, ascending.

        :raises StoreError: the index is damaged
        """
        with _translated():
            found = self._searcher.search(
                tantivy.Query.exists_query("chunk_id"), max(1, self._searcher.num_docs)
            ).hits
            ids = self._searcher.fast_field_values("chunk_id", [address for _, address in found])
        return sorted(int(id) for id in ids if id is not None)

    def _find_generation(self) -> int:
        found = self._searcher.search(tantivy.Query.exists_query("generation"), 1).hits
        if not found:
            return 0
        (generation,) = self._searcher.fast_field_values("generation", [found[0][1]])
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
        if filters.published_from or filters.published_to:
            queries.append(
                tantivy.Query.range_query(
                    self._schema,
                    "published",
                    tantivy.FieldType.Integer,
                    lower_bound=_day(filters.published_from or date.min),
                    upper_bound=_day(filters.published_to or date.max),
                )
            )
        return queries


class LexicalIndex:
    """The terms on disk. Any process may read; one at a time may :meth:`apply`."""

    def __init__(self, folder: Path, writable: bool) -> None:
        """Open the index in ``folder``, making it where there is none.

        :param writable: a damaged index may be made anew, empty. Nothing is lost by that: the store
            holds every chunk, and what is missing is applied from there.
        :raises StoreError: the index is damaged and not to be written
        """
        self._folder = folder / _FOLDER
        self._writer: tantivy.IndexWriter | None = None
        if writable and damaged_files(folder):
            self.discard(folder)
        try:
            self._open()
        except StoreError:
            if not writable:
                raise
            self.discard(folder)
            self._open()

    @staticmethod
    def discard(folder: Path) -> None:
        """Delete the index in ``folder``."""
        shutil.rmtree(folder / _FOLDER, ignore_errors=True)

    @staticmethod
    def move(source: Path, target: Path) -> None:
        """Put the index of one folder in place of that of another, where there is any."""
        if (source / _FOLDER).is_dir():
            LexicalIndex.discard(target)
            (source / _FOLDER).rename(target / _FOLDER)

    def refresh(self) -> LexicalSnapshot:
        """The generation that is on disk now."""
        with _translated():
            self._index.reload()
        self.snapshot = self._take_snapshot()
        return self.snapshot

    def apply(self, changes: Iterable[ChunkChanges]) -> LexicalSnapshot:
        """The generation that the changes lead to, on disk when this returns. Applying changes
        twice does no harm.

        :param changes: the parts of one step, at least one
        :raises StoreError: another writer is at work, or the disk is full
        """
        try:
            self._write(changes)
        except BaseException as exc:
            self._writer = None  # what it was given so far goes with it
            if not isinstance(exc, ValueError | OSError):
                raise
            raise StoreError(
                f"{self._folder}: the lexical index cannot be written ({exc}); make room if "
                "the disk is full. What is "
                "stored is not lost: it becomes visible with the next write, or when the "
                "index is next opened"
            ) from exc
        return self.refresh()

    def close(self) -> None:
        """Wait for background work and give the writer's place free."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None

    def _open(self) -> None:
        with _translated():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._index = tantivy.Index(_schema(), path=str(self._folder))
        self._index.register_tokenizer("quoth", _analyzer)
        self.snapshot = self._take_snapshot()
        self.snapshot.idf(
            "text"
        )  # opens the terms of every segment: damage shows here, not at the first question

    def _take_snapshot(self) -> LexicalSnapshot:
        return LexicalSnapshot(self._index.searcher(), self._index.schema)

    def _write(self, changes: Iterable[ChunkChanges]) -> None:
        if self._writer is None:
            self._writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
            # a commit that was cut off left files whose names come again
            self._writer.garbage_collect_files()
        reached = 0
        for part in changes:
            self._write_part(self._writer, part)
            reached = part.generation
        self._writer.delete_documents_by_query(tantivy.Query.exists_query("generation"))
        marker = tantivy.Document()
        marker.add_unsigned("generation", reached)
        self._writer.add_document(marker)
        self._writer.commit()

    def _write_part(self, writer: tantivy.IndexWriter, part: ChunkChanges) -> None:
        if self.snapshot.generation > 0:
            # By query: deleting by term takes a Python int for a signed number, and misses an
            # unsigned field.
            stale = [*part.removed.tolist(), *(stored.id for stored in part.added)]
            writer.delete_documents_by_query(
                tantivy.Query.term_set_query(self._index.schema, "chunk_id", stale)
            )
        for stored in part.added:
            writer.add_document(_entry(stored))


def damaged_files(folder: Path) -> list[str]:
    """The names of the present generation's files that do not hold what tantivy wrote.

    Each ends with a checksum of its own, which tantivy itself does not look at. Files of a
    generation that is still being written are no part of this."""
    place = folder / _FOLDER
    return sorted(name for name in _committed(place) if _is_damaged(place / name))


def _committed(place: Path) -> set[str]:
    """The names that files of the present generation have, none where the list of them cannot be
    read.
    """
    try:
        segments = json.loads((place / "meta.json").read_bytes())["segments"]
        ids = {
            segment["segment_id"].replace("-", ""): segment["deletes"] or {} for segment in segments
        }
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    parts = (*_PARTS, "{}.del")
    return {
        f"{id}.{part.format(deletes.get('opstamp'))}"
        for id, deletes in ids.items()
        for part in parts
    }


def _is_damaged(path: Path) -> bool:
    try:
        data = path.read_bytes()
        length, mark = _FOOTER.unpack(data[-_FOOTER.size :])
        body = memoryview(data)[: -_FOOTER.size - length]
        footer = json.loads(data[len(body) : -_FOOTER.size])
        return bool(mark != _FOOTER_MARK or footer["crc"] != zlib.crc32(body))
    except FileNotFoundError:
        return False  # merged away meanwhile
    except (struct.error, ValueError, KeyError, TypeError):
        return True


@contextmanager
def _translated() -> Iterator[None]:
    """What tantivy raises for files that are damaged or of another version, as an error of
    Quoth.
    """
    try:
        yield
    except BaseException as exc:
        # A panic of Rust is no Exception, and its class cannot be imported.
        if isinstance(exc, ValueError | OSError) or type(exc).__name__ == "PanicException":
            raise StoreError(f"the lexical index is damaged ({exc}); run quoth rebuild") from exc
        raise


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("chunk_id", indexed=True, fast=True)
    builder.add_unsigned_field("generation", indexed=True, fast=True)
    builder.add_text_field("document_id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("tag", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("published", indexed=True, fast=True)
    builder.add_text_field("text", tokenizer_name="quoth", index_option="freq")
    builder.add_text_field("context", tokenizer_name="quoth", index_option="freq")
    return builder.build()


def _entry(stored: StoredChunk) -> tantivy.Document:
    entry = tantivy.Document()
    entry.add_unsigned("chunk_id", stored.id)
    entry.add_text("document_id", stored.chunk.document_id)
    for tag in stored.tags:
        entry.add_text("tag", tag)
    if stored.published:
        entry.add_integer("published", _day(stored.published))
    entry.add_text("text", stored.chunk.text)
    entry.add_text("context", stored.chunk.context)
    return entry


def _day(day: date) -> int:
    return day.toordinal()
