"""One exchange is over in time, and what was not sent in time is never sent; on real sockets."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic
from urllib.error import HTTPError, URLError
from urllib.request import Request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from handlers import wire
from handlers.wire import NotSent, exchange
from tests.clocks import SettableClock
from tests.factories import NOW
from tests.wires import (
    DROPS,
    HOST,
    Side,
    answering,
    dead,
    request_of,
    resolve,
    response,
    serving,
    silent,
    trickling,
)

WITHIN = 0.4
"""Seconds; short, so that what must end ends soon."""

GRACE = 1.0
"""How much later it may seem to end on a machine that is busy."""

BODY = b'{"ok":true}'


def ask(url: str, *, within: float = WITHIN, body: bytes = b"text=x", **more: object) -> bytes:
    request = Request(url, data=body, method="POST")
    how = {"proxy": None, "context": None} | more
    return exchange(request, until=wire.monotonic() + within, **how)[1]  # type: ignore[arg-type]


@pytest.fixture
def took() -> Callable[[], float]:
    began = monotonic()
    return lambda: monotonic() - began


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SettableClock:
    """The monotonic clock of the wire, which a test moves."""
    clock = SettableClock(NOW)
    monkeypatch.setattr(wire, "monotonic", lambda: clock.now().timestamp())
    return clock


def late(clock: SettableClock, seconds: float = 9) -> Callable[[], object]:
    return lambda: clock.advance(dt.timedelta(seconds=seconds))


def test_an_answer_is_read_with_its_status_and_headers():
    with serving(answering(BODY, "200 OK", "X-Oauth-Scopes: chat:write")) as side:
        request = Request(side.url, data=b"text=x", method="POST")
        answer, body = exchange(request, until=monotonic() + 5, proxy=None, context=None)

    assert (answer.status, body) == (200, BODY)
    assert answer.headers["x-oauth-scopes"] == "chat:write"
    [heard] = side.heard
    assert heard.startswith(b"POST /api/ HTTP/1.1\r\n")
    assert heard.endswith(b"\r\n\r\ntext=x")


def test_dead_addresses_share_the_time_with_the_one_that_lives(monkeypatch):
    with dead(3) as ports, serving(answering(BODY)) as side:
        resolve(monkeypatch, *ports, side.port)

        assert ask(f"http://{HOST}/", within=1.0) == BODY


def test_where_every_address_is_dead_nothing_is_sent_and_it_is_over_in_time(monkeypatch, took):
    with dead(5) as ports:
        resolve(monkeypatch, *ports)
        with pytest.raises(NotSent, match="nothing was sent: timed out"):
            ask(f"http://{HOST}/")

    assert took() < WITHIN + GRACE


def test_a_connection_that_is_refused_sent_nothing(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]

    with pytest.raises(NotSent, match="refused"):
        ask(f"http://127.0.0.1:{port}/")


def test_a_name_that_nobody_knows_sent_nothing(monkeypatch):
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(NotSent, match="name resolution"):
        ask(f"http://{HOST}/")


def test_an_address_of_a_kind_that_the_machine_lacks_is_passed_over(monkeypatch):
    with serving(answering(BODY)) as side:
        lacking = (9_999, socket.SOCK_STREAM, 0, "", ("::1", side.port))
        having = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", side.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [lacking, having])

        assert ask(f"http://{HOST}/") == BODY


def test_a_name_that_is_looked_up_for_too_long_costs_the_attempt(monkeypatch, clock):
    with serving(answering(BODY)) as side:
        resolve(monkeypatch, side.port, meanwhile=late(clock))
        with pytest.raises(NotSent):
            ask(f"http://{HOST}/", within=8)

    assert side.heard == []


def test_who_stops_between_the_connection_and_the_first_byte_sends_none(monkeypatch, clock):
    connect = HTTPConnection.connect

    def slowly(self: HTTPConnection) -> None:
        connect(self)
        clock.advance(dt.timedelta(seconds=9))

    monkeypatch.setattr(HTTPConnection, "connect", slowly)
    with serving(silent) as side:
        with pytest.raises(NotSent):
            ask(side.url, within=8)
        side.await_end()

    assert side.heard == [b""]


def test_who_sends_just_in_time_sends(monkeypatch, clock):
    with serving(answering(BODY)) as side:
        resolve(monkeypatch, side.port, meanwhile=late(clock, 7.5))

        assert ask(f"http://{HOST}/", within=8) == BODY


def test_a_handshake_that_does_not_end_sent_nothing(took):
    with serving(silent) as side:
        with pytest.raises(NotSent):
            ask(f"https://127.0.0.1:{side.port}/")
        side.await_end()

    assert took() < WITHIN + GRACE
    assert b"text=x" not in side.heard[0]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("begins", "drop"),
    [
        (b"HTTP/1.1 200 ", b"O"),
        (HEAD + b"X-Long: ", b"o"),
        (HEAD + b"\r\n" + BODY[:4], b" "),
        (HEAD + b"Content-Length: 100000\r\n\r\n" + BODY[:4], b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n", b" "),
    ],
    ids=["status", "header", "body without a length", "body", "chunks", "an error's body"],
)
def test_an_answer_that_trickles_ends_in_time_and_may_have_been_sent(begins, drop, took):
    def whole(url: str) -> bytes:
        try:
            return ask(url)
        except HTTPError as error:
            with error:
                return error.read()

    with serving(trickling(begins, drop)) as side, pytest.raises(TimeoutError):
        whole(side.url)

    assert took() < WITHIN + GRACE
    assert side.heard[0].endswith(b"text=x")


def test_no_answer_ends_in_time_and_may_have_been_sent(took):
    with serving(silent) as side, pytest.raises(TimeoutError):
        ask(side.url)

    assert took() < WITHIN + GRACE


def test_who_takes_nothing_more_of_a_request_may_have_taken_it(took):
    def deaf(_line: socket.socket, side: Side) -> None:
        side.ended.wait(10)

    with serving(deaf, room=4_096) as side:
        with pytest.raises(URLError) as raised:
            ask(side.url, body=bytes(20_000_000))
        assert isinstance(raised.value.reason, TimeoutError)

    assert took() < WITHIN + GRACE


def test_what_an_attempt_has_not_sent_when_it_is_over_is_dropped():
    """Else the machine goes on sending it for minutes, as soon as the network lets it."""
    over = threading.Event()

    def later(line: socket.socket, side: Side) -> None:
        assert over.wait(10)
        side.heard.append(request_of(line))

    with serving(later, room=4_096) as side:
        with pytest.raises(TimeoutError):
            ask(side.url, body=bytes(100_000))
        over.set()
        side.await_end()

    assert 0 < len(side.heard[0]) < 100_000


def test_after_an_answer_a_connection_is_closed_as_usual():
    ends: list[bytes] = []

    def polite(line: socket.socket, _side: Side) -> None:
        request_of(line)
        line.sendall(response(BODY))
        ends.append(line.recv(1))  # a reset would raise

    with serving(polite) as side:
        assert ask(side.url) == BODY
        side.await_end()

    assert ends == [b""]


def test_a_refusal_has_its_body():
    with serving(answering(b"slow down", "429 Too Many Requests", "Retry-After: 12")) as side:
        with pytest.raises(HTTPError) as raised:
            ask(side.url)
        with raised.value as error:
            assert (error.code, error.read()) == (429, b"slow down")
            assert error.headers["Retry-After"] == "12"


def test_a_redirection_that_leads_nowhere_may_have_been_sent():
    with socket.create_server(("127.0.0.1", 0)) as closing:
        nowhere = f"http://127.0.0.1:{closing.getsockname()[1]}/"
    with serving(answering(b"", "302 Found", f"Location: {nowhere}")) as side:
        with pytest.raises(URLError) as raised:
            ask(side.url)
        assert isinstance(raised.value.reason, ConnectionRefusedError)


def test_a_file_is_not_opened(tmp_path: Path):
    with pytest.raises(ValueError, match="file is not HTTP"):
        ask((tmp_path / "secret").as_uri())


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The two ends of TLS for 127.0.0.1: the server's, and that of who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = dt.datetime.fromtimestamp(0, tz=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=80 * 365))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    both = tmp_path_factory.mktemp("tls") / "both.pem"
    both.write_bytes(certificate + secret)
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(both)
    trusts = ssl.create_default_context(cadata=certificate.decode())
    return serves, trusts


def secured(serves: ssl.SSLContext, body: bytes = BODY):
    def talk(line: socket.socket, side: Side) -> None:
        with serves.wrap_socket(line, server_side=True) as secret:
            side.heard.append(request_of(secret))
            secret.sendall(response(body))

    return talk


def test_tls_is_spoken_with_the_context_that_is_given(certified):
    serves, trusts = certified
    with serving(secured(serves)) as side:
        assert ask(f"https://127.0.0.1:{side.port}/", within=5, context=trusts) == BODY

    assert side.heard[0].endswith(b"text=x")


def test_a_certificate_that_nobody_vouches_for_is_sent_nothing(certified):
    with serving(secured(certified[0])) as side:
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            ask(f"https://127.0.0.1:{side.port}/", within=5)
        assert side.heard == []


def test_tls_that_trickles_ends_in_time(certified, took):
    serves, trusts = certified

    def talk(line: socket.socket, side: Side) -> None:
        with serves.wrap_socket(line, server_side=True) as secret:
            trickling(HEAD + b"X-Long: ", b"o")(secret, side)

    with serving(talk) as side, pytest.raises(TimeoutError):
        ask(f"https://127.0.0.1:{side.port}/", context=trusts)

    assert took() < WITHIN + GRACE


def tunnelling(line: socket.socket, side: Side) -> None:
    """A proxy: takes CONNECT, and carries both ways."""
    asked = request_of(line)
    side.heard.append(asked)
    host, _, port = asked.split(b" ")[1].decode().partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as onward:
        line.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

        def carry(one: socket.socket, other: socket.socket) -> None:
            with suppress(OSError):
                while some := one.recv(65_536):
                    other.sendall(some)
                other.shutdown(socket.SHUT_WR)

        back = threading.Thread(target=carry, args=(onward, line))
        back.start()
        carry(line, onward)
        back.join()


def test_a_proxy_tunnels_tls_and_is_told_its_password_alone(certified):
    serves, trusts = certified
    with serving(secured(serves)) as side, serving(tunnelling) as proxy:
        through = f"http://lapse:secret@127.0.0.1:{proxy.port}"
        target = f"https://127.0.0.1:{side.port}/"

        assert ask(target, within=5, proxy=through, context=trusts) == BODY

    assert proxy.heard[0].startswith(f"CONNECT 127.0.0.1:{side.port} ".encode())
    assert b"proxy-authorization: basic " in proxy.heard[0].lower()
    assert b"proxy-authorization" not in side.heard[0].lower()


def test_a_proxy_takes_what_is_not_secret_whole():
    with serving(answering(BODY)) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"

        assert ask("http://192.0.2.1/api/", proxy=through) == BODY

    assert proxy.heard[0].startswith(b"POST http://192.0.2.1/api/ ")


@pytest.mark.parametrize(
    "talk",
    [
        silent,
        trickling(b"HTTP/1.1 200 OK\r\nX-Long: ", b"o"),
        answering(b"", "407 Proxy Authentication Required"),
        answering(b"", "200 \xff"),
    ],
    ids=["silent", "trickles", "refuses", "babbles"],
)
def test_a_proxy_that_makes_no_tunnel_was_sent_nothing_of_the_request(talk, took):
    with serving(talk) as proxy, pytest.raises(NotSent):
        ask("https://192.0.2.1/api/", proxy=f"http://127.0.0.1:{proxy.port}")

    assert took() < WITHIN + GRACE
    assert all(b"text=x" not in each for each in proxy.heard)


def test_a_request_that_is_taken_slowly_over_tls_ends_in_time(certified, took):
    serves, trusts = certified

    def slowly(line: socket.socket, side: Side) -> None:
        with serves.wrap_socket(line, server_side=True) as secret:
            for _ in range(DROPS):
                if side.ended.wait(0.02):
                    return
                secret.recv(16_384)

    with serving(slowly, room=4_096) as side:
        with pytest.raises(URLError) as raised:
            ask(f"https://127.0.0.1:{side.port}/", context=trusts, body=bytes(20_000_000))
        assert isinstance(raised.value.reason, TimeoutError)

    assert took() < WITHIN + GRACE
