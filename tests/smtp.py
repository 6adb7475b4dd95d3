"""A mail server on this machine, for tests: takes what is sent to it, asks who sends, and can be told to refuse."""

import base64
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass
class Server:
    """What it took. refuses: the answer to a command by its name, like {"RCPT": "550 No such person"}."""

    port: int = 0
    logins: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    taken: list[EmailMessage] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None  # offers STARTTLS
    asked: list[str] = field(default_factory=list)  # who tried to log in


@contextmanager
def smtp_server(**logins: str) -> Iterator[Server]:
    """A server on a free port, on which these may log in: name="password"."""
    server = Server(logins=logins)

    class Handler(_Talk):
        told = server

    with _Listening(("127.0.0.1", 0), Handler) as listening:
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()


class _Listening(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up in the middle is no mistake of the server."""


class _Talk(socketserver.StreamRequestHandler):
    told: Server

    def handle(self) -> None:
        self._say("220 test")
        self.known = not self.told.logins
        while line := self.rfile.readline():
            word, _space, rest = line.decode().strip().partition(" ")
            word = word.upper()
            if word in self.told.refuses:
                self._say(self.told.refuses[word])
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._answer(word, rest)

    def _answer(self, word: str, rest: str) -> None:
        if word == "EHLO":
            self.told.greeted.append(rest)
            offers = ["AUTH PLAIN"] if self.told.logins else []
            offers += ["STARTTLS"] if self.told.tls else []
            self._say("250-test", *(f"250-{offer}" for offer in offers), "250 8BITMIME")
        elif word == "STARTTLS" and self.told.tls:
            self._say("220 go on")
            self.connection = self.told.tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        elif word == "AUTH":
            _id, name, password = base64.b64decode(rest.removeprefix("PLAIN ").strip()).decode().split("\0")
            self.told.asked.append(name)
            self.known = self.told.logins.get(name) == password
            self._say("235 welcome" if self.known else "535 wrong name or password")
        elif word == "MAIL":
            self._say("250 ok" if self.known else "530 log in first")
        elif word == "DATA":
            self._say("354 go on")
            self._say(self._take())
        else:
            self._say("250 ok")

    def _take(self) -> str:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message: Any = message_from_bytes(b"".join(lines), policy=policy.default)
        self.told.taken.append(message)
        return "250 taken"

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.wfile.write(f"{line}\r\n".encode())


def certificate(folder: Path) -> Path:
    """A new certificate of 127.0.0.1 that nobody but itself vouches for, with its key in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file
