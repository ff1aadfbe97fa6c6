"""Settings: unknown names are refused, bad values are named, and what is given wins over the
environment.
"""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from corpus.errors import SettingsError
from service.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("QUOTH_")]:
        monkeypatch.delenv(name)


def test_without_anything_given_the_defaults_hold() -> None:
    settings = load_settings()
    assert (settings.data_dir, settings.host, settings.port) == (Path(".quoth"), "127.0.0.1", 8000)
    assert (settings.encoder, settings.log_level) == ("all-MiniLM-L6-v2", "INFO")
    assert settings.threads >= 1


def test_the_environment_sets_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTH_PORT", "8123")
    monkeypatch.setenv("QUOTH_DATA_DIR", "/srv/quoth")
    settings = load_settings()
    assert (settings.port, settings.data_dir) == (8123, Path("/srv/quoth"))


def test_folders_to_watch_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().watch == ()
    monkeypatch.setenv("QUOTH_WATCH", os.pathsep.join(("/srv/a b", "", "papers")))
    assert load_settings().watch == (Path("/srv/a b"), Path("papers"))
    assert load_settings(watch=(Path("other"),)).watch == (Path("other"),)


def test_an_argument_wins_over_the_environment_and_none_is_no_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUOTH_PORT", "8123")
    monkeypatch.setenv("QUOTH_HOST", "0.0.0.0")
    settings = load_settings(port=9000, host=None)
    assert (settings.port, settings.host) == (9000, "0.0.0.0")


def test_an_unknown_name_is_refused_and_the_known_ones_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUOTH_PROT", "8123")
    with pytest.raises(
        SettingsError, match=r"^QUOTH_PROT: no such setting; the settings are .*QUOTH_PORT"
    ):
        load_settings()


def test_names_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTHER_PORT", "x")
    monkeypatch.setenv("PORT", "x")
    assert load_settings().port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUOTH_PORT", "65536"),
        ("QUOTH_PORT", "-1"),
        ("QUOTH_PORT", "eighty"),
        ("QUOTH_THREADS", "0"),
        ("QUOTH_THREADS", "1.5"),
        ("QUOTH_MAX_DOCUMENT_MB", "0"),
        ("QUOTH_MAX_BODY_MB", "nan"),
        ("QUOTH_MAX_BODY_MB", "4001"),
        ("QUOTH_ENCODER", ""),
        ("QUOTH_LOG_LEVEL", "loud"),
    ],
)
def test_a_value_out_of_bounds_names_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^{name}: \S"):
        load_settings()


def test_settings_do_not_change() -> None:
    settings = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_megabytes_are_a_million_bytes() -> None:
    settings = load_settings(max_document_mb=0.5, max_body_mb=2)
    assert (settings.max_document_bytes, settings.max_body_bytes) == (500_000, 2_000_000)
