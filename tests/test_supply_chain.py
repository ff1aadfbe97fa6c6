"""Locks, base image and actions are pinned, and the SBOM names what runs."""

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

from eval.robustness.sbom import completed, licences_of
from index.encoding.identity import sha256_of
from service.reader.factory import WEIGHTS

ROOT = Path(__file__).parent.parent
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def pins(lock: Path) -> dict[str, list[str]]:
    """The hashes of each requirement of a lock."""
    text = re.sub(r"\\\n\s*", "", lock.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "--"))]
    return {
        line.partition(" ")[0]: re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)
        for line in lines
    }


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_of_a_lock_is_pinned_with_its_hashes(lock: Path) -> None:
    found = pins(lock)
    assert found
    assert [pin for pin, hashes in found.items() if "==" not in pin or not hashes] == []


def test_the_light_runtime_is_a_part_of_the_whole_environment() -> None:
    whole = pins(ROOT / "requirements.lock")
    runtime = pins(ROOT / "requirements-runtime.lock")
    assert [pin for pin, hashes in runtime.items() if whole.get(pin) != hashes] == []


def test_both_builds_of_torch_have_the_version_of_the_lock() -> None:
    (version,) = {pin for pin in pins(ROOT / "requirements.lock") if pin.startswith("torch==")}
    assert list(pins(ROOT / "requirements-cpu.lock")) == [f"{version}+cpu"]
    assert version in pins(ROOT / "requirements-cuda.lock")


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "action.yml"])
def test_locks_are_installed_with_their_hashes_only(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "--require-hashes" in text
    assert re.findall(r"install(?!.*(?:require-hashes|locked)).*\.lock", text) == []


def test_base_images_are_pinned_by_digest() -> None:
    images = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    assert images
    assert [image for image in images if not re.search(r"@sha256:[0-9a-f]{64}$", image)] == []


def test_actions_are_pinned_by_commit() -> None:
    files = [ROOT / "action.yml", *(ROOT / ".github").rglob("*.yml")]
    used = [use for file in files for use in re.findall(r"uses: (\S+)", file.read_text())]
    assert len(used) >= 4
    assert [use for use in used if use != "./" and not re.search(r"@[0-9a-f]{40}$", use)] == []


@pytest.mark.models
def test_the_sbom_names_licences_and_the_models_with_their_hashes() -> None:
    bom = completed({"components": [{"name": "anyio", "description": "requirements line 6"}]})
    package, encoder, reader = bom["components"]
    assert package["licenses"] == [{"expression": "MIT"}]
    assert package["description"] == metadata("anyio").get_all("Summary", [""])[0]
    assert encoder["type"] == reader["type"] == "machine-learning-model"
    assert reader["hashes"][0]["content"] == sha256_of(WEIGHTS / "reader.onnx")
    assert reader["licenses"] == encoder["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_a_licence_is_found_wherever_a_package_declares_it() -> None:
    # lxml has an SPDX field or a classifier, by its version; both are a licence
    assert licences_of(metadata("lxml"))
