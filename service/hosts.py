"""Host names and addresses: one spelling for each, and whether it is this machine."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

_HOST = re.compile(
    r"(?:(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?|\[(?P<address>[0-9a-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII | re.IGNORECASE,
)
_MAX_HOST_LENGTH = 260
_MAX_PORT = 65_535


def host_and_port(text: str) -> tuple[str, int | None] | None:
    """The host and the port of a ``Host`` header or of the authority of a URL.

    Names are in lower case without a dot at the end. Addresses are in their shortest form, without
    brackets. The port is None where there is none. None for the whole if the text is anything
    else, such as a list of hosts, an address in brackets that is not one, or a host with a user.
    """
    match = _HOST.fullmatch(text) if len(text) <= _MAX_HOST_LENGTH else None
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    address = as_address(match["name"] or match["address"])
    if (port or 0) > _MAX_PORT or (match["address"] and address is None):
        return None
    return str(address or match["name"].lower()), port


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    """A host as an address, None if it is a name. An IPv4 address that is written as an IPv6
    address is the IPv4 address.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach this host. Of names, only ``localhost`` is known
    to be so.
    """
    address = as_address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback
