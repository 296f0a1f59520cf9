"""The other side of a wire, on loopback: it answers, trickles, keeps silent or is not reached."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

HOST = "slack.test"
PATIENCE = 10
DROPS = 150


@dataclass
class Side:
    """A server of one port; `lines` are its connections, `ended` is set when it is to let go."""

    port: int
    ended: threading.Event = field(default_factory=threading.Event)
    lines: int = 0
    heard: list[bytes] = field(default_factory=list)
    """What came on each connection that ended or was answered."""
    closed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    def await_end(self) -> None:
        """Until one more connection is over for this side."""
        assert self.closed.acquire(timeout=PATIENCE)


Talk = Callable[[socket.socket, Side], object]


def request_of(line: Any) -> bytes:
    """One request with its body, or what came before the line ended."""
    came = b""
    with suppress(OSError):
        while b"\r\n\r\n" not in came and (more := line.recv(65_536)):
            came += more
        head, _, body = came.partition(b"\r\n\r\n")
        length = [
            int(each.split(b":")[1])
            for each in head.lower().split(b"\r\n")
            if each.startswith(b"content-length:")
        ]
        while length and len(body) < length[0] and (more := line.recv(65_536)):
            came, body = came + more, body + more
    return came


def response(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """As Slack answers."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", "Connection: close"]
    head = "\r\n".join([*lines, *headers, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


def answering(body: bytes, status: str = "200 OK", *headers: str) -> Talk:
    """Hears a request and answers it."""

    def talk(line: socket.socket, side: Side) -> None:
        side.heard.append(request_of(line))
        line.sendall(response(body, status, *headers))

    return talk


def trickling(begins: bytes, drop: bytes = b" ") -> Talk:
    """Hears a request, begins to answer and goes on by a byte at a time, for seconds."""

    def talk(line: socket.socket, side: Side) -> None:
        side.heard.append(request_of(line))
        line.sendall(begins)
        for _ in range(DROPS):
            if side.ended.wait(0.02):
                return
            line.sendall(drop)

    return talk


def silent(line: socket.socket, side: Side) -> None:
    """Hears what comes, until the other side ends, and says nothing."""
    came = b""
    with suppress(OSError):
        while more := line.recv(65_536):
            came += more
    side.heard.append(came)


@contextmanager
def serving(talk: Talk, *, room: int | None = None) -> Iterator[Side]:
    """Listens; each connection is talked to in a thread of its own."""
    listener = socket.socket()
    if room:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    side = Side(listener.getsockname()[1])
    talking: list[threading.Thread] = []

    def one(line: socket.socket) -> None:
        line.settimeout(PATIENCE)
        with line, suppress(OSError):
            talk(line, side)
        side.closed.release()

    def accept() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                side.lines += 1
                talking.append(threading.Thread(target=one, args=(line,)))
                talking[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield side
    finally:
        side.ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for each in talking:
            each.join()


@contextmanager
def dead(count: int) -> Iterator[Sequence[int]]:
    """So many ports of the loopback on which nobody ever takes a connection up."""
    kept: list[socket.socket] = []
    ports: list[int] = []
    try:
        for _ in range(count):
            full = socket.socket()
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            kept.append(full)
            ports.append(full.getsockname()[1])
            for _ in range(3):
                waiting = socket.socket()
                waiting.setblocking(False)
                kept.append(waiting)
                with suppress(BlockingIOError):
                    waiting.connect(full.getsockname())
        yield ports
    finally:
        for each in kept:
            each.close()


def resolve(
    patch: pytest.MonkeyPatch,
    *ports: int,
    host: str = HOST,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Let a name have so many addresses, in this order; `meanwhile` happens as it is looked up."""
    look_up = socket.getaddrinfo

    def found(asked: Any, *more: Any, **how: Any) -> Any:
        if asked != host:
            return look_up(asked, *more, **how)
        meanwhile()
        stream = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*stream, ("127.0.0.1", port)) for port in ports]

    patch.setattr(socket, "getaddrinfo", found)
