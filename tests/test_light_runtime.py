"""The light runtime, which the Docker image runs: no torch, in an environment of its own.

The environment is built from requirements-runtime.lock, which takes a minute or two and PyPI.
"""

import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.settings import load_settings

pytestmark = [pytest.mark.models, pytest.mark.processes]

ROOT = Path(__file__).parent.parent
LEFT_OUT = ("torch", "transformers", "sentence_transformers", "sklearn", "scipy", "onnx", "pytest")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the runtime lock and the project's wheel."""
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    # The project is built here, where its build system is installed, as in the Dockerfile.
    building = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps")
    run(*building, "--no-build-isolation", "--wheel-dir", folder / "wheel", ROOT)
    (wheel,) = (folder / "wheel").glob("*.whl")
    installing = (programs / "python", "-m", "pip", "install", "--quiet", "--no-deps")
    run(*installing, "--require-hashes", "--requirement", ROOT / "requirements-runtime.lock")
    run(*installing, wheel)
    return programs


@pytest.fixture
def url(environment: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service that runs in the environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    settings = {
        "QUOTH_MODELS_DIR": str(load_settings().models_dir.resolve()),
        "QUOTH_DATA_DIR": str(tmp_path / "data"),
    }
    log = tmp_path / "log"
    with log.open("w") as file:
        serving = subprocess.Popen(
            [environment / "quoth", "serve", "--port", str(port)],
            cwd=tmp_path,
            env={**os.environ, **settings},
            stderr=file,
        )
        try:
            wait_until_ready(address, serving, log)
            yield address
        finally:
            serving.terminate()
            serving.wait(30)


def run(*command: str | Path) -> str:
    """What a command prints on standard output; its errors are shown where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until_ready(address: str, serving: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while serving.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/health/ready").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_the_light_runtime_answers_without_torch(environment: Path, url: str) -> None:
    importable = f"[n for n in {LEFT_OUT!r} if importlib.util.find_spec(n)]"
    program = f"import importlib.util; print({importable})"
    assert run(environment / "python", "-c", program).strip() == "[]"
    text = "The Otter Bridge was opened on 4 May 1931. It is 212 metres long."
    added = httpx.post(f"{url}/v1/documents", json={"documents": [{"id": "otter", "text": text}]})
    assert added.status_code == 200, added.text
    question = {"question": "How long is the Otter Bridge?"}
    answer = httpx.post(f"{url}/v1/ask", json=question, timeout=60).json()
    assert answer["answer"]["text"] == "212 metres"
    citation = answer["citations"][0]
    assert text[citation["start"] : citation["end"]] == citation["quote"] == "212 metres"
