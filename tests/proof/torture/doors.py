"""Doors between a replica and its database: TCP that can be cut, also in the middle of a COMMIT."""

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Literal

Place = Literal[
    "before a post",
    "after a post",
    "in a change",
    "before a commit",
    "after a commit",
    "after an intent",
]
Verdict = Literal["go on", "cut", "hold"]
Passing = Callable[[Place], Verdict]
"""Asked whenever the replica comes by a place; whatever lies in wait there strikes meanwhile."""

CHUNK = 65536
INTENT = re.compile(rb"(_pg3_\w+)?\x00UPDATE deliveries SET [^\x00]*attempt=")
"""How psycopg sends the statement by which an attempt begins, prepared under a name or not."""

HOLD_SECONDS = 5.0
"""For so long a held answer is on its way: longer than a lease, and than anything may land."""


class Doors:
    """An event loop in a thread of its own, on which doors are kept open."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._serving: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self.loop.run_forever, name="doors", daemon=True)
        self._thread.start()

    def open(self, serve: Callable[..., Coroutine[Any, Any, None]]) -> int:
        """Serve connections on a free port of the loopback; which one."""

        async def serve_quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # What came in goes on when its sender is gone; asyncio itself would forget it then.
            task = self.loop.create_task(serve_quietly(reader, writer))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
            # Also when the doors are closed on one that has not begun, which runs no `finally`.
            task.add_done_callback(lambda _: writer.transport.abort())

        server = self.run(asyncio.start_server(connected, "127.0.0.1", 0))
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=10)

    def close(self) -> None:
        """Close every door and connection."""

        async def cancel() -> None:
            for server in self._servers:
                server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self.run(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class DatabaseDoor:
    """One replica's way to PostgreSQL."""

    def __init__(self, doors: Doors, *, server_port: int, passing: Passing) -> None:
        self._doors = doors
        self._server_port = server_port
        self._passing = passing
        self._open: set[asyncio.StreamWriter] = set()
        self.port = doors.open(self._serve)

    def cut(self) -> int:
        """Break every connection without a word; how many there were."""

        async def abort() -> int:
            for writer in self._open:
                writer.transport.abort()
            return len(self._open)

        cut: int = self._doors.run(abort())
        return cut

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._open.add(writer)
        talk = _Talk(self._passing)
        ways = [
            asyncio.ensure_future(talk.ask(reader, server)),
            asyncio.ensure_future(talk.answer(answers, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(writer)
            server.transport.abort()


class _Talk:
    """One connection: knows when a COMMIT is under way, and whether it records an intent."""

    def __init__(self, passing: Passing) -> None:
        self._passing = passing
        self._prepared: set[bytes] = set()
        self._intends = False
        self._commits = False

    async def ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what the replica says, until either end leaves or something cuts it."""
        while chunk := await reader.read(CHUNK):
            self._intends = self._intends or self._is_intent(chunk)
            if b"COMMIT" in chunk:
                if self._passing("before a commit") == "cut":
                    return
                self._commits = True
            writer.write(chunk)
            await writer.drain()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what the server answers."""
        while chunk := await reader.read(CHUNK):
            if self._commits:
                verdict = self._passing("after an intent" if self._intends else "after a commit")
                self._commits = self._intends = False
                if verdict == "cut":
                    return
                if verdict == "hold":
                    await asyncio.sleep(HOLD_SECONDS)
            elif self._intends:
                self._passing("in a change")
            writer.write(chunk)
            await writer.drain()

    def _is_intent(self, chunk: bytes) -> bool:
        """Whether an attempt is being recorded, by its text or by the name it was prepared as."""
        found = INTENT.search(chunk)
        if found is not None and found[1]:
            self._prepared.add(found[1])
        return found is not None or any(name + b"\0" in chunk for name in self._prepared)
