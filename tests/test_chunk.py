"""Chunks: exact offsets, whole sentences, one section each, and no more tokens than the encoder
reads.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.blocks import BlockKind
from corpus.document import Document, make_document
from index.encoding.encoder import Encoder
from index.text.chunk import Chunk, ChunkSettings, chunk_document

Make = Callable[..., Document]

prose = st.text(
    st.one_of(
        st.sampled_from("abcXYZ .!?\n# \t"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
    ),
    min_size=1,
    max_size=400,
).filter(lambda text: bool(text.strip()))


def words(count: int, name: str) -> str:
    return " ".join(
        [name.capitalize(), *[f"{name}{number}" for number in range(2, count)], f"{name}end."]
    )


def cut(
    document: Document, encoder: Encoder, max_tokens: int = 160, overlap: int = 1
) -> list[Chunk]:
    return chunk_document(document, encoder.token_spans, ChunkSettings(max_tokens, overlap))


def test_a_short_text_is_one_chunk_without_the_white_space_around_it(
    encoder: Encoder, make: Make
) -> None:
    document = make("gas", "\n The line carries 38 bcm. It is full. \n")
    (chunk,) = cut(document, encoder)
    assert (chunk.document_id, chunk.version) == ("gas", document.version)
    assert chunk.text == "The line carries 38 bcm. It is full."
    assert (chunk.start, chunk.end) == (2, 38)  # after "\n "; the text is 36 characters long


def test_a_chunk_repeats_the_last_sentence_of_the_one_before(encoder: Encoder, make: Make) -> None:
    first, second, third, fourth = (words(4, name) for name in ("one", "two", "three", "four"))
    chunks = cut(make("a", f"{first} {second} {third} {fourth}"), encoder, max_tokens=10)
    # Two sentences of 4 tokens fit into 10, three do not.
    assert [chunk.text for chunk in chunks] == [
        f"{first} {second}",
        f"{second} {third}",
        f"{third} {fourth}",
    ]


def test_a_chunk_repeats_nothing_where_that_leaves_no_room_for_the_next_sentence(
    encoder: Encoder, make: Make
) -> None:
    first, second, third = words(4, "one"), words(4, "two"), words(8, "three")
    chunks = cut(make("a", f"{first} {second} {third}"), encoder, max_tokens=10)
    assert [chunk.text for chunk in chunks] == [f"{first} {second}", third]


def test_the_overlap_is_as_set(encoder: Encoder, make: Make) -> None:
    text = " ".join(
        words(2, name) for name in ("one", "two", "three", "four", "five")
    )  # 2 tokens each
    document = make("a", text)
    without = [chunk.text.split()[0] for chunk in cut(document, encoder, max_tokens=6, overlap=0)]
    twice = [chunk.text.split()[0] for chunk in cut(document, encoder, max_tokens=6, overlap=2)]
    assert (without, twice) == (["One", "Four"], ["One", "Two", "Three"])


def test_a_chunk_never_crosses_a_heading(encoder: Encoder, make: Make) -> None:
    chunks = cut(make("a", "Before.\n# Gas\nIt flows.\n## Prices\nThey rise."), encoder)
    assert [chunk.text for chunk in chunks] == ["Before.", "It flows.", "They rise."]


def test_title_and_headings_are_embedded_and_not_quoted(encoder: Encoder, make: Make) -> None:
    document = make("a", "# Energy\n## Gas\nIt flows.", title="Report")
    (chunk,) = cut(document, encoder)
    assert (chunk.text, chunk.context) == ("It flows.", "Report\nEnergy\nGas")
    assert chunk.embedded_text == "Report\nEnergy\nGas\nIt flows."


def test_a_title_that_is_also_the_heading_is_embedded_once(encoder: Encoder, make: Make) -> None:
    (chunk,) = cut(make("a", "# Gas\nIt flows."), encoder)
    assert chunk.embedded_text == "Gas\nIt flows."


def test_nothing_but_headings_can_still_be_quoted(encoder: Encoder, make: Make) -> None:
    assert [chunk.text for chunk in cut(make("a", "# Gas\n## Prices rise"), encoder)] == [
        "Gas\n## Prices rise"
    ]


def test_a_sentence_that_is_too_long_is_cut_between_words(encoder: Encoder, make: Make) -> None:
    chunks = cut(make("a", words(25, "gas")), encoder, max_tokens=10, overlap=0)
    assert [len(chunk.text.split()) for chunk in chunks] == [10, 10, 5]
    assert " ".join(chunk.text for chunk in chunks) == words(25, "gas")


def test_a_cut_never_falls_inside_a_word_of_several_tokens(make: Make) -> None:
    # Tokens of three letters: the tenth token of a chunk ends inside a word as a rule.
    def thirds(texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        return [[match.span() for match in re.finditer(r"\w{1,3}", text)] for text in texts]

    text = "gas flows through pipelines " * 20
    document = make("a", f"{text.strip()}.")
    chunks = chunk_document(document, thirds, ChunkSettings(max_tokens=10, overlap=0))
    assert len(chunks) > 10
    assert " ".join(chunk.text for chunk in chunks) == document.text
    assert {chunk.text.split()[-1] for chunk in chunks[:-1]} <= set(text.split())


def test_an_endless_word_is_cut_into_pieces_that_join_to_it(encoder: Encoder, make: Make) -> None:
    word = "x" * 100_000
    chunks = cut(make("a", f"Here it is: {word} and on."), encoder)
    # One token, and 12 characters a token at most: 160 x 12 = 1,920 characters a piece.
    assert max(len(chunk.text) for chunk in chunks) <= 1_920
    covered = {at for chunk in chunks for at in range(chunk.start, chunk.end)}
    assert covered >= set(range(12, 100_012))


def test_text_whose_tokens_cannot_be_seen_is_cut_all_the_same(make: Make) -> None:
    # A tokenizer may drop what it does not know, control characters for example: no tokens at all.
    chunks = chunk_document(
        make("a", "y" * 5_000), lambda texts: [[] for _ in texts], ChunkSettings()
    )
    assert [(chunk.start, chunk.end) for chunk in chunks] == [
        (0, 1_920),
        (1_920, 3_840),
        (3_840, 5_000),
    ]


def _is_one_word(text: str) -> bool:
    return len(text.split()) == 1


@given(text=prose, max_tokens=st.integers(1, 12), overlap=st.integers(0, 3))
def test_chunks_keep_their_offsets_and_hold_all_but_headings(
    text: str, max_tokens: int, overlap: int, encoder: Encoder
) -> None:
    document = make_document(text, document_id="a")
    chunks = cut(document, encoder, max_tokens, overlap)
    held: set[int] = set()
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text == chunk.text.strip() != ""
        assert len(re.findall(r"\S+", chunk.text)) <= max_tokens or _is_one_word(chunk.text)
        held.update(range(chunk.start, chunk.end))
    for block in document.blocks:
        if block.kind is not BlockKind.HEADING:
            span = range(block.start, block.end)
            assert all(at in held or document.text[at].isspace() for at in span)
    assert [chunk.start for chunk in chunks] == sorted({chunk.start for chunk in chunks})


@pytest.mark.parametrize("max_tokens", [1, 7, 160])
def test_only_whole_sentences_are_repeated(max_tokens: int, encoder: Encoder, make: Make) -> None:
    document = make(
        "a", " ".join(words(3, name) for name in ("one", "two", "three", "four", "five", "six"))
    )
    chunks = cut(document, encoder, max_tokens)
    for before, after in pairwise(chunks):
        repeated = document.text[after.start : before.end].strip()
        assert repeated == "" or re.fullmatch(r"[A-Z]\w+ \w+ \w+end\.", repeated)


def test_chunking_settings_are_plain_numbers_for_the_manifest() -> None:
    assert ChunkSettings().as_dict() == {"max_tokens": 160, "overlap": 1}
