"""Toys that tests share: an encoder worked out by hand, and data folders that are closed when a test ends."""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from corpus.document import Document, make_document
from index.chunk import ChunkSettings
from index.collection import Collection
from index.embed import Encoder, EncoderIdentity, Vectors, load_encoder
from service.settings import load_settings

hypothesis.settings.register_profile("quoth", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("quoth")

DIMENSION = 64


class ToyEncoder:
    """Counts words: each adds 1 in the bucket that its CRC-32 names, and the whole is scaled to length 1.

    Texts that share words are near each other. A token is a run of characters without white space.
    """

    def __init__(self, dimension: int = DIMENSION, name: str = "toy") -> None:
        self.identity = EncoderIdentity(name, "0" * 64, "counted-words", dimension)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1; a text without words is the first axis."""
        vectors = np.zeros((len(texts), self.identity.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            words = re.findall(r"\w+", text.lower())
            for word in words:
                vectors[row, zlib.crc32(word.encode()) % self.identity.dimension] += 1
            if not words:
                vectors[row, 0] = 1
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Runs of characters without white space."""
        return [[match.span() for match in re.finditer(r"\S+", text)] for text in texts]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for the real encoder is marked ``models``."""
    for item in items:
        if "real_encoder" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.models)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The toy encoder."""
    return ToyEncoder()


@pytest.fixture(scope="session")
def toy_encoder() -> Callable[..., Encoder]:
    """Makes toy encoders: ``toy_encoder(dimension=..., name=...)``."""
    return ToyEncoder


@pytest.fixture(scope="session")
def real_encoder() -> Encoder:
    """The default encoder, as the service loads it."""
    settings = load_settings()
    return load_encoder(settings.encoder, settings.models_dir, settings.threads)


@pytest.fixture
def open_collection(tmp_path: Path, encoder: Encoder) -> Iterator[Callable[..., Collection]]:
    """Opens ``tmp_path / "data"`` (or the folder given) for writing, as often as asked; all are closed at the end."""
    opened: list[Collection] = []

    def opening(
        folder: Path = tmp_path / "data",
        *,
        writable: bool = True,
        encoder: Encoder = encoder,
        settings: ChunkSettings | None = None,
    ) -> Collection:
        opened.append(Collection(folder, encoder, writable=writable, settings=settings))
        return opened[-1]

    yield opening
    for collection in opened:
        collection.close()


@pytest.fixture(scope="session")
def make() -> Callable[..., Document]:
    """Makes a document from its id and text: ``make("gas", "The line carries 38 bcm.", tags=["energy"])``."""

    def making(id: str, text: str | None = None, **fields: object) -> Document:
        return make_document(text or f"This is what document {id} says.", id=id, **fields)  # type: ignore[arg-type]  # checked by the callers' results

    return making
