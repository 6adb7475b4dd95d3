"""A mail server on this machine, for tests: takes what is sent to it, asks who sends, and can be told to refuse."""

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass
class Server:
    """What it took. refuses: the answer to a command by its name, like {"RCPT": "550 No such person"}."""

    port: int = 0
    logins: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    taken: list[EmailMessage] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)


@contextmanager
def smtp_server(**logins: str) -> Iterator[Server]:
    """A server on a free port, on which these may log in: name="password"."""
    server = Server(logins=logins)

    class Handler(_Talk):
        told = server

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()


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
            self._say("250-test", "250-8BITMIME", "250 AUTH PLAIN") if self.told.logins else self._say("250 test")
        elif word == "AUTH":
            _id, name, password = base64.b64decode(rest.removeprefix("PLAIN ").strip()).decode().split("\0")
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
