"""Settings, from the environment (prefix QUOTH_) and the command line."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from corpus.errors import SettingsError
from corpus.limits import DEFAULT_LIMITS, ParseLimits
from index.encoding.identity import DEFAULT_ENCODER, DEFAULT_MODELS_DIR
from service.hosts import as_address, host_and_port, is_loopback
from service.reader.factory import DEFAULT_READER

PREFIX = "QUOTH_"
CONVERSATION_HOURS = 24.0
KEEP_ANSWERS_DAYS = 90.0
KEEP_ANSWERS_MB = 1_000.0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _folders(value: object) -> object:
    """The folders of one string, separated as in PATH."""
    return (
        tuple(name for name in value.split(os.pathsep) if name) if isinstance(value, str) else value
    )


def _names(value: object) -> object:
    """The names of one string, separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _checked_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    for host in hosts:
        checked = host_and_port(host.removeprefix("*."))
        if checked is None or checked[1] is not None:
            raise ValueError(
                f"{host!r} is not a host name; write names or addresses without scheme or port, "
                "as in quoth.example.org,*.example.org,[fd00::1]"
            )
    return hosts


def _checked_url(url: str | None) -> str | None:
    if url is not None and host_and_port(urlsplit(url).netloc) is None:
        raise ValueError(
            f"{url!r} has no valid host; write it as in https://quoth.example.org, without a user, "
            "and letters beyond ASCII as xn--..."
        )
    return url


