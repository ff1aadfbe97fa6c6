"""Chunking, the lexical analyser and fusion, varied one at a time from the defaults.

    python -m eval.benchmarks.retrieval --cache DIR [--squad FILE] [--scifact DIR] \\
        [--questions 3] [--documents 4]

SQuAD's articles are long documents, all in one collection; a chunk is right when it holds an
accepted answer where that stands. SciFact's evidence is whole documents, each ranked where its best
chunk stands; other chunks than the default ones are tried on a part of it, the documents with
evidence and every fourth of the others. Chunks and vectors are the project's own, dense scores are
exact, the terms of every analyser are in an index in memory. Half of the questions (by a hash;
SQuAD's by article) choose, the other half is what is reported. Vectors are kept in the cache, so
that a run that was cut off goes on. What was found is in docs/retrieval.md."""

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import tantivy
from rich import box
from rich.console import Console
from rich.table import Table as Shown

from corpus.document import Document
from eval.benchmarks.speed import err, out, positive, print_machine, this_machine
from eval.measuring.bench import found_row
from eval.measuring.compare import Change, compare
from eval.measuring.metrics import Row, Table, measure_of
from eval.sets.question import LabelledQuestion, read_set
from eval.sets.squad import Article, articles
from index.encoding.encoder import DEFAULT_ENCODER, Encoder, Vectors, load_encoder
from index.search.embedded.engine import Candidates
from index.search.embedded.lexical import CONTEXT_WEIGHT
from index.search.searcher import CANDIDATES, DENSE_WEIGHT, fuse
from index.text.chunk import Chunk, ChunkSettings, chunk_document
from service.answering.question import DEFAULT_TOP_K
from service.settings import load_settings

MEASURES = ("R@1", "R@5", "R@10", "RR@10", "nDCG@10")
CHOOSING = "nDCG@10"
LENGTHS = (64, 96, 128, 192, 256)
OVERLAPS = (0, 2)
CONTEXT_WEIGHTS = (0.0, 0.25, 1.0)
WEIGHTS = tuple(round(tenth / 10, 1) for tenth in range(11))
RANK_CONSTANTS = (10, 60, 100)

_DEPTH = 100
_BATCH_TEXTS = 512
_MAX_TERM_CHARACTERS = 64
_HEAP_BYTES = 64_000_000
_WIDTH = 200

Span = tuple[int, int]
"""Code points, half-open."""


class Half(StrEnum):
    """What a question is for."""

    CHOOSE = "choose"
    REPORT = "report"


class Words(StrEnum):
    """What happens to numbers such as 3,000 and to words with hyphens such as Sila-2."""

    SPLIT = "split"
    NUMBERS = "numbers whole"
    HYPHENS = "hyphens whole"
    WHOLE = "both whole"
    BESIDE = "both whole, beside their parts"


_LETTER = r"[\p{Alphabetic}\p{N}]"
_NUMBER = r"\p{Nd}+(?:[.,]\p{Nd}+)+"
_PATTERNS = {
    Words.NUMBERS: rf"{_NUMBER}|{_LETTER}+",
    Words.HYPHENS: rf"{_LETTER}+(?:[-‐‑]{_LETTER}+)*",
    Words.WHOLE: rf"{_NUMBER}|{_LETTER}+(?:[-‐‑]{_LETTER}+)*",
}


@dataclass(frozen=True, slots=True)
class Analyser:
    """How texts become terms; the defaults are those of :mod:`index.search.embedded.lexical`."""

    stemming: bool = True
    stop_words_kept: bool = True
    folding: bool = True
    words: Words = Words.SPLIT

    def terms(self, text: str) -> list[str]:
        """The terms of a text, in its order."""
        if self.words is not Words.BESIDE:
            return list(_tantivy_analyser(self).analyze(text))
        parts = replace(self, words=Words.SPLIT).terms(text)
        known = set(parts)
        return parts + [
            term for term in replace(self, words=Words.WHOLE).terms(text) if term not in known
        ]


