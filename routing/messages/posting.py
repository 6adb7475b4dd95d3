"""Posting to addresses that somebody typed: https, to public addresses only, to the very one that was looked at.

A name may lead elsewhere between looking and connecting, so the connection goes to the address that passed. Redirects
are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

TIMEOUT: Final = 10.0  # seconds
_READ: Final = 2000  # bytes of an answer; only its status counts
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LATER: Final = frozenset({408, 425, 429})  # refusals that may be none in a while


class NotPosted(Exception):
    """It did not arrive. hopeless: trying again will not help."""

    def __init__(self, sentence: str, *, hopeless: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hopeless = hopeless


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: an address of the host that the name stands for."""

    parts: SplitResult
    address: str
    port: int

    @property
    def path(self) -> str:
        query = f"?{self.parts.query}" if self.parts.query else ""
        return f"{self.parts.path or '/'}{query}"


def problem_of(url: str, *, private: bool) -> str:
    """What is wrong with an address as it is written; blank when nothing is. private: addresses within are allowed."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return "This is no address; write it like https://hooks.example.com/services/1."
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        return "Only https is posted to, so that nobody reads along."
    if not parts.hostname:
        return "This is no address; write it like https://hooks.example.com/services/1."
    if parts.username or parts.password:
        return "Leave the user name and the password out; the secret signs what is sent."
    return ""


def look_up(url: str, *, private: bool) -> Target:
    """The address behind the name. Raises NotPosted where it is not to be posted to, or is not known."""
    if problem := problem_of(url, private=private):
        raise NotPosted(problem, hopeless=True)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Target(parts, public_address(parts.hostname or "", port, private=private), port)


def public_address(host: str, port: int, *, private: bool) -> str:
    """The address behind a name. private: one within the network will do. Raises NotPosted."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotPosted(f"The name {host} is not known.") from error
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(map(_is_public, addresses)):
        raise NotPosted(f"{host} is an address within a network; nothing is sent there.", hopeless=True)
    return addresses[0]


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    return found.is_global and not found.is_multicast and all(one.is_global for one in _within(found))


def _within(found: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, 6to4, or translated on the way (RFC 6052)."""
    if isinstance(found, ipaddress.IPv4Address):
        return []
    inner = [one for one in (found.ipv4_mapped, found.sixtofour) if one is not None]
    return [*inner, ipaddress.IPv4Address(found.packed[-4:])] if found in _TRANSLATED else inner


def post(url: str, body: bytes, *, headers: Mapping[str, str], private: bool, timeout: float = TIMEOUT) -> int:
    """Post, and return the status. Raises NotPosted for anything but a status of 200 to 299."""
    target = look_up(url, private=private)
    connection = _connect(target, timeout)
    try:
        connection.request("POST", target.path, body, dict(headers))
        answer = connection.getresponse()
        answer.read(_READ)
        status = answer.status
    except (OSError, http.client.HTTPException) as error:
        raise NotPosted(f"{target.parts.hostname} did not answer: {type(error).__name__}.") from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        hopeless = 300 <= status < 500 and status not in _LATER
        raise NotPosted(f"{target.parts.hostname} answered {status}.", hopeless=hopeless)
    return status


def _connect(target: Target, timeout: float) -> http.client.HTTPConnection:
    host = target.parts.hostname or ""
    if target.parts.scheme == "http":
        connection = http.client.HTTPConnection(host, target.port, timeout=timeout)
        connection._create_connection = _to(target)  # type: ignore[attr-defined]
        return connection
    secure = http.client.HTTPSConnection(host, target.port, timeout=timeout, context=ssl.create_default_context())
    secure._create_connection = _to(target)  # type: ignore[attr-defined]
    return secure


def _to(target: Target) -> Callable[..., socket.socket]:
    """Connects to the address that was looked at; certificate and Host still go by the name."""

    def connect(_address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        return socket.create_connection((target.address, target.port), *args, **kwargs)  # type: ignore[arg-type]

    return connect
