"""The manifest: what an index was built with, and whether that is what is wanted now."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from corpus.errors import StoreError
from index.encoding.identity import EncoderIdentity
from index.text import chunk, sentences
from index.text.chunk import ChunkSettings

_FIRST_REVISION = 1
"""The revision of every part of an index whose manifest does not name it: it is older than that."""


def code_revisions() -> dict[str, int]:
    """The revisions of the code that cuts documents into chunks, by part.

    What the search engine derives from chunks carries its own revisions, and is not part of this:
    it can be built again from the store at any time.
    """
    return {"sentences": sentences.REVISION, "chunks": chunk.REVISION}


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that chunks and vectors depend on besides the documents themselves."""

    encoder: EncoderIdentity
    chunking: ChunkSettings
    revisions: Mapping[str, int] = field(default_factory=code_revisions)

    def as_dict(self) -> dict[str, object]:
        """The manifest as the store keeps it."""
        return {
            "encoder": self.encoder.as_dict(),
            "chunking": self.chunking.as_dict(),
            "revisions": dict(self.revisions),
        }

    def differences(self, stored: Mapping[str, object]) -> list[str]:
        """A phrase for each part in which a stored manifest differs; empty if none does."""
        stored = {**stored, "revisions": stored_revisions(stored)}
        return [
            f"{part} was {_brief(stored.get(part))}, now {_brief(wanted)}"
            for part, wanted in self.as_dict().items()
            if stored.get(part) != wanted
        ]

    def check(self, stored: Mapping[str, object]) -> None:
        """Refuse an index that was built with something else.

        :param stored: the manifest in the store
        :raises StoreError: it differs; the message names the differences and the command that
            rebuilds the index
        """
        differences = self.differences(stored)
        if differences:
            raise StoreError(
                f"the index was built with other settings ({'; '.join(differences)}): "
                "run quoth rebuild, or quoth serve, which answers meanwhile, or go back to "
                "the former settings"
            )


def stored_revisions(stored: Mapping[str, object]) -> dict[str, int]:
    """The revisions in a stored manifest. Parts that it does not name have the first one."""
    named = stored.get("revisions")
    first = dict.fromkeys(code_revisions(), _FIRST_REVISION)
    return {**first, **named} if isinstance(named, dict) else first


def _brief(part: object) -> str:
    """A part of the manifest in a few words: long digests are shortened."""
    if not isinstance(part, dict):
        return str(part)
    return ", ".join(f"{key} {str(value)[:24]}" for key, value in sorted(part.items()))
