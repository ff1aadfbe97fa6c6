"""What is refused before a route sees it: requests to hosts that are not this service's, requests
that pages of other origins make, and bodies of another media type than the route takes.

The service does not ask for a key, so whoever reaches it can do anything. On the user's machine,
those are the user's own programs. The web pages that the user visits are kept out here: a browser
states which page makes a request, and the page cannot change that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.hosts import as_address, host_and_port, is_loopback
from service.http import problems
from service.http.headers import COMMON_HEADERS, content_security_policy
from service.http.media import JSON, is_utf8, media_type
from service.settings import Settings

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OWN_SITES = ("same-origin", "none")
_FRAMES = ("iframe", "frame", "embed", "object", "fencedframe")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SHOWN = 100  # characters of a header that an error repeats

_Origin = tuple[str, str, int]  # scheme, host and port
_Refusal = tuple[HTTPStatus, str, str]  # status, detail and kind


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The hosts under which the service answers.

    A page of another host cannot read from this one, unless its own name begins to lead to this
    machine while it is open (DNS rebinding). The ``Host`` header still has the page's name then.

    :param names: names and addresses as :func:`host_and_port` spells them
    :param domains: endings of further names, each with a dot in front
    :param any_address: whether every IP address is allowed: rebinding needs a name
    """

    names: frozenset[str]
    domains: tuple[str, ...]
    any_address: bool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The hosts that the settings allow: those of this machine, the one that the service
        listens on, the one of its public address, and those that are listed.
        """
        listed = [host for host in settings.allowed_hosts if not host.startswith("*.")]
        if settings.public_url is not None:
            listed.append(urlsplit(settings.public_url).netloc)
        address = as_address(settings.host)
        listed.append(settings.host if address is None or address.version == 4 else f"[{address}]")
        known = [host_and_port(host) for host in listed]
        return cls(
            names=frozenset(host[0] for host in known if host is not None),
            domains=tuple(
                host.removeprefix("*").lower()
                for host in settings.allowed_hosts
                if host.startswith("*.")
            ),
            any_address=settings.listens_beyond_loopback,
        )

    def allow(self, host: str) -> bool:
        """Whether the service answers under this host.

        :param host: as :func:`host_and_port` spells it
        """
        return (
            host in self.names
            or is_loopback(host)
            or (self.any_address and as_address(host) is not None)
            or host.endswith(self.domains)
        )


class Guard:
    """Refuses requests that do not belong to this service, for every route, and adds the headers
    that keep other pages from embedding a response.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, accepted: Mapping[str, tuple[str, ...]]
    ) -> None:
        """A guard of an app.

        :param accepted: the media types of bodies that a path takes, where it is not JSON alone
        """
        self._app = app
        self._hosts = AllowedHosts.of(settings)
        public = urlsplit(settings.public_url or "")
        self._public_origin = _origin(f"{public.scheme}://{public.netloc}")
        self._accepted = accepted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403, 415 or 421."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There are no WebSockets here, and nothing in this guard checks them.
            await send({"type": "websocket.close"})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(COMMON_HEADERS)
                kind = headers.get("Content-Type", "")
                headers.setdefault("Content-Security-Policy", content_security_policy(kind))
            await send(message)

        headers = Headers(scope=scope)
        refusal = (
            self._host_refusal(headers)
            or self._origin_refusal(scope, headers)
            or self._body_refusal(scope, headers)
        )
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
            return
        status, detail, slug = refusal
        response = problems.formatted(scope, status, detail, slug=slug)
        await response(scope, receive, send_with_headers)

    def _host_refusal(self, headers: Headers) -> _Refusal | None:
        hosts = headers.getlist("host")
        known = host_and_port(hosts[0]) if len(hosts) == 1 else None
        if known is not None and self._hosts.allow(known[0]):
            return None
        detail = (
            f"this service does not answer as {', '.join(hosts)[:_SHOWN]!r}; if that is one of its "
            "names, list it in QUOTH_ALLOWED_HOSTS or set QUOTH_PUBLIC_URL"
        )
        return HTTPStatus.MISDIRECTED_REQUEST, detail, "unknown-host"

    def _origin_refusal(self, scope: Scope, headers: Headers) -> _Refusal | None:
        """Refuse the requests of pages of other origins. Such a page may only link here."""
        is_foreign = any(site not in _OWN_SITES for site in headers.getlist("sec-fetch-site"))
        origins = headers.getlist("origin")
        if scope["method"] in _SAFE_METHODS:
            # The page could not read the response, but could make the service work for nothing.
            is_link = (
                headers.get("sec-fetch-mode", "navigate") == "navigate"
                and headers.get("sec-fetch-dest") not in _FRAMES
            )
            if not is_foreign or is_link:
                return None
        else:
            own = _origin(f"{scope['scheme']}://{headers['host']}"), self._public_origin
            stated = [_origin(origin) for origin in origins]
            if not is_foreign and all(origin and origin in own for origin in stated):
                return None
        origin = f" ({', '.join(origins)[:_SHOWN]})" if origins else ""
        detail = (
            f"the request comes from a page of another origin{origin}, and only this service's own "
            "pages may use it; if the page is its own behind a proxy, set QUOTH_PUBLIC_URL"
        )
        return HTTPStatus.FORBIDDEN, detail, "foreign-origin"

    def _body_refusal(self, scope: Scope, headers: Headers) -> _Refusal | None:
        """Refuse bodies of another media type. A browser lets any page send some types without
        asking the service first, but never JSON.
        """
        if scope["method"] in _SAFE_METHODS:
            return None
        kinds = headers.getlist("content-type")
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if not kinds and not has_body:
            return None
        accepted = self._accepted.get(scope["path"], (JSON,))
        if len(kinds) == 1 and media_type(kinds[0]) in accepted and is_utf8(kinds[0]):
            return None
        stated = f"{', '.join(kinds)[:_SHOWN]!r}" if kinds else "missing"
        detail = f"the Content-Type is {stated}; accepted is {' or '.join(accepted)}, in UTF-8"
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, "media-type"


def _origin(text: str) -> _Origin | None:
    """The origin in an ``Origin`` header, None if it is not an http or https origin."""
    scheme, _, authority = text.lower().partition("://")
    known = host_and_port(authority)
    if scheme not in _DEFAULT_PORTS or known is None:
        return None
    host, port = known
    return scheme, host, _DEFAULT_PORTS[scheme] if port is None else port
