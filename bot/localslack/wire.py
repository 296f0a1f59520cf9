"""Reaches below HTTP: breaks a connection the way a bad network does."""

from asyncio import Transport
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

Peer = tuple[str, int]


class Wire:
    """Knows every open connection by the address of its other end; used on the loop alone."""

    def __init__(self) -> None:
        self._open: dict[Peer, Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """Uvicorn's HTTP protocol, which tells this wire of its connections."""
        open_ones = self._open

        class Watched(H11Protocol):
            def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn itself
                super().connection_made(transport)
                if self.client:
                    for peer in [peer for peer, old in open_ones.items() if old.is_closing()]:
                        del open_ones[peer]
                    open_ones[self.client] = transport

        return Watched

    def cut(self, peer: Any) -> None:
        """Break the connection to that address at once, without a word."""
        transport = self._open.pop(tuple(peer), None) if peer else None
        if transport is not None:
            transport.abort()