class Settings(BaseSettings):
    """Every setting of Quoth, with its default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data_dir: Annotated[Path, Field(description="The folder of the index.")] = Path(".quoth")
    host: Annotated[str, Field(min_length=1, description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65_535, description="The port to listen on; 0 takes a free one.")
    ] = 8000
    allowed_hosts: Annotated[
        tuple[str, ...],
        NoDecode,
        BeforeValidator(_names),
        AfterValidator(_checked_hosts),
        Field(
            description="Further host names under which the service answers, separated by commas; "
            "*.example.org stands for all names under it."
        ),
    ] = ()
    unprotected: Annotated[
        bool,
        Field(
            description="Whether the service may listen beyond this machine, although it asks "
            "nobody for a key."
        ),
    ] = False
    watch: Annotated[
        tuple[Path, ...],
        NoDecode,
        BeforeValidator(_folders),
        Field(description="Folders to keep up with, separated as in PATH."),
    ] = ()
    encoder: Annotated[
        str,
        Field(
            min_length=1,
            description="The embedding model: the default, or a sentence-transformers model on "
            "this machine.",
        ),
    ] = DEFAULT_ENCODER
    reader: Annotated[
        str,
        Field(
            min_length=1,
            description="The reader: Quoth's own, a folder with an ONNX graph, or a "
            "question-answering model in Transformers' format on this machine.",
        ),
    ] = DEFAULT_READER
    models_dir: Annotated[Path, Field(description="Where exported models are kept.")] = (
        DEFAULT_MODELS_DIR
    )
    threads: Annotated[
        int, Field(ge=1, le=256, description="Processor cores that a question may use.")
    ] = Field(default_factory=_cores)
    question_seconds: Annotated[
        float,
        Field(gt=0, le=3_600, description="How long a question may take, with its time in line."),
    ] = 30
    max_waiting: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="How many questions may wait; more are refused until there is room.",
        ),
    ] = 64
    max_document_mb: Annotated[
        float, Field(gt=0, le=4_000, description="The largest file that is accepted, in megabytes.")
    ] = 50
    max_body_mb: Annotated[
        float,
        Field(
            gt=0, le=4_000, description="The largest HTTP request that is accepted, in megabytes."
        ),
    ] = 64
    follow_links: Annotated[
        bool, Field(description="Whether links that lead out of a folder are followed.")
    ] = False
    max_text_mb: Annotated[
        float,
        Field(gt=0, le=1_000, description="The longest text of a document, in megabytes."),
    ] = DEFAULT_LIMITS.text_bytes / 1e6
    program_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=3_600,
            description="How long LibreOffice and tesseract may take to read one file, in seconds.",
        ),
    ] = 120.0
    ocr_languages: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$",
            description="The languages of text in pictures, as tesseract names them: eng+deu.",
        ),
    ] = "eng"
    parse_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=100_000,
            description="The processor time in which a file of 10 MB must be read; a smaller one "
            "gets less, but at least 4 s.",
        ),
    ] = DEFAULT_LIMITS.seconds
    parse_memory_mb: Annotated[
        float,
        Field(
            ge=50,
            le=1_000_000,
            description="The memory that reading a file may take, in megabytes.",
        ),
    ] = DEFAULT_LIMITS.memory_bytes / 1e6
    public_url: Annotated[
        str | None,
        Field(
            pattern="^https?://[^\\s<>|]+$",
            description="The address at which people reach the service: for links, and accepted "
            "as its own.",
        ),
        AfterValidator(_checked_url),
    ] = None
    slack_bot_token: Annotated[
        SecretStr | None,
        Field(min_length=1, description="Slack's bot token (xoxb-...); docs/slack.md."),
    ] = None
    slack_signing_secret: Annotated[
        SecretStr | None,
        Field(min_length=1, description="What Slack signs its requests to /slack/events with."),
    ] = None
    slack_app_token: Annotated[
        SecretStr | None,
        Field(min_length=1, description="Slack's app-level token (xapp-...), for Socket Mode."),
    ] = None
    slack_api_url: Annotated[
        str, Field(pattern="^https?://", description="Where Slack's Web API is.")
    ] = "https://slack.com/api/"
    conversation_hours: Annotated[
        float,
        Field(
            gt=0, le=100_000, description="How long a conversation is kept after its last question."
        ),
    ] = CONVERSATION_HOURS
    keep_answers_days: Annotated[
        float,
        Field(
            gt=0,
            le=100_000,
            description="How long an answer is kept after it was last asked for.",
        ),
    ] = KEEP_ANSWERS_DAYS
    keep_answers_mb: Annotated[
        float,
        Field(
            gt=0,
            le=1_000_000,
            description="The most that all kept answers may take, in megabytes; feedback and "
            "conversations may take a quarter of it each.",
        ),
    ] = KEEP_ANSWERS_MB
    keep_versions: Annotated[
        int | None,
        Field(
            ge=0,
            description="How many former versions of a document are kept; by default, all.",
        ),
    ] = None
    keep_originals: Annotated[
        bool,
        Field(
            description="Whether the files that documents are read from are kept, to be shown and "
            "downloaded."
        ),
    ] = True
    log_level: Annotated[
        str,
        Field(
            pattern="^(DEBUG|INFO|WARNING|ERROR)$",
            description="How much is logged; DEBUG shows questions.",
        ),
    ] = "INFO"

    @property
    def address(self) -> str:
        """The address at which people reach the service."""
        address = as_address(self.host)
        host = self.host
        if address is not None:
            if address.is_unspecified:
                host = "127.0.0.1" if address.version == 4 else "::1"
            host = f"[{host}]" if address.version == 6 else host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def listens_beyond_loopback(self) -> bool:
        """Whether other machines may reach the service."""
        return not is_loopback(self.host)

    @property
    def max_document_bytes(self) -> int:
        """The largest file that is accepted."""
        return int(self.max_document_mb * 1_000_000)

    @property
    def parse_limits(self) -> ParseLimits:
        """What reading one file may cost."""
        return ParseLimits(
            file_bytes=self.max_document_bytes,
            text_bytes=int(self.max_text_mb * 1_000_000),
            memory_bytes=int(self.parse_memory_mb * 1_000_000),
            seconds=self.parse_seconds,
            program_seconds=self.program_seconds,
            ocr_languages=self.ocr_languages,
            follow_links=self.follow_links,
        )

    @property
    def max_body_bytes(self) -> int:
        """The largest HTTP request that is accepted."""
        return int(self.max_body_mb * 1_000_000)


def load_settings(**given: object) -> Settings:
    """The settings: given values first, then the environment, then the defaults.

    :param given: values of the command line; None means not given
    :raises SettingsError: a value is out of its bounds, or the environment has a QUOTH_ name that
        is not a setting
    """
    _refuse_unknown_names()
    try:
        values = {name: value for name, value in given.items() if value is not None}
        return Settings(**values)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        raise SettingsError(f"{PREFIX}{name.upper()}: {fault['msg']}") from exc


def _refuse_unknown_names() -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise SettingsError(
            f"{', '.join(unknown)}: no such setting; the settings are {', '.join(sorted(known))}"
        )
