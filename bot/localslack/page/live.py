"""Tells every open page of every change that its person may see."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.localslack.page.snapshot import Json, PageJson
from bot.localslack.panels import Panel
from bot.localslack.state.changes import Change
from bot.localslack.webapi.desk import Desk

_TICK: Final = 1.0
_JUMP: Final = 0.75  # seconds by which the clock may differ from real time before it jumped
_QUEUE: Final = 1_000


@dataclass(slots=True, kw_only=True, eq=False)
class Viewer:
    """One open page."""

    user: str
    frames: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(maxsize=_QUEUE))


class Live:
    """The feed; `tell` may be called from any thread, the rest runs on the loop."""

    def __init__(self, *, panels: Sequence[Panel], elapsed: Callable[[], float]) -> None:
        self._panels = panels
        self._elapsed = elapsed
        self._viewers: list[Viewer] = []
        self._desk: Desk | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last_panels = ""
        self._last_gap: float | None = None
        self.seq = 0

    def started(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        """Learn what to describe and on which loop."""
        self._desk, self._loop = desk, loop

    def tell(self, change: Change) -> None:
        """Take note of a change and bring it to the pages."""
        self.seq += 1
        if self._loop is None or not self._viewers:
            return
        with contextlib.suppress(RuntimeError):  # the loop is closing: nobody looks any more
            self._loop.call_soon_threadsafe(self._push, change, self.seq)

    def _push(self, change: Change, seq: int) -> None:
        desk = self._desk
        if desk is None:
            return
        with desk.workspace.lock:
            for viewer in list(self._viewers):
                if change.user in (None, viewer.user):
                    for told in self._told(desk, change, viewer.user):
                        self._put(viewer, {"seq": seq, "type": change.kind, **told})

    def _put(self, viewer: Viewer, frame: Json) -> None:
        try:
            viewer.frames.put_nowait(json.dumps(frame))
        except asyncio.QueueFull:  # a page that reads nothing is let go and fetches all again
            self._viewers.remove(viewer)

    def _told(self, desk: Desk, change: Change, user: str) -> Iterator[Json]:
        page = PageJson(desk)
        if change.kind == "message":
            message = page.found(user, change.channel or "", change.ts or "")
            if message is not None:
                spoken = None if change.new else message["text"]
                yield {
                    "channel": change.channel,
                    "message": message,
                    "new": change.new,
                    "announce": spoken,
                }
        elif change.kind == "unread":
            room = desk.workspace.room(change.channel or "")
            yield {"channel": room.id, **page.unread(user, room)}
        elif change.kind == "gone":
            if desk.workspace.room(change.channel or "").visible_to(user):
                yield {"channel": change.channel, "ts": change.ts}
        else:
            yield self._whole(page, desk, change, user)

    def _whole(self, page: PageJson, desk: Desk, change: Change, user: str) -> Json:
        makers: dict[str, Callable[[], Json]] = {
            "channels": lambda: {"channels": page.channels(user)},
            "modals": lambda: page.modals(user),
            "home": lambda: page.home(user),
            "app": lambda: {"connected": desk.courier.transport.connected},
            "refused": page.refused_count,
            "panels": lambda: {"panels": self.panels()},
            "clock": lambda: {"clock": self.clock()},
        }
        make = makers.get(change.kind)
        return make() if make else dict(change.more)

    # Panels and clock

    def panels(self) -> list[Json]:
        """Every panel as it stands now; one that fails says so instead of stopping the page."""
        return [_described(panel) for panel in self._panels]

    def clock(self) -> Json:
        """The workspace's time, in seconds since 1970."""
        if self._desk is None:
            return {"epoch": 0.0, "running": False}
        return {"epoch": self._desk.workspace.now().timestamp(), "running": True}

    async def watch(self) -> None:
        """Once a second look whether panels or clock changed by themselves."""
        while True:
            await asyncio.sleep(_TICK)
            if self._viewers:
                await self.look()

    async def look(self) -> None:
        """Tell of changed panels and of a clock that jumped."""
        text = json.dumps(await asyncio.to_thread(self.panels), default=str)
        if text != self._last_panels:
            self._last_panels = text
            self.tell(Change(kind="panels"))
        gap = await asyncio.to_thread(self._gap)
        if self._last_gap is not None and abs(gap - self._last_gap) > _JUMP:
            self.tell(Change(kind="clock"))
        self._last_gap = gap

    def _gap(self) -> float:
        """Seconds between the workspace's time and the machine's: constant until it jumps."""
        epoch: float = self.clock()["epoch"]
        return epoch - self._elapsed()

    # One page

    async def serve(self, socket: WebSocket, user: str) -> None:
        """Feed one page until it goes."""
        await socket.accept()
        if self._last_gap is None:
            self._last_gap = await asyncio.to_thread(self._gap)
        viewer = Viewer(user=user)
        self._viewers.append(viewer)
        await socket.send_json({"type": "hello", "seq": self.seq})
        feeding = asyncio.create_task(self._feed(socket, viewer))
        try:
            while True:
                await socket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            feeding.cancel()
            if viewer in self._viewers:
                self._viewers.remove(viewer)

    async def _feed(self, socket: WebSocket, viewer: Viewer) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await socket.send_text(await viewer.frames.get())


def _described(panel: Panel) -> dict[str, Any]:
    try:
        return panel.describe()
    except Exception as error:  # noqa: BLE001 - a host's panel must not take the page down
        items = [{"type": "text", "text": f"Cannot be shown: {error}", "tone": "warning"}]
        name = type(panel).__name__
        return {
            "id": name,
            "title": name,
            "badge": None,
            "badge_clear": None,
            "summary": None,
            "items": items,
        }
