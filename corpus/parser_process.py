"""A process that parses one file after another, within limits, and the pipe to it.

Parsers are written in C for a good part, and files may be made to harm them. So whatever a parser
does, it does to its own process: it crashes there, and the kernel ends it when it takes too much
memory or processor time. What comes back is JSON, which is checked like the text of any client.
"""

import json
import logging
import os
import signal
import threading
import traceback
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import Any

from corpus.blocks import as_lists, from_lists
from corpus.document import DateSource, Page, make_document
from corpus.errors import DocumentError
from corpus.files import Fingerprint
from corpus.limits import ParseLimits
from corpus.load import (
    PageTask,
    ParseResult,
    Task,
    is_known,
    parse_task,
    read_task,
    seconds_of_programs,
    with_content,
)

log = logging.getLogger("quoth")

_FILES_PER_PROCESS = 200
"""After so many files a process is replaced, so that what earlier files left in its memory does not
count against later ones.
"""

_HEADROOM = 1.1
"""The kernel refuses memory a little above the limit. So a parser that hides a failed allocation is
still found out by how much it took.
"""

_REPLY_BYTES_PER_TEXT_BYTE = 6
"""JSON writes a control character of one byte as six."""

_REPLY_BYTES_BESIDES_TEXT = 4_000_000
_NICENESS = 1
_OPEN_FILES = 64

_LIBRARIES = (
    *("charset_normalizer", "defusedxml.ElementTree", "lxml.html", "markdown_it", "openpyxl"),
    *("pypdfium2", "trafilatura", "yaml"),
)
"""What the parsers import, loaded once for all processes."""

# Never a plain fork: this process has threads, and a fork would copy their locks in the locked
# state. A fork server has none. It starts with the first process, loads the libraries once, and
# gives new processes in milliseconds.
_HAS_FORK_SERVER = "forkserver" in get_all_start_methods()
_CONTEXT: Any = get_context(  # Any: the two contexts share no type that can start a process
    "forkserver" if _HAS_FORK_SERVER else "spawn"
)
if _HAS_FORK_SERVER:
    _CONTEXT.set_forkserver_preload([__name__, *_LIBRARIES])


class ParserGoneError(Exception):
    """The process had ended before it began with a file. Another one should be given the file."""


