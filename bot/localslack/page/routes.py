"""The page's API over HTTP: every call names the acting person and is answered in JSON."""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.localslack.failure import SlackError
from bot.localslack.page.acts import ActFailed, Acts
from bot.localslack.page.live import Live
from bot.localslack.page.looking import Looking
from bot.localslack.page.talking import Talking
from bot.localslack.panels import Panel
from bot.localslack.seed import Person
from bot.localslack.state import files
from bot.localslack.state.changes import Change
from bot.localslack.webapi.desk import Desk, Json, flag_of
from bot.localslack.webapi.files import told_of
from bot.localslack.webapi.joining import join, leave

Act = Callable[[Person, Mapping[str, Any]], Awaitable[Json]]
_SENTENCES: Final = {
    "channel_not_found": "This channel is not there.",
    "file_not_found": "This file is not there.",
    "message_not_found": "This message is not there any more.",
    "is_archived": "This channel is archived.",
}
_FILE_MOST: Final = 10 * 1024 * 1024
"""Bytes of a file that a form takes."""


class Page:
    """Serves `/page/*`; `reset` is the host's way to begin anew."""

    def __init__(
        self, *, desk: Desk, live: Live, panels: Sequence[Panel], reset: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._live = live
        self._panels = panels
        self._reset = reset
        self.looking = Looking(desk=desk, live=live)
        self._acts = Acts(desk)
        self._talking = Talking(desk)
        self.posts: Mapping[str, Act] = {
            "send": self._send,
            "action": self._action,
            "suggest": self._suggest,
            "views/submit": self._submit,
            "views/close": self._close,
            "files": self._give,
            "home": self._home,
            "join": self._join,
            "leave": self._leave,
            "read": self._read,
            "dismiss": self._dismiss,
            "panels/press": self._press,
            "reset": self._start_over,
        }

    def routes(self) -> list[Route]:
        """All of `/page/`, but for the live feed."""
        return [
            Route("/page/state", self._get(self.looking.state)),
            Route("/page/messages", self._get(self.looking.messages)),
            Route("/page/thread", self._get(self.looking.thread)),
            *(
                Route(f"/page/{path}", self._post(act), methods=["POST"])
                for path, act in self.posts.items()
            ),
        ]

    async def download(self, request: Request) -> Response:
        """The bytes of a file that was shared, to be saved and never to be shown here."""
        try:
            file, content = files.content(self._desk.workspace, request.path_params["file"])
        except SlackError as error:
            return JSONResponse(_refusal(error), status_code=404)
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file['name'], safe='')}",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(content, headers=headers, media_type=file["mimetype"])

    def acting(self, handle: str | None) -> Person | None:
        """The person of that handle; without one, the first of the workspace."""
        seed = self._desk.workspace.seed
        if handle is None:
            return seed.humans[0]
        found = seed.by_handle(handle)
        return None if found is None or found.is_bot else found

    def _get(
        self, tell: Callable[[Person, Mapping[str, str]], Json]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            person = self.acting(request.query_params.get("as"))
            if person is None:
                return _nobody()
            try:
                answer = await asyncio.to_thread(tell, person, request.query_params)
            except SlackError as error:
                answer = _refusal(error)
            return JSONResponse(answer)

        return serve

    def _post(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            person = self.acting(request.query_params.get("as"))
            if person is None:
                return _nobody()
            body = await json_body(request)
            if body is None:
                return JSONResponse(
                    {"ok": False, "error": "invalid_json", "sentence": "Send a JSON object."},
                    status_code=400,
                )
            return JSONResponse(await self.perform(act, person, body))

        return serve

    async def perform(self, act: Act, person: Person, body: Mapping[str, Any]) -> Json:
        """The answer to one act, failures included."""
        try:
            return await act(person, body)
        except ActFailed as error:
            return error.answer
        except SlackError as error:
            return _refusal(error)

    # Acting

    async def _send(self, person: Person, body: Mapping[str, Any]) -> Json:
        thread = body.get("thread_ts")
        return await self._talking.send(
            person,
            str(body.get("channel")),
            str(body.get("text") or ""),
            str(thread) if thread else None,
        )

    async def _action(self, person: Person, body: Mapping[str, Any]) -> Json:
        return await self._acts.press(
            person,
            _mapping(body.get("target")),
            block_id=str(body.get("block_id")),
            action_id=str(body.get("action_id")),
            value=body.get("value"),
            state=_state(body.get("state")),
        )

    async def _suggest(self, person: Person, body: Mapping[str, Any]) -> Json:
        return await self._acts.suggest(
            person,
            _mapping(body.get("target")),
            block_id=str(body.get("block_id")),
            action_id=str(body.get("action_id")),
            value=str(body.get("value") or ""),
        )

    async def _submit(self, person: Person, body: Mapping[str, Any]) -> Json:
        view, state = str(body.get("view")), _state(body.get("state"))
        answer = await self._acts.submit(person, view, state)
        return answer | {"modals": self.looking.modals(person)}

    async def _close(self, person: Person, body: Mapping[str, Any]) -> Json:
        self._desk.refused.dismiss_view(person.id, "modal")
        self._acts.close(person, str(body.get("view")), everything=flag_of(body, "all"))
        return {"ok": True, "modals": self.looking.modals(person)}

    async def _give(self, person: Person, body: Mapping[str, Any]) -> Json:
        """A file for a form, before the form is sent; `content` is Base64."""
        name = str(body.get("name") or "").rpartition("/")[2]
        try:
            content = base64.b64decode(str(body.get("content") or ""), validate=True)
        except binascii.Error:
            raise ActFailed("invalid_file", "This file could not be read.") from None
        if not name or not content:
            raise ActFailed("invalid_file", "This file is empty.")
        if len(content) > _FILE_MOST:
            raise ActFailed("file_too_large", "A form takes files of at most 10 MB.")
        with self._desk.workspace.lock:
            file = files.given(self._desk.workspace, name=name, content=content, user=person.id)
        return {"ok": True, "file": told_of(self._desk, file)}

    async def _home(self, person: Person, body: Mapping[str, Any]) -> Json:
        self._acts.choose_tab(person, str(body.get("tab") or "home"))
        return {"ok": True, **self.looking.home(person)}

    async def _join(self, person: Person, body: Mapping[str, Any]) -> Json:
        room = self._desk.workspace.room(str(body.get("channel")))
        if room.is_private or room.kind == "dm":
            raise SlackError("channel_not_found")
        if room.is_archived:
            raise SlackError("is_archived")
        join(self._desk, room.id, person.id)
        return {"ok": True}

    async def _leave(self, person: Person, body: Mapping[str, Any]) -> Json:
        room = self._desk.workspace.room(str(body.get("channel")))
        if room.kind == "dm":
            raise SlackError("channel_not_found")
        leave(self._desk, room.id, person.id)
        return {"ok": True}

    async def _read(self, person: Person, body: Mapping[str, Any]) -> Json:
        channel, ts = str(body.get("channel")), body.get("ts")
        self._desk.workspace.mark_read(person.id, channel, str(ts) if ts else None)
        return {"ok": True, **self.looking.unread(person, channel)}

    async def _dismiss(self, person: Person, body: Mapping[str, Any]) -> Json:
        for surface in ("modal", "home"):
            if flag_of(body, f"{surface}_refused"):
                self._desk.refused.dismiss_view(person.id, surface)
        ts = str(body.get("ts") or "")
        box = self._desk.refused.dismiss(ts)
        if box:
            self._desk.tell(Change(kind="gone", channel=box.channel, ts=ts, user=box.user))
        self._desk.workspace.dismiss(person.id, ts)
        return {"ok": True}

    async def _press(self, _person: Person, body: Mapping[str, Any]) -> Json:
        name, control = str(body.get("panel")), str(body.get("control"))
        shown = {str(key): str(value) for key, value in _mapping(body.get("values")).items()}
        panel = await asyncio.to_thread(self._panel, name)
        if panel is None:
            raise ActFailed("no_such_panel", "This panel is not there any more.")
        return await self._pressed(panel, control, shown)

    def _panel(self, name: str) -> Panel | None:
        return next((each for each in self._panels if each.describe().get("id") == name), None)

    async def _pressed(self, panel: Panel, control: str, shown: Mapping[str, str]) -> Json:
        try:
            sentence = await asyncio.to_thread(panel.press, control, shown)
        except Exception as error:
            raise ActFailed("panel_failed", str(error) or type(error).__name__) from error
        finally:
            await self._live.look()
        return {"ok": True, "sentence": sentence}

    async def _start_over(self, _person: Person, _body: Mapping[str, Any]) -> Json:
        self._reset()
        return {"ok": True}


async def json_body(request: Request) -> dict[str, Any] | None:
    """The JSON object of a request, or None when it is something else."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return None
    try:
        said = json.loads(await request.body() or b"{}")
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _nobody() -> Response:
    answer = {"ok": False, "error": "user_not_found", "sentence": "Nobody here has that name."}
    return JSONResponse(answer, status_code=404)


def _refusal(error: SlackError) -> Json:
    sentence = _SENTENCES.get(error.code, f"That did not work ({error.code}).")
    return {"ok": False, "error": error.code, "sentence": sentence}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _state(value: Any) -> dict[str, dict[str, Any]]:
    return {
        str(block): dict(actions)
        for block, actions in _mapping(value).items()
        if isinstance(actions, dict)
    }
