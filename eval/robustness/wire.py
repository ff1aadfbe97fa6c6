"""HTTP requests as bytes on a socket, so that a request may be wrong in every way."""

import http.client
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

Address = tuple[str, int]

_CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it is sent.

    :param target: path and query, percent-encoded or not
    :param is_wellformed: whether the request follows the rules of HTTP, so that it reaches the app
    :param sent: how many bytes are sent before the client leaves; None sends all
    :param read: how many bytes of the response are read before the client leaves; None reads all
    """

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
    is_wellformed: bool = True
    sent: int | None = None
    read: int | None = None

    @property
    def path(self) -> str:
        """The path as the app sees it, without the query."""
        return self.target.partition(b"?")[0].decode("latin-1")

    def header(self, name: bytes) -> bytes:
        """The first header of a name in lower case, or nothing."""
        return next((text for key, text in self.headers if key.lower() == name), b"")

    def to_bytes(self) -> bytes:
        """The whole request."""
        lines = [b"%b %b HTTP/1.1" % (self.method, self.target)]
        lines += [b"%b: %b" % header for header in self.headers]
        return b"\r\n".join([*lines, b"", self.body])


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response.

    :param headers: by name in lower case
    :param seconds: from connecting to the last byte
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def media_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def exchange(address: Address, request: RawRequest, timeout_s: float) -> RawResponse | None:
    """Send a request on a connection of its own.

    :return: None if the client or the server left before the response was complete
    :raises TimeoutError: the server was silent for this long
    """
    started = time.perf_counter()
    with socket.create_connection(address, timeout=timeout_s) as connection:
        # The server may refuse a body before it was sent; its response says why.
        with suppress(OSError):
            connection.sendall(request.to_bytes()[: request.sent])
        if request.sent is not None:
            return None
        if request.read is not None:
            left = request.read
            while left > 0 and (received := connection.recv(min(left, _CHUNK_BYTES))):
                left -= len(received)
            return None
        response = http.client.HTTPResponse(connection, method=request.method.decode("latin-1"))
        try:
            response.begin()
            body = response.read()
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException):
            return None
        headers = {name.lower(): text for name, text in response.getheaders()}
        return RawResponse(response.status, headers, body, time.perf_counter() - started)
