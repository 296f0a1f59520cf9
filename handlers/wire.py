"""One HTTP exchange that is over in time, whatever the network does.

urllib applies its timeout to every address, to every step of TLS and to every read, and to looking
up a name not at all. Here one limit holds for all of it, by the monotonic clock.
"""

import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from ssl import SSLContext
from time import monotonic
from typing import Any
from urllib.error import URLError
from urllib.request import (
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

DROPPED, KEPT = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)
"""What the machine does with unsent bytes when a line is closed, as `SO_LINGER` wants it."""


class NotSent(OSError):
    """Not a byte of the request was sent; `why` is the name of the error that came before."""

    def __init__(self, error: Exception) -> None:
        reason = error.reason if isinstance(error, URLError) else error
        super().__init__(f"nothing was sent: {reason}")
        self.why = type(reason).__name__


@dataclass(slots=True)
class _Call:
    """How long an exchange may last, and whether a byte of its request was written."""

    until: float
    begun: bool = False

    def left(self) -> float:
        """Seconds; raises TimeoutError when there are none."""
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError("its time is over")
        return left


def exchange(
    request: Request, *, until: float, proxy: str | None, context: SSLContext | None
) -> tuple[HTTPResponse, bytes]:
    """Send a request once and read the whole answer, or raise, until an instant of `monotonic`.

    Only looking up a name may take longer, and then nothing is sent. When its time is over the
    machine drops what it has not sent yet. Raises NotSent, HTTPError for a status of 300 and
    above, or OSError and HTTPException when it may have been sent.
    """
    if request.type not in {"http", "https"}:  # urllib would open files, too
        raise ValueError(f"{request.type} is not HTTP")
    call = _Call(until)
    try:
        opener = _opener(call, proxy=proxy, context=context)
        with opener.open(request, timeout=call.left()) as answer:
            return answer, answer.read()
    except (OSError, HTTPException) as error:
        if call.begun:
            raise
        raise NotSent(error) from error


def _opener(call: _Call, *, proxy: str | None, context: SSLContext | None) -> OpenerDirector:
    """What slack_sdk builds, with lines that know the time."""
    proxies = [] if proxy is None else [ProxyHandler({"http": proxy, "https": proxy})]
    return build_opener(*proxies, _Http(call), _Https(call, context))


class _Http(HTTPHandler):
    def __init__(self, call: _Call) -> None:
        super().__init__()
        self._call = call

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_Line, call=self._call), req)


class _Https(HTTPSHandler):
    def __init__(self, call: _Call, context: SSLContext | None) -> None:
        super().__init__(context=context)
        self._call, self._trusting = call, context

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_SecureLine, call=self._call, context=self._trusting), req)


class _Line(HTTPConnection):
    """A connection of one call."""

    def __init__(self, host: str, *, call: _Call, **asked: Any) -> None:
        super().__init__(host, **asked)
        self._call = call
        self._connected = False
        # Both are the library's own places for another: what it asks of the instance.
        self._create_connection = partial(_reach, call)
        self.response_class = partial(_Answer, call=call)  # type: ignore[assignment]

    def connect(self) -> None:
        """To the host, through a proxy and TLS if need be: nothing of the request is sent yet."""
        super().connect()
        self._connected = True

    def send(self, data: Any) -> None:
        """Write the request, or the line for a proxy, while there is time."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self._call.left())  # for all of it
        self._call.begun = self._call.begun or self._connected
        super().send(data)


class _SecureLine(_Line, HTTPSConnection):
    """The same with TLS."""


def _reach(call: _Call, address: tuple[str, int], *_asked: object) -> socket.socket:
    """Connect to the first address that answers; those not tried yet share what time is left."""
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    why = OSError("the name has no address")
    for number, (family, kind, protocol, _, place) in enumerate(found):
        try:
            within = call.left() / (len(found) - number)
            return _connected(call, socket.socket(family, kind, protocol), place, within)
        except OSError as error:
            why = error
    raise why


def _connected(call: _Call, line: socket.socket, place: Any, within: float) -> socket.socket:
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, DROPPED)
        line.settimeout(within)
        line.connect(place)
        line.settimeout(call.left())  # for a handshake
    except OSError:
        line.close()
        raise
    return line


class _Answer(HTTPResponse):
    """An answer that is read while there is time."""

    def __init__(self, line: socket.socket, *args: Any, call: _Call, **asked: Any) -> None:
        super().__init__(line, *args, **asked)
        self._line = line
        self.fp: Any = BufferedReader(_Timed(self.fp.detach(), line, call))

    def begin(self) -> None:
        """Read its head: now that it came, the line may be closed as usual."""
        super().begin()
        with suppress(OSError):  # some machines refuse it once the other side has closed
            self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, KEPT)


class _Timed(RawIOBase):
    """What a socket reads, each time for as long as is left."""

    def __init__(self, raw: Any, line: socket.socket, call: _Call) -> None:
        self._raw, self._line, self._call = raw, line, call

    def readable(self) -> bool:
        """Whether it can be read, which it always can."""
        return True

    def readinto(self, room: Any) -> int | None:
        """The next bytes; raises TimeoutError."""
        self._line.settimeout(self._call.left())
        read: int | None = self._raw.readinto(room)
        return read

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()
