"""Completes an SBOM of the locked packages with their licences and with the models.

    python -m eval.robustness.sbom PACKAGES > FILE

PACKAGES is the CycloneDX file that ``cyclonedx-py requirements`` makes of
requirements-runtime.lock, with the hashes of every package. Licences are what the installed
packages declare. ``make sbom`` runs both and validates the result.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from index.encoding.identity import DEFAULT_ENCODER, DEFAULT_MODELS_DIR, export_folder, sha256_of
from service.reader.factory import WEIGHTS

_LICENCE_OF_MODELS = "Apache-2.0"


def completed(bom: Mapping[str, Any]) -> dict[str, Any]:  # JSON
    """The SBOM with licences and models."""
    encoder = export_folder(DEFAULT_MODELS_DIR) / "model.onnx"
    models = [
        _model(
            DEFAULT_ENCODER, encoder, "The embedding model, exported as int8 when it is set up."
        ),
        _model("quoth-reader", WEIGHTS / "reader.onnx", "The reader, trained for this project."),
    ]
    return {**bom, "components": [*map(_package, bom["components"]), *models]}


def _package(component: Mapping[str, Any]) -> dict[str, Any]:
    """The component of a package, described by what is installed instead of by the lock's line."""
    try:
        declared = metadata(component["name"])
    except PackageNotFoundError:
        return {**component, "description": ""}
    return {
        **component,
        "description": _first(declared, "Summary"),
        "licenses": licences_of(declared),
    }


def licences_of(declared: PackageMetadata) -> list[dict[str, Any]]:
    """The licences that a package declares, in CycloneDX's format."""
    expression = _first(declared, "License-Expression")
    if expression:
        return [{"expression": expression}]
    names = [
        line.rpartition(" :: ")[2]
        for line in declared.get_all("Classifier") or ()
        if line.startswith("License :: ")
    ]
    # The free text may hold the whole licence; its first line names it.
    names = names or _first(declared, "License").strip().splitlines()[:1]
    return [{"license": {"name": name}} for name in names]


def _first(declared: PackageMetadata, field: str) -> str:
    return next(iter(declared.get_all(field) or ()), "")


def _model(name: str, path: Path, description: str) -> dict[str, Any]:
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model-{name}",
        "name": name,
        "description": f"{description} File: {path.name}.",
        "hashes": [{"alg": "SHA-256", "content": sha256_of(path)}],
        "licenses": [{"license": {"id": _LICENCE_OF_MODELS}}],
    }


def main() -> None:
    """Read, complete and write."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.robustness.sbom", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("packages", type=Path)
    given = parser.parse_args()
    bom = json.loads(given.packages.read_text(encoding="utf-8"))
    json.dump(completed(bom), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