class ParserProcess:
    """Our end of a process that parses files, one at a time.

    Only :meth:`kill` may be called from another thread.
    """

    def __init__(self, limits: ParseLimits) -> None:
        """Start a process, which is ready in milliseconds; the first one takes a second."""
        self._limits = limits
        self._files = 0
        self._is_spent = False
        self._is_parsing = False
        # Starting and killing exclude each other, because a killed process is waited for.
        self._lock = threading.Lock()
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, limits), daemon=True)
        self._process.start()
        # Their end must be open only in the process, so that its end closes the pipe.
        theirs.close()

    @property
    def is_usable(self) -> bool:
        """Whether it may be given another file."""
        return not self._is_spent and self._files < _FILES_PER_PROCESS and self._process.is_alive()

    def parse(self, task: Task | PageTask) -> ParseResult:
        """What came of a file. Whatever goes wrong with it is in the result.

        :raises ParserGoneError: the process ended before it began
        """
        self._files += 1
        self._is_parsing = True
        try:
            return self._outcome(task)
        finally:
            self._is_parsing = False

    def _outcome(self, task: Task | PageTask) -> ParseResult:
        source = task.source
        try:
            self._pipe.send(task)
            begun = self._receive(self._limits.wall_seconds_for(self._limits.file_bytes))
        except TimeoutError:
            return self._failed(source, self._limits.wait_reason(self._limits.file_bytes), None)
        except (EOFError, OSError) as exc:
            self.kill()
            raise ParserGoneError from exc
        fingerprint = Fingerprint(**begun["fingerprint"]) if begun["fingerprint"] else None
        if "result" in begun:
            return self._result(task, begun["result"], fingerprint)
        size = int(begun["size"])
        try:
            longer = seconds_of_programs(task, self._limits)
            reply = self._receive(self._limits.wall_seconds_for(size) + longer)
        except TimeoutError:
            return self._failed(source, self._limits.wait_reason(size), fingerprint)
        except (EOFError, OSError):
            self.kill()
            return self._failed(source, self._reason_of_end(size), fingerprint)
        return self._result(task, reply, fingerprint)

    def kill(self) -> None:
        """End the process, whatever it is doing. May be called more than once."""
        with self._lock:
            self._is_spent = True
            # Programs that it has started are in its group, and end with it.
            if hasattr(os, "killpg") and (self._is_parsing or self._process.is_alive()):
                with suppress(OSError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.join()

    def close(self) -> None:
        """End the process and close the pipe."""
        self.kill()
        self._pipe.close()

    def _receive(self, timeout_s: float) -> dict[str, Any]:  # Any: JSON of the process
        if not self._pipe.poll(timeout_s):
            raise TimeoutError
        most = _REPLY_BYTES_PER_TEXT_BYTE * self._limits.text_bytes + _REPLY_BYTES_BESIDES_TEXT
        message: dict[str, Any] = json.loads(self._pipe.recv_bytes(most))
        return message

    def _result(
        self,
        task: Task | PageTask,
        reply: dict[str, Any],  # Any: JSON of the process
        fingerprint: Fingerprint | None,
    ) -> ParseResult:
        source = task.source
        self._is_spent = self._is_spent or reply["is_spent"]
        if reply["bug"]:
            # A bug in a parser is logged and costs only this file.
            log.error("%s: cannot be parsed\n%s", source, reply["bug"])
        if reply["reason"] is not None:
            error = DocumentError(source, reply["reason"])
            return ParseResult(source, error=error, fingerprint=fingerprint)
        if isinstance(task, PageTask):
            return ParseResult(source, image=_decoded(reply["image"]))
        fields = reply["document"]
        if fields is None:
            return ParseResult(source, fingerprint=fingerprint)
        fields["published"] = fields["published"] and date.fromisoformat(fields["published"])
        fields["pages"] = [Page(*page) for page in fields["pages"]]
        try:
            if fields["published_from"]:
                fields["published_from"] = DateSource(fields["published_from"])
            self._limits.check_text(source, fields["text"])
            fields["blocks"] = from_lists(fields["blocks"], len(fields["text"]))
            # The groups of the task are applied here again: a parser that was taken over must not
            # open a document.
            made = make_document(**fields).with_access(task.collection, task.groups)
            document = with_content(made, task, fingerprint, self._limits)
        except ValueError as exc:
            error = DocumentError(source, f"cannot be parsed ({exc})")
            return ParseResult(source, error=error, fingerprint=fingerprint)
        except DocumentError as exc:
            error = DocumentError(source, exc.reason)
            return ParseResult(source, error=error, fingerprint=fingerprint)
        return ParseResult(source, document, fingerprint=fingerprint)

    def _failed(self, source: str, reason: str, fingerprint: Fingerprint | None) -> ParseResult:
        self.kill()
        return ParseResult(source, error=DocumentError(source, reason), fingerprint=fingerprint)

    def _reason_of_end(self, size: int) -> str:
        code = self._process.exitcode
        if code == -getattr(signal, "SIGPROF", 0):
            return self._limits.time_reason(size)
        try:
            end = signal.Signals(-code).name
        except (ValueError, TypeError):
            end = f"exit code {code}"
        # A library written in C ends its process when it gets no memory.
        return (
            f"cannot be read: its parser crashed ({end}), because the file is damaged, or because "
            f"it needs more than {self._limits.memory_bytes // 1_000_000} MB "
            "(QUOTH_PARSE_MEMORY_MB)"
        )


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a process says about a file, as JSON.

    :param document: the fields of :func:`corpus.document.make_document`; None if there is a reason,
        or if the file is the same as before
    :param image: of a page, in base64
    :param bug: the traceback of an exception that no parser should raise
    :param is_spent: the process should get no other file
    """

    document: dict[str, object] | None = None
    image: str | None = None
    reason: str | None = None
    bug: str | None = None
    is_spent: bool = False


def _serve(pipe: Connection, limits: ParseLimits) -> None:
    """Parse what arrives until the pipe is closed.

    Before each file, its size and fingerprint are sent, and afterwards the reply.
    """
    # Ctrl-C is handled by the process that owns the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        with suppress(OSError):
            os.setsid()
    confinement = _Confinement(limits)
    # The pipe raises these when the other side is gone.
    with suppress(EOFError, OSError):
        while True:
            _serve_file(pipe, pipe.recv(), limits, confinement)


def _serve_file(
    pipe: Connection, task: Task | PageTask, limits: ParseLimits, confinement: "_Confinement"
) -> None:
    try:
        data, fingerprint = read_task(task, limits)
    except DocumentError as exc:
        _send(pipe, fingerprint=None, result=asdict(_Reply(reason=exc.reason)))
        return
    known = asdict(fingerprint) if fingerprint else None
    if is_known(task, fingerprint):
        _send(pipe, fingerprint=known, result=asdict(_Reply()))
        return
    _send(pipe, fingerprint=known, size=len(data))
    confinement.enter(len(data))
    reply = _parsed(task, data, limits)
    reply = confinement.leave(reply)
    _send(pipe, **asdict(reply))


def _parsed(task: Task | PageTask, data: bytes, limits: ParseLimits) -> _Reply:
    try:
        if isinstance(task, PageTask):
            image = task.image(data)
            return _Reply(image=None if image is None else b64encode(image).decode("ascii"))
        document = parse_task(task, data, limits)
    except DocumentError as exc:
        return _Reply(reason=exc.reason)
    except MemoryError:
        return _Reply(reason=limits.memory_reason(), is_spent=True)
    except Exception as exc:
        reason = f"cannot be parsed ({type(exc).__name__}: {str(exc)[:200]})"
        return _Reply(reason=reason, bug=traceback.format_exc()[-4_000:])
    return _Reply(
        {
            "document_id": document.id,
            "text": document.text,
            "title": document.title,
            "url": document.url,
            "published": document.published and document.published.isoformat(),
            "tags": document.tags,
            "pages": [(page.number, page.start, page.end) for page in document.pages],
            "blocks": as_lists(document.blocks),
            "notes": document.notes,
            "file_name": document.file_name,
            "media_type": document.media_type,
            "published_from": document.published_from,
            "groups": document.groups,
        }
    )


def _decoded(image: str | None) -> bytes | None:
    return None if image is None else b64decode(image)


def _send(pipe: Connection, **message: object) -> None:
    pipe.send_bytes(json.dumps(message).encode("ascii"))


class _Confinement:
    """The limits of this process, which are set anew for each file."""

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._memory_before = 0
        try:
            import resource
        except ImportError:
            log.warning("this platform cannot limit what a parser takes; only time is limited")
            self._resource = None
            return
        self._resource = resource
        # Questions go first.
        with suppress(OSError):
            os.nice(_NICENESS)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        # A parser opens and writes no file, and leaves none when it crashes.
        for kind, most in (("CORE", 0), ("FSIZE", 0), ("NOFILE", _OPEN_FILES)):
            self._set(f"RLIMIT_{kind}", most)

    def enter(self, size: int) -> None:
        """Limit the memory and the processor time for a file of ``size`` bytes."""
        if self._resource is None:
            return
        self._memory_before = _address_space("VmSize")
        self._set("RLIMIT_AS", self._memory_before + int(self._limits.memory_bytes * _HEADROOM))
        # This timer counts the processor time of all threads, and its signal ends the process even
        # in the midst of a library.
        signal.setitimer(signal.ITIMER_PROF, self._limits.seconds_for(size))

    def leave(self, reply: _Reply) -> _Reply:
        """Lift the limits.

        :return: the reply, or a refusal if the parser took too much memory
        """
        if self._resource is None:
            return reply
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._set("RLIMIT_AS", self._resource.RLIM_INFINITY)
        taken = _address_space("VmPeak") - self._memory_before
        if taken > self._limits.memory_bytes:
            return _Reply(reason=self._limits.memory_reason(), is_spent=True)
        # The peak of this file would be taken for that of the next ones.
        is_spent = reply.is_spent or taken > self._limits.memory_bytes / 2
        return replace(reply, is_spent=is_spent)

    def _set(self, name: str, most: int) -> None:
        # The hard limit stays, so that the soft one can be raised again for the next file.
        if self._resource is None or not hasattr(self._resource, name):
            return
        kind = getattr(self._resource, name)
        hard = self._resource.getrlimit(kind)[1]
        if hard != self._resource.RLIM_INFINITY and not 0 <= most <= hard:
            most = hard
        try:
            self._resource.setrlimit(kind, (most, hard))
        except (OSError, ValueError):
            log.warning("this platform does not limit %s", name)


def _address_space(field: str) -> int:
    """A figure of this process in bytes, as Linux reports it; 0 elsewhere."""
    with suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0
