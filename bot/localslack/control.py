"""What tests do to the workspace from outside: look at the record, arm faults, break things."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.localslack.blockkit.validator import problems
from bot.localslack.delivery.sockets import SocketPool
from bot.localslack.failure import SlackError
from bot.localslack.faults import Fault, FaultKind
from bot.localslack.page.routes import json_body
from bot.localslack.page.snapshot import PageJson
from bot.localslack.webapi.calls import WebApi
from bot.localslack.webapi.desk import Desk, Json, flag_of
from bot.localslack.webapi.joining import archive, join, leave

_FAULT_FIELDS: Final = frozenset(each.name for each in fields(Fault))


@dataclass(slots=True, kw_only=True)
class Control:
    """Serves `/control/*`."""

    desk: Desk
    api: WebApi
    pool: SocketPool | None
    reset: Callable[[], None]

    def routes(self) -> list[Route]:
        """All of it."""
        gets = {
            "calls": self._calls,
            "deliveries": self._deliveries,
            "refused": self._refused,
            "messages": self._messages,
            "faults": self._faults,
        }
        posts: dict[str, Callable[[Mapping[str, Any]], Json]] = {
            "reset": self._reset,
            "arm": self._arm,
            "clear": self._clear,
            "archive": self._archive,
            "unarchive": self._unarchive,
            "kick": self._kick,
            "invite": self._invite,
            "disconnect": self._disconnect,
            "validate": self._validate,
        }
        return [
            *(Route(f"/control/{name}", _get(tell)) for name, tell in gets.items()),
            *(
                Route(f"/control/{name}", _post(act), methods=["POST"])
                for name, act in posts.items()
            ),
        ]

    def _calls(self, query: Mapping[str, str]) -> Json:
        return {"calls": [asdict(each) for each in self.api.calls(query.get("method"))]}

    def _deliveries(self, _query: Mapping[str, str]) -> Json:
        return {"deliveries": [asdict(each) for each in self.desk.courier.deliveries()]}

    def _refused(self, _query: Mapping[str, str]) -> Json:
        page = PageJson(self.desk)
        return {"refused": [page.refused(each) for each in self.desk.refused.all()]}

    def _messages(self, query: Mapping[str, str]) -> Json:
        with self.desk.workspace.lock:
            room = self.desk.workspace.room(query.get("channel", ""))
            return {"messages": list(room.messages.values())}

    def _faults(self, _query: Mapping[str, str]) -> Json:
        return {"faults": [asdict(each) for each in self.desk.faults.armed()]}

    def _reset(self, _body: Mapping[str, Any]) -> Json:
        self.reset()
        return {}

    def _arm(self, body: Mapping[str, Any]) -> Json:
        if body.get("kind") not in get_args(FaultKind) or set(body) - _FAULT_FIELDS:
            raise SlackError("no_such_fault")
        self.desk.faults.arm(Fault(**body))
        return {}

    def _clear(self, _body: Mapping[str, Any]) -> Json:
        self.desk.faults.clear()
        return {}

    def _archive(self, body: Mapping[str, Any]) -> Json:
        by = self.desk.workspace.seed.humans[0].id
        archive(self.desk, str(body.get("channel")), by=by)
        return {}

    def _unarchive(self, body: Mapping[str, Any]) -> Json:
        self.desk.workspace.set_archived(str(body.get("channel")), archived=False)
        return {}

    def _kick(self, body: Mapping[str, Any]) -> Json:
        leave(self.desk, str(body.get("channel")), self._who(body))
        return {}

    def _invite(self, body: Mapping[str, Any]) -> Json:
        join(self.desk, str(body.get("channel")), self._who(body))
        return {}

    def _who(self, body: Mapping[str, Any]) -> str:
        return str(body.get("user") or self.desk.workspace.seed.bot_user_id)

    def _disconnect(self, body: Mapping[str, Any]) -> Json:
        if self.pool is not None:
            reason = str(body.get("reason") or "refresh_requested")
            self.pool.disconnect(reason=reason, abrupt=flag_of(body, "abrupt"))
        return {}

    def _validate(self, body: Mapping[str, Any]) -> Json:
        surface = body.get("surface")
        payload = body.get("payload")
        if surface not in ("message", "modal", "home") or not isinstance(payload, dict):
            raise SlackError("invalid_arguments")
        return {"problems": [asdict(each) for each in problems(payload, surface)]}


Endpoint = Callable[[Request], Awaitable[Response]]


def _get(tell: Callable[[Mapping[str, str]], Json]) -> Endpoint:
    async def serve(request: Request) -> Response:
        return _answered(lambda: tell(request.query_params))

    return serve


def _post(act: Callable[[Mapping[str, Any]], Json]) -> Endpoint:
    async def serve(request: Request) -> Response:
        body = await json_body(request)
        if body is None:
            return JSONResponse({"ok": False, "error": "invalid_json"}, status_code=400)
        return _answered(lambda: act(body))

    return serve


def _answered(make: Callable[[], Json]) -> Response:
    try:
        return JSONResponse({"ok": True, **make()})
    except SlackError as error:
        return JSONResponse(error.answer())