@cache
def _tantivy_analyser(analyser: Analyser) -> tantivy.TextAnalyzer:
    pattern = _PATTERNS.get(analyser.words)
    tokenizer = tantivy.Tokenizer.regex(pattern) if pattern else tantivy.Tokenizer.simple()
    filters = [tantivy.Filter.remove_long(_MAX_TERM_CHARACTERS), tantivy.Filter.lowercase()]
    if not analyser.stop_words_kept:
        filters.append(tantivy.Filter.stopword("english"))
    if analyser.folding:
        filters.append(tantivy.Filter.ascii_fold())
    if analyser.stemming:
        filters.append(tantivy.Filter.stemmer("english"))
    builder = tantivy.TextAnalyzerBuilder(tokenizer)
    for each in filters:
        builder = builder.filter(each)
    return builder.build()


@dataclass(frozen=True, slots=True)
class Convex:
    """A convex combination, as :func:`index.search.searcher.fuse` makes it."""

    weight: float = DENSE_WEIGHT

    def rank(self, candidates: Candidates) -> list[int]:
        """The candidates' numbers, best first."""
        return [fused.id for fused in fuse(candidates, weight=self.weight)]


@dataclass(frozen=True, slots=True)
class Reciprocal:
    """The sum of ``1 / (constant + rank)`` over both rankings (Cormack, Clarke and Büttcher
    2009).
    """

    constant: int

    def rank(self, candidates: Candidates) -> list[int]:
        """The candidates' numbers, best first."""
        scores = {
            fused.id: sum(
                1 / (self.constant + rank)
                for rank in (fused.dense_rank, fused.lexical_rank)
                if rank
            )
            for fused in fuse(candidates)
        }
        return sorted(scores, key=lambda id: (-scores[id], id))


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are cut, and whether the encoder sees title and headings."""

    settings: ChunkSettings = field(default_factory=ChunkSettings)
    context_embedded: bool = True

    def embedded_text(self, chunk: Chunk) -> str:
        """What the encoder sees of a chunk."""
        return chunk.embedded_text if self.context_embedded else chunk.text


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to search; what is not named is as the defaults are.

    :param part: what is varied
    :param value: to what
    """

    part: str
    value: str
    chunking: Chunking = field(default_factory=Chunking)
    analyser: Analyser = field(default_factory=Analyser)
    context_weight: float = CONTEXT_WEIGHT
    fusion: Convex | Reciprocal = field(default_factory=Convex)


DEFAULT = Variant("defaults", "")
FEW = (
    Chunking(ChunkSettings(max_tokens=96)),
    Chunking(ChunkSettings(max_tokens=256)),
    Chunking(context_embedded=False),
)
"""What a part of SciFact is cut by: the whole of it has 1.6 million tokens, to be embedded for
each.
"""

