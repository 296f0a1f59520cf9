"""A Slack that accepts everything at once: `python -m tests.benchmarks.standin PORT`.

Much lighter than the local Slack, so that what is measured beside it is Lapse.
"""

import asyncio
import json
import sys

ANSWER = {
    "ok": True,
    "user_id": "U0LAPSE",
    "bot_id": "B0LAPSE",
    "team_id": "T0BENCH",
    "user": {"id": "U0READER", "tz": "Asia/Shanghai", "profile": {}},
    "channel": "C0FINOPS",
    "ts": "1.000001",
    "view": {"id": "V0BENCH"},
    "messages": [],
}


class Accepting(asyncio.Protocol):
    """One connection; every request is answered alike, whatever it says."""

    def __init__(self) -> None:
        body = json.dumps(ANSWER).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._answer = f"{head}\r\n\r\n".encode() + body
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _length(self._held[:end])
            if len(self._held) < whole:
                return
            self._held = self._held[whole:]
            self._transport.write(self._answer)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Accepting, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
