"""Where a webhook may be sent: the shape of its URL, and the addresses its host may have. Pure; see `sender`.

One rule: an address is judged as it will be connected to, at delivery, never as it was when the endpoint was made.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import msgspec
from yarl import URL

LIVE_PORTS = frozenset({443})
# IPv6 addresses that carry an IPv4 address or a tunnel: where they lead cannot be told from the address.
_TUNNELS = tuple(
    ip_network(text)
    for text in (
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
    )
)
# Not everywhere in Python's own list: carrier-grade NAT, IETF protocol assignments, former site-local addresses.
_PRIVATE = tuple(ip_network(text) for text in ("100.64.0.0/10", "192.0.0.0/24", "fec0::/10"))


class Policy(msgspec.Struct, frozen=True):
    """What is allowed. `ports` None means any but the `refused_ports`: our own database and administration."""

    allow_private: bool = False  # the developer's own machine and network
    https_only: bool = True
    ports: frozenset[int] | None = LIVE_PORTS
    refused_ports: frozenset[int] = frozenset()


LIVE = Policy()
TEST = Policy(allow_private=False, https_only=False, ports=None)
LOCAL = Policy(allow_private=True, https_only=False, ports=None)


def url_refusal(text: str, policy: Policy) -> str | None:
    """Why a URL is refused whatever its host resolves to, or None."""
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        return "the URL cannot be read"
    if url.scheme not in (("https",) if policy.https_only else ("https", "http")):
        return "the URL must begin with https://"
    if url.raw_user is not None or url.raw_password is not None:
        return "the URL must not hold a user name or a password"
    if not url.raw_host or port is None:
        return "the URL names no host"
    if (policy.ports is not None and port not in policy.ports) or port in policy.refused_ports:
        return f"port {port} is not allowed"
    literal = _literal(url.raw_host)
    return address_refusal(str(literal), policy) if literal else None


def address_refusal(text: str, policy: Policy) -> str | None:
    """Why an address may not be connected to, or None."""
    address = _literal(text)
    if address is None:
        return f"{text} is not an address"
    if _leads_nowhere(address) or _is_a_tunnel(address):
        return f"{address} is not a public address"
    if _is_private(address) and not policy.allow_private:
        return f"{address} is not a public address"
    return None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    """The host as an address, if it is written as one."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _leads_nowhere(address: IPv4Address | IPv6Address) -> bool:
    """Never a merchant's server: cloud metadata (link-local), multicast, unspecified, reserved."""
    return (
        address.is_link_local or address.is_multicast or address.is_unspecified
        or (address.is_reserved and not address.is_loopback)
    )  # fmt: skip


def _is_a_tunnel(address: IPv4Address | IPv6Address) -> bool:
    return not address.is_loopback and any(address in network for network in _TUNNELS)


def _is_private(address: IPv4Address | IPv6Address) -> bool:
    return not address.is_global or any(address in network for network in _PRIVATE)
