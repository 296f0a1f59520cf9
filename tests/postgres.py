"""A PostgreSQL server of our own on loopback, from Debian's package."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

import psycopg

Stop = Literal["fast", "immediate"]

_FAST = "-c fsync=off -c full_page_writes=off -c autovacuum=off -c shared_buffers=32MB"
_LASTING = "-c synchronous_commit=on"
_FORGETFUL = "-c synchronous_commit=off"


class NotInstalled(RuntimeError):
    """PostgreSQL's programs are not on this machine."""

    def __init__(self) -> None:
        super().__init__("PostgreSQL is not installed; get it with `apt-get install postgresql`.")


class PostgresServer:
    """One server with a directory of its own, which is gone after `close`.

    A lasting one keeps every commit when it is shut down immediately; a forgetful one is faster.
    Neither survives the machine's power, so nothing waits for the disk. One as shipped does.
    """

    def __init__(self, *, lasting: bool = False, as_shipped: bool = False) -> None:
        self._programs = _programs()
        self._user = "postgres" if os.geteuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="lapse-postgres-"))
        if self._user:
            shutil.chown(self._home, self._user)
        self._settings = "" if as_shipped else f"{_FAST} {_LASTING if lasting else _FORGETFUL}"
        self.port = free_port()
        initdb = ("-A", "trust", "-U", "postgres", "-N", "-E", "UTF8")
        self._run("initdb", "-D", self._data, *initdb)

    @property
    def url(self) -> str:
        """The server's URL, without a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when connections are accepted."""
        where = f"-p {self.port} -h 127.0.0.1 -c unix_socket_directories="
        settings = f"{where} -c max_connections=200 {self._settings}"
        log = self._home / "log"
        self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-o", settings, "start")

    def stop(self, mode: Stop) -> None:
        """Shut down, rolling back what is open; `immediate` does not even close its files."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def close(self) -> None:
        """End it, if it runs, and delete everything."""
        try:
            if (self._data / "postmaster.pid").exists():
                self.stop("immediate")
        finally:
            shutil.rmtree(self._home)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _run(self, program: str, *arguments: object) -> None:
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        if self._user:  # it refuses to be root
            environment["HOME"] = pwd.getpwnam(self._user).pw_dir
        done = subprocess.run(
            [str(self._programs / program), *(str(each) for each in arguments)],
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}")


def administer(server: str, *statements: str, database: str = "postgres") -> None:
    """Run statements at a server's URL, each by itself."""
    where = server.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(f"{where}/{database}", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _programs() -> Path:
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("pg_ctl")
    for place in [*([Path(on_path).resolve().parent] if on_path else []), *known]:
        if (place / "pg_ctl").exists() and (place / "initdb").exists():
            return place
    raise NotInstalled
