"""The identity of an encoder: everything that its vectors depend on."""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

DEFAULT_ENCODER = "all-MiniLM-L6-v2"

DEFAULT_MODELS_DIR = Path(sys.prefix) / "share" / "quoth" / "models"
"""The folder of exported models, inside the environment that exported them."""


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Everything that a vector depends on. Vectors of equal identities are comparable.

    :param digest: sha256 of the trained weights
    :param form: how the weights are run
    """

    name: str
    digest: str
    form: str
    dimension: int

    def as_dict(self) -> dict[str, str | int]:
        """The identity as plain values, for the manifest."""
        return asdict(self)


def export_folder(models_dir: Path) -> Path:
    """The folder of the default encoder's export."""
    return models_dir / f"{DEFAULT_ENCODER}-int8"


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def altered_files(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """The names of the files in a folder whose sha256 differs from the given one.

    :raises OSError: one is missing
    """
    return [name for name, digest in digests.items() if sha256_of(folder / name) != digest]
