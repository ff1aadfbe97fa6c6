"""The fast suite leaves out what is slow: a test without the mark cannot start a process."""

import multiprocessing
import subprocess
import sys

import pytest

REFUSAL = "it starts a process"


def test_a_test_without_the_mark_cannot_run_a_command() -> None:
    with pytest.raises(RuntimeError, match=REFUSAL):
        subprocess.run([sys.executable, "--version"], check=True)


def test_a_test_without_the_mark_cannot_start_a_worker() -> None:
    with pytest.raises(RuntimeError, match=REFUSAL):
        multiprocessing.get_context("spawn").Process(target=print).start()


@pytest.mark.processes
def test_a_test_with_the_mark_can() -> None:
    assert subprocess.run([sys.executable, "--version"], check=True).returncode == 0


def test_tests_are_marked_by_the_fixtures_that_they_use(request: pytest.FixtureRequest) -> None:
    fixtures = {"real_encoder": "models", "browser": "browser", "serving": "processes"}
    items = request.session.items
    for item in items:
        wanted = {fixtures[name] for name in getattr(item, "fixturenames", ()) if name in fixtures}
        assert wanted <= {mark.name for mark in item.iter_markers()}
