"""The README names every setting and every command, and none that is not there."""

import re
from pathlib import Path

import pytest
import typer

from service.cli.main import app
from service.settings import PREFIX, Settings

README = (Path(__file__).parent.parent / "README.md").read_text()
SETTINGS = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_in_the_readme(name: str) -> None:
    assert re.search(rf"\b{name}\b", README)


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    named = {name for name in re.findall(rf"\b{PREFIX}[A-Z_]+\b", README) if not name.endswith("_")}
    assert named - set(SETTINGS) == set()


def test_every_command_is_in_the_readme() -> None:
    commands = typer.main.get_group(app).commands
    assert [name for name in commands if not re.search(rf"\bquoth {name}\b", README)] == []
