"""Programs that read what no library here does: LibreOffice for old Office formats, and tesseract
for pictures of text. They are used where they are installed.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import DocumentError

_MOST_BYTES = 500_000_000
_OPEN_FILES = 256
# LibreOffice ends with this code to be started again, after it has set up its profile.
_AGAIN = 81

# No macro is run, no link is followed, and the network cannot be reached.
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update">
<prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update">
<prop oor:name="Link" oor:op="fuse"><value>2</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings">
<prop oor:name="ooInetProxyType" oor:op="fuse"><value>2</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings">
<prop oor:name="ooInetHTTPProxyName" oor:op="fuse"><value>127.0.0.1</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings">
<prop oor:name="ooInetHTTPProxyPort" oor:op="fuse"><value>9</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings">
<prop oor:name="ooInetHTTPSProxyName" oor:op="fuse"><value>127.0.0.1</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings">
<prop oor:name="ooInetHTTPSProxyPort" oor:op="fuse"><value>9</value></prop></item>
</oor:items>
"""


@dataclass(frozen=True, slots=True)
class ProgramLimits:
    """What the programs may do for one file.

    :param seconds: how long all their runs may take together
    :param languages: of the text in pictures, as tesseract names them, such as ``eng+deu``
    :param end: the time, on the monotonic clock, at which the seconds are over
    """

    seconds: float = 120.0
    languages: str = "eng"
    end: float = float("inf")


_limits: ContextVar[ProgramLimits] = ContextVar("_limits", default=ProgramLimits())  # noqa: B039


@contextmanager
def program_limits(seconds: float, languages: str) -> Iterator[None]:
    """Within this context, one file is read under these limits."""
    token = _limits.set(ProgramLimits(seconds, languages, time.monotonic() + seconds))
    try:
        yield
    finally:
        _limits.reset(token)


def office_program() -> str | None:
    """The path of LibreOffice, None where it is not installed."""
    command = shutil.which("soffice") or shutil.which("libreoffice")
    if command is None:
        return None
    # The command is a script. What it starts is run here without it, so that it can be ended.
    binary = Path(os.path.realpath(command)).with_name("soffice.bin")
    return str(binary) if binary.is_file() else command


def has_recognition() -> bool:
    """Whether tesseract is installed."""
    return shutil.which("tesseract") is not None


def converted(source: str, data: bytes, suffix: str, target: str) -> bytes:
    """An Office file in another format.

    :param suffix: of the file, such as ``doc``
    :param target: the format to convert it to, such as ``docx``
    :raises DocumentError: LibreOffice is not installed, or cannot convert the file in time
    """
    program = office_program()
    if program is None:
        raise DocumentError(
            source,
            f"is in an old Office format; install LibreOffice to read it, or save it as {target}",
        )
    with _writing_allowed(), tempfile.TemporaryDirectory(prefix="quoth-") as folder:
        profile = Path(folder, "profile", "user")
        profile.mkdir(parents=True)
        (profile / "registrymodifications.xcu").write_text(_PROFILE, encoding="utf-8")
        Path(folder, f"in.{suffix}").write_bytes(data)
        command = [
            *(program, "--headless", "--norestore", "--nologo", "--nolockcheck", "--nodefault"),
            f"-env:UserInstallation={Path(folder, 'profile').as_uri()}",
            *("--convert-to", target, "--outdir", folder, str(Path(folder, f"in.{suffix}"))),
        ]
        for _ in range(2):
            run = _run(source, command, b"", folder)
            if run.returncode != _AGAIN:
                break
        result = Path(folder, f"in.{target}")
        if not result.is_file():
            raise DocumentError(source, "is damaged: LibreOffice cannot convert it")
        return result.read_bytes()


def recognised(source: str, image: bytes) -> str:
    """The words in a picture, as tesseract's table of them with their boxes (TSV).

    :param image: PNG, JPEG, TIFF or PNM
    :raises DocumentError: tesseract is not installed, or cannot read the picture in time
    """
    if not has_recognition():
        raise DocumentError(source, "is a picture; install tesseract to read the text in it")
    languages = _limits.get().languages
    command = ["tesseract", "stdin", "stdout", "-l", languages, "tsv"]
    run = _run(source, command, image, None)
    if run.returncode:
        reason = run.stderr.decode("utf-8", "replace").strip().split("\n")[-1][:200]
        raise DocumentError(source, f"cannot be read by tesseract ({reason})")
    return run.stdout.decode("utf-8", "replace")


def _run(
    source: str, command: list[str], given: bytes, folder: str | None
) -> "subprocess.CompletedProcess[bytes]":
    limits = _limits.get()
    left = min(limits.seconds, limits.end - time.monotonic())
    environment = {
        **{name: os.environ[name] for name in ("PATH", "TESSDATA_PREFIX") if name in os.environ},
        "LANG": "C.UTF-8",
        "OMP_THREAD_LIMIT": "1",
        "HOME": folder or os.sep,
    }
    try:
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            timeout=max(0.1, left),
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise DocumentError(
            source,
            f"takes {Path(command[0]).name} longer than {limits.seconds:g} s to read; divide it, "
            "or raise QUOTH_PROGRAM_SECONDS",
        ) from exc
    except OSError as exc:
        raise DocumentError(source, f"cannot be read: {command[0]} does not run") from exc


@contextmanager
def _writing_allowed() -> Iterator[None]:
    """Within this context, this process and those that it starts may write files, which parsers
    otherwise may not.
    """
    try:
        import resource
    except ImportError:
        yield
        return
    kinds = {resource.RLIMIT_FSIZE: _MOST_BYTES, resource.RLIMIT_NOFILE: _OPEN_FILES}
    before = {kind: resource.getrlimit(kind) for kind in kinds}
    for kind, most in kinds.items():
        soft, hard = before[kind]
        if 0 <= soft < most:
            resource.setrlimit(kind, (most if hard < 0 else min(most, hard), hard))
    try:
        yield
    finally:
        for kind, pair in before.items():
            resource.setrlimit(kind, pair)