DENSE, LEXICAL = Convex(1.0), Convex(0.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and where its evidence stands.

    :param spans: for each piece of evidence its places, any of which will do; none where it is the
        whole document"""

    question: LabelledQuestion
    spans: tuple[tuple[Span, ...], ...]

    def held(self, chunk: Chunk) -> list[int]:
        """The numbers of the evidence that a chunk holds from its start to its end."""
        return [
            number
            for number, (evidence, spans) in enumerate(
                zip(self.question.evidence, self.spans, strict=True)
            )
            if evidence.document_id == chunk.document_id
            and (
                not spans or any(chunk.start <= start and end <= chunk.end for start, end in spans)
            )
        ]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A set of questions about documents.

    :param whole: documents are ranked rather than chunks, each where its best chunk stands
    :param variants: what is tried on it, the defaults first
    """

    name: str
    documents: tuple[Document, ...]
    asked: tuple[Asked, ...]
    whole: bool
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a variant gave on a set.

    :param text_depth: as many chunks as hold the text of the default's ``DEFAULT_TOP_K``
    :param rows: of each side: dense, lexical and fused
    """

    variant: Variant
    chunks: int
    text_depth: int
    rows: Mapping[str, Sequence[Row]]

    def mean(self, half: Half, name: str, side: str = "fused") -> float:
        """A measure over one half of the questions."""
        return measure_of(name).of(Table.of([row for row in self.rows[side] if row.split == half]))


class VectorCache:
    """The vectors of texts, kept in a folder."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self._encoder = encoder
        self._folder = folder / f"{encoder.identity.form}-{encoder.identity.digest[:16]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, Vectors] = {}
        for path in sorted(self._folder.glob("*.npz")):
            with np.load(path) as stored:
                self._known.update(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, float32 ``[len(texts), dimension]``; new ones are in the folder
        when this returns.
        """
        unseen = [text for text in dict.fromkeys(texts) if _digest(text) not in self._known]
        for start in range(0, len(unseen), _BATCH_TEXTS):
            err.print(f"  {start} of {len(unseen)} texts embedded")
            self._add(unseen[start : start + _BATCH_TEXTS])
        return np.stack([self._known[_digest(text)] for text in texts])

    def _add(self, texts: Sequence[str]) -> None:
        keys, vectors = [_digest(text) for text in texts], self._encoder.encode(texts)
        scratch = self._folder / f"{keys[0]}.tmp"
        with scratch.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=vectors)
        scratch.replace(scratch.with_suffix(".npz"))
        self._known.update(zip(keys, vectors, strict=True))


class Terms:
    """The terms of chunks in memory, scored as
    :class:`index.search.embedded.lexical.LexicalSnapshot` does.
    """

    def __init__(self, chunks: Sequence[Chunk], analyser: Analyser) -> None:
        self._analyser = analyser
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", fast=True)
        for name in ("text", "context"):
            builder.add_text_field(name, tokenizer_name="terms", index_option="freq")
        self._schema = builder.build()
        made = tantivy.Index(self._schema)
        made.register_tokenizer(
            "terms", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        )
        writer = made.writer(heap_size=_HEAP_BYTES, num_threads=1)
        for id, chunk in enumerate(chunks):
            writer.add_document(self._entry(id, chunk))
        writer.add_document(
            tantivy.Document()
        )  # in the place of the mark of a generation, which BM25 counts too
        writer.commit()
        writer.wait_merging_threads()
        made.reload()
        self._searcher = made.searcher()

    def search(self, question: str, limit: int, context_weight: float) -> dict[int, float]:
        """The chunks with the highest BM25, by their place in the list."""
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

    def _entry(self, id: int, chunk: Chunk) -> tantivy.Document:
        entry = tantivy.Document()
        entry.add_unsigned("id", id)
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


class Trial:
    """One set, searched in any number of ways; what variants share is made once."""

    def __init__(self, labelled: Labelled, encoder: Encoder, vectors: VectorCache) -> None:
        self._labelled = labelled
        self._encoder = encoder
        self._vectors = vectors
        self._cut = cache(self._cut_once)
        self._tokens = cache(self._tokens_once)
        self._dense = lru_cache(1)(self._dense_once)
        self._candidates = lru_cache(1)(self._candidates_once)
        self._rows = cache(self._rows_once)

    def result(self, variant: Variant) -> Result:
        """What a variant gives."""
        err.print(f"{self._labelled.name}: {variant.part} {variant.value}")
        unnamed = replace(variant, part="", value="")
        sides = {
            "fused": unnamed,
            "lexical": replace(unnamed, fusion=LEXICAL),
            "dense": replace(DEFAULT, chunking=variant.chunking, fusion=DENSE),
        }
        rows = {side: self._rows(each) for side, each in sides.items()}
        return Result(
            variant, len(self._cut(variant.chunking.settings)), self._text_depth(variant), rows
        )

    def _text_depth(self, variant: Variant) -> int:
        return round(
            DEFAULT_TOP_K * self._tokens(ChunkSettings()) / self._tokens(variant.chunking.settings)
        )

    def _rows_once(self, variant: Variant) -> list[Row]:
        chunks = self._cut(variant.chunking.settings)
        measures = [
            measure_of(name)
            for name in dict.fromkeys([*MEASURES, f"R@{self._text_depth(variant)}"])
        ]
        candidates = self._candidates(variant.chunking, variant.analyser, variant.context_weight)
        return [
            found_row(
                asked.question,
                self._ranked(asked, [chunks[id] for id in variant.fusion.rank(each)]),
                measures,
            )
            for asked, each in zip(self._labelled.asked, candidates, strict=True)
        ]

    def _ranked(self, asked: Asked, chunks: Sequence[Chunk]) -> list[int]:
        return evidence_found(asked, first_of_each(chunks) if self._labelled.whole else chunks)

    def _candidates_once(
        self, chunking: Chunking, analyser: Analyser, context_weight: float
    ) -> list[Candidates]:
        """Of every question: the best by vector and the best by terms, all of them with both
        scores.
        """
        terms = Terms(self._cut(chunking.settings), analyser)
        found = []
        for asked, scores in zip(self._labelled.asked, self._dense(chunking), strict=True):
            lexical = terms.search(asked.question.text, CANDIDATES, context_weight)
            ids = {*np.argsort(-scores, kind="stable")[:CANDIDATES].tolist(), *lexical}
            found.append(Candidates(0, {id: float(scores[id]) for id in ids}, lexical, {}))
        return found

    def _cut_once(self, settings: ChunkSettings) -> list[Chunk]:
        return [
            chunk
            for document in self._labelled.documents
            for chunk in chunk_document(document, self._encoder.token_spans, settings)
        ]

    def _tokens_once(self, settings: ChunkSettings) -> float:
        """The mean number of a chunk's tokens."""
        spans = self._encoder.token_spans([chunk.text for chunk in self._cut(settings)])
        return float(np.mean([len(each) for each in spans]))

    def _dense_once(self, chunking: Chunking) -> Vectors:
        """Inner products, float32 ``[questions, chunks]``."""
        questions = self._vectors.encode([asked.question.text for asked in self._labelled.asked])
        chunks = self._vectors.encode(
            [chunking.embedded_text(chunk) for chunk in self._cut(chunking.settings)]
        )
        return np.asarray(questions @ chunks.T, dtype=np.float32)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def first_of_each(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The first chunk of every document."""
    firsts: dict[str, Chunk] = {}
    for chunk in chunks:
        firsts.setdefault(chunk.document_id, chunk)
    return list(firsts.values())


def evidence_found(asked: Asked, chunks: Sequence[Chunk]) -> list[int]:
    """At each rank the number of the evidence that stands there first, or -1; it ends where all of
    it is found.
    """
    missing = set(range(len(asked.spans)))
    found: list[int] = []
    for chunk in chunks[:_DEPTH]:
        number = next((number for number in asked.held(chunk) if number in missing), -1)
        missing.discard(number)
        found.append(number)
        if not missing:
            break
    return found


def half_of(key: str) -> Half:
    """The half that a question or an article belongs to."""
    return Half.REPORT if hashlib.sha256(key.encode()).digest()[0] % 2 else Half.CHOOSE


def read_squad(path: Path, every: int = 1) -> Labelled:
    """A SQuAD file: every article one document, an accepted answer where it stands the evidence.

    :param every: ask each n-th question only
    """
    found = list(articles(path))
    spans = [each for article in found for each in _spans(article)]
    asked = tuple(
        Asked(
            replace(question, split=half_of(question.evidence[0].document_id), answers=()),
            (places,),
        )
        for question, places in zip(read_set(path).questions, spans, strict=True)
        if question.answerable
    )
    documents = tuple(article.document for article in found)
    return Labelled("SQuAD", documents, asked[::every], False, (DEFAULT, *chunkings(), *searches()))


def _spans(article: Article) -> Iterator[tuple[Span, ...]]:
    """For every question, where its answers stand in the document."""
    start = 0
    for paragraph in article.paragraphs:
        for question in paragraph.questions:
            yield tuple((start + first, start + last) for first, last in question.spans)
        start += len(paragraph.text) + len("\n\n")


def read_scifact(folder: Path) -> Labelled:
    """A BEIR folder, its documents cut as they are by default: whole documents are the evidence."""
    read = read_set(folder)
    asked = tuple(
        Asked(replace(question, split=half_of(question.id)), tuple(() for _ in question.evidence))
        for question in read.questions
    )
    return Labelled("SciFact", read.documents, asked, True, (DEFAULT, *searches()))


def part_of(labelled: Labelled, every: int) -> Labelled:
    """The documents with evidence and every n-th of the others, to be cut in a few ways."""
    gold = {
        evidence.document_id for asked in labelled.asked for evidence in asked.question.evidence
    }
    others = [document.id for document in labelled.documents if document.id not in gold]
    kept = gold.union(others[::every])
    documents = tuple(document for document in labelled.documents if document.id in kept)
    few = tuple(variant for variant in chunkings() if variant.chunking in FEW)
    return replace(
        labelled, name=f"part of {labelled.name}", documents=documents, variants=(DEFAULT, *few)
    )


def chunkings() -> Iterator[Variant]:
    """Every way to cut and embed that is tried, each but for one thing as the defaults are."""
    for tokens in LENGTHS:
        yield Variant(
            "chunk length", f"{tokens} tokens", Chunking(ChunkSettings(max_tokens=tokens))
        )
    for overlap in OVERLAPS:
        yield Variant("overlap", f"{overlap} sentences", Chunking(ChunkSettings(overlap=overlap)))
    yield Variant("embedded text", "without title and headings", Chunking(context_embedded=False))


def searches() -> Iterator[Variant]:
    """Every way to search the default chunks that is tried, each but for one thing as the defaults
    are.
    """
    yield Variant("analyser", "no stemming", analyser=Analyser(stemming=False))
    yield Variant("analyser", "stop words left out", analyser=Analyser(stop_words_kept=False))
    yield Variant("analyser", "accents kept", analyser=Analyser(folding=False))
    for words in Words:
        if words is not Words.SPLIT:
            yield Variant("analyser", words, analyser=Analyser(words=words))
    for weight in CONTEXT_WEIGHTS:
        yield Variant("title's weight in BM25", f"{weight}", context_weight=weight)
    for weight in WEIGHTS:
        yield Variant("dense weight", f"{weight}", fusion=Convex(weight))
    for constant in RANK_CONSTANTS:
        yield Variant("reciprocal ranks", f"k = {constant}", fusion=Reciprocal(constant))


def together(found: Sequence[Sequence[Result]]) -> Variant:
    """The analyser, title's weight and fusion that gain most over the defaults on the choosing
    halves of all sets.

    Chunks stay as they are: a longer one holds more, and is more to read.
    """
    gains: dict[Variant, float] = defaultdict(float)
    for tried in found:
        for result in tried:
            gains[result.variant] += result.mean(Half.CHOOSE, CHOOSING) - tried[0].mean(
                Half.CHOOSE, CHOOSING
            )
    best = DEFAULT
    for name in ("analyser", "context_weight", "fusion"):
        others = [each for each in searches() if getattr(each, name) != getattr(DEFAULT, name)]
        chosen = max((DEFAULT, *others), key=lambda variant: gains[variant])
        best = replace(best, **{name: getattr(chosen, name)})
    return replace(best, part="together")


def main() -> None:
    """Try every variant on every set, print, write."""
    given = _parser().parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    machine = this_machine(settings.threads)
    print_machine(machine)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    vectors = VectorCache(given.cache, encoder)
    trials = [(labelled, Trial(labelled, encoder, vectors)) for labelled in _sets(given)]
    found = [[trial.result(variant) for variant in labelled.variants] for labelled, trial in trials]
    best = together(found)
    for (labelled, trial), tried in zip(trials, found, strict=True):
        tried.append(trial.result(best))
        print_results(labelled, tried)
    if given.json:
        figures = {
            labelled.name: as_json(tried)
            for (labelled, _), tried in zip(trials, found, strict=True)
        }
        given.json.write_text(json.dumps({"machine": asdict(machine), **figures}, indent=2) + "\n")


def print_results(labelled: Labelled, tried: Sequence[Result]) -> None:
    """A table; all but the first of its figures are of the reported half."""
    chosen, reported = (
        sum(asked.question.split == half for asked in labelled.asked) for half in Half
    )
    out.print(
        f"{labelled.name}: {len(labelled.documents)} documents, {chosen} questions to choose "
        f"by, {reported} to report"
    )
    columns = (
        "chunks",
        "to choose by",
        "dense",
        "lexical",
        "fused",
        "against the defaults",
        "R@1",
        "R@10",
        "R@text",
    )
    table = Shown("varied", "to", *columns, box=box.MARKDOWN)
    for result in tried:
        table.add_row(result.variant.part, result.variant.value, *_figures(result, tried[0]))
    Console(highlight=False, width=_WIDTH).print(table)


def _figures(result: Result, default: Result) -> Iterator[str]:
    yield f"{result.chunks}"
    yield f"{result.mean(Half.CHOOSE, CHOOSING):.3f}"
    for side in ("dense", "lexical", "fused"):
        yield f"{result.mean(Half.REPORT, CHOOSING, side):.3f}"
    change = against(default, result)
    yield f"{change.now - change.before:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
    for name in ("R@1", "R@10", f"R@{result.text_depth}"):
        yield f"{result.mean(Half.REPORT, name):.3f}"


def against(default: Result, result: Result) -> Change:
    """The fused ranking against the defaults', on the reported half, with the interval of the
    difference.
    """
    before, now = (
        [row for row in each.rows["fused"] if row.split == Half.REPORT]
        for each in (default, result)
    )
    return compare(before, now, [CHOOSING])[0]


def as_json(tried: Sequence[Result]) -> list[dict[str, object]]:
    """Every figure of a set, the table's and the others."""
    return [
        {
            "part": result.variant.part,
            "value": result.variant.value,
            "varied": _described(result.variant),
            "chunks": result.chunks,
            "text_depth": result.text_depth,
            "change": {name: getattr(against(tried[0], result), name) for name in ("low", "high")},
            **{half: _measured(result, half) for half in Half},
        }
        for result in tried
    ]


def _measured(result: Result, half: Half) -> dict[str, dict[str, float]]:
    names = {name: name for name in MEASURES} | {"R@text": f"R@{result.text_depth}"}
    return {
        side: {shown: round(result.mean(half, name, side), 4) for shown, name in names.items()}
        for side in result.rows
    }


def _described(variant: Variant) -> dict[str, str]:
    """What is not as the defaults are."""
    names = ("chunking", "analyser", "context_weight", "fusion")
    return {
        name: str(getattr(variant, name))
        for name in names
        if getattr(variant, name) != getattr(DEFAULT, name)
    }


def _sets(given: argparse.Namespace) -> list[Labelled]:
    found = [read_squad(given.squad, given.questions)] if given.squad else []
    if given.scifact:
        scifact = read_scifact(given.scifact)
        found += [scifact, part_of(scifact, given.documents)]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cache", type=Path, required=True, help="the folder where vectors are kept"
    )
    parser.add_argument("--squad", type=Path, help="a SQuAD file, plain or gzipped")
    parser.add_argument("--scifact", type=Path, help="a BEIR folder")
    parser.add_argument(
        "--questions", type=positive, default=3, help="ask SQuAD's n-th ones only (%(default)s)"
    )
    parser.add_argument(
        "--documents",
        type=positive,
        default=4,
        help="cut SciFact's n-th ones otherwise (%(default)s)",
    )
    parser.add_argument("--json", type=Path, help="write all figures to this file as well")
    return parser


if __name__ == "__main__":
    main()
