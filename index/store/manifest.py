"""The manifest: what an index was built with, and whether that is what is wanted now."""

from dataclasses import dataclass

from corpus.errors import StoreError
from index.encoding.identity import EncoderIdentity
from index.text.chunk import ChunkSettings


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that chunks and vectors depend on besides the documents themselves."""

    encoder: EncoderIdentity
    chunking: ChunkSettings

    def as_dict(self) -> dict[str, object]:
        """The manifest as the store keeps it."""
        return {"encoder": self.encoder.as_dict(), "chunking": self.chunking.as_dict()}

    def check(self, found: dict[str, object]) -> None:
        """Refuse an index that was built otherwise.

        :param found: what the store says
        :raises StoreError: it differs; the message names what does, and the command that mends it
        """
        differences = [
            f"{part} was {_brief(found.get(part))}, now {_brief(wanted)}"
            for part, wanted in self.as_dict().items()
            if found.get(part) != wanted
        ]
        if differences:
            raise StoreError(
                f"the index was built with other settings ({'; '.join(differences)}): "
                "run quoth rebuild, or quoth serve, which answers meanwhile, or go back to "
                "the former settings"
            )


def _brief(part: object) -> str:
    """A part of the manifest in a few words: long digests are shortened."""
    if not isinstance(part, dict):
        return str(part)
    return ", ".join(f"{key} {str(value)[:24]}" for key, value in sorted(part.items()))
