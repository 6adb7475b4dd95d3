"""The process that runs the embedded servers: `python -m demandcenter.keeper HOME postgres redis`.

It starts them, reports once on standard output, starts again what dies, and stops them when nobody uses them.
"""

import fcntl
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path

from demandcenter.local_servers import PostgresServer, RedisServer
from demandcenter.server_home import Home
from demandcenter.server_process import Server
from demandcenter.server_programs import ServerError, server_account

POLL = 0.1  # seconds
PREFERRED_PORTS = {"postgres": 15432, "redis": 16379}

log = logging.getLogger("keeper")


class Keeper:
    """Starts, watches and stops the named servers of one home."""

    def __init__(self, home: Home, names: list[str]) -> None:
        self.home = home
        self.names = names
        self.servers: dict[str, Server] = {}
        self._told_to_stop = False

    def start(self) -> list[str]:
        """Start the servers; returns what the person should know. Raises ServerError with none left running."""
        notes = []
        try:
            for name in self.names:
                server = self._describe(name)
                self.servers[name] = server
                server.start()
                if server.port != server.preferred_port:
                    notes.append(f"Port {server.preferred_port} is taken; {server.title} listens on {server.port}.")
                log.info("%s answers on port %s", server.title, server.port)
        except ServerError:
            self.stop()
            raise
        self.home.write_state({name: server.url for name, server in self.servers.items()})
        return notes

    def watch(self) -> None:
        """Return, holding the users' lock, when nobody uses the servers; until then start again what dies."""
        while not self._told_to_stop:
            users = self.home.lock("users", fcntl.LOCK_EX | fcntl.LOCK_NB)
            if users:
                self._users = users
                return
            for server in self.servers.values():
                if not server.is_alive():
                    self._restart(server)
            time.sleep(POLL)

    def stop(self) -> None:
        """Stop in the reverse order of the start: Redis, then PostgreSQL."""
        self.home.write_state(None)
        for server in reversed(self.servers.values()):
            server.stop()
            log.info("%s has stopped", server.title)

    def ask_to_stop(self, *_signal: object) -> None:
        self._told_to_stop = True

    def _describe(self, name: str) -> Server:
        kind = {"postgres": PostgresServer, "redis": RedisServer}[name]
        return kind(
            self.home.folder / name,
            password=self.home.password(),
            account=self.home.account,
            port=PREFERRED_PORTS[name],
        )

    def _restart(self, server: Server) -> None:
        log.warning("%s died; starting it again", server.title)
        try:
            server.start(port=server.port)  # its users know this address
        except ServerError as error:
            log.error("%s", error)
            time.sleep(1)


def report(**answer: object) -> None:
    """Answer the command that waits, and let go of its terminal."""
    print(json.dumps(answer), flush=True)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def main() -> int:
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.chdir("/")
    home = Home(folder, server_account(folder / "postgres"))
    alive = home.lock("keeper", fcntl.LOCK_EX)  # held to the end; waits only for those who look whether it is held
    assert alive is not None
    keeper = Keeper(home, names)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, keeper.ask_to_stop)
    try:
        report(notes=keeper.start())
    except ServerError as error:
        log.error("%s", error)
        report(error=str(error))
        return 1
    keeper.watch()
    keeper.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
