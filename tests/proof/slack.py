"""A workspace that fails as Slack does, and writes down what it was asked and what people saw.

It answers the calls of the shipping messenger with a status, headers and a body, as over HTTP, and
`Client` makes of these what slack_sdk does (`test_model.py` holds it against slack_sdk itself).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from slack_sdk.web import SlackResponse

from bot.ports.clock import Clock
from bot.services.delivering import MAY_LAND, TIMEOUT
from handlers.wire import NotSent

BOT = "B0LAPSE"
LANDS_WITHIN = TIMEOUT + MAY_LAND
"""From the start of a request until its message is in the history, its lag included."""

Body = Mapping[str, object]
Answer = tuple[int, Mapping[str, str], Body | str]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a call goes wrong: whether it has its effect, and what is answered."""

    name: str
    lands: bool
    answer: Callable[[Random, Body], Answer]
    late: bool = False
    seconds: int = 0


def _says(status: int, body: Body | str, **headers: str) -> Callable[[Random, Body], Answer]:
    return lambda _random, _body: (status, headers, body)


def _raises(made: Callable[[], Exception]) -> Callable[[Random, Body], Answer]:
    """A new one each time: one that is raised twice would hold on to what both went through."""

    def answer(_random: Random, _body: Body) -> Answer:
        raise made()

    return answer


def _limited(*values: str) -> Callable[[Random, Body], Answer]:
    def answer(random: Random, _body: Body) -> Answer:
        return 429, {"Retry-After": random.choice(values)}, refusal("ratelimited")

    return answer


def refusal(code: str) -> Body:
    """A definite refusal."""
    return {"ok": False, "error": code}


_DROPPED = _raises(lambda: ConnectionResetError("reset"))
_SILENT = _raises(lambda: TimeoutError("timed out"))
_NOT_SENT = _raises(lambda: NotSent(TimeoutError("timed out")))
_BUSY = _says(503, "<html>Service unavailable</html>")

POST_FAULTS = (
    Fault("F6 Retry-After", False, _limited(*map(str, range(121)))),
    Fault("F6 no Retry-After", False, _says(429, refusal("ratelimited"))),
    Fault("F6 absurd Retry-After", False, _limited("soon", "", "-5", "nan", "1e12")),
    Fault("F7 5xx before", False, _BUSY),
    Fault("F7 5xx after", True, _BUSY),
    Fault("F7 reset before", False, _DROPPED),
    Fault("F7 reset after", True, _DROPPED),
    Fault("F7 slow to connect", False, _NOT_SENT, seconds=8),
    Fault("F7 request lost", False, _SILENT, seconds=10),
    Fault("F7 reply lost", True, _SILENT, seconds=10),
    Fault("F7 lands late", True, _SILENT, late=True, seconds=10),
    Fault("F7 truncated", True, _says(200, '{"ok": true, "chan')),
    Fault("F7 not JSON", True, _says(200, "<html>Moved</html>")),
    Fault("F7 internal_error", True, _says(200, refusal("internal_error"))),
    Fault("F7 ok, a warning", True, lambda _, body: (200, {}, {**body, "warning": "superfluous"})),
)
READ_FAULTS = (
    Fault("F8 5xx", False, _BUSY),
    Fault("F8 reset", False, _DROPPED),
    Fault("F8 slow to connect", False, _NOT_SENT, seconds=8),
    Fault("F8 silent", False, _SILENT, seconds=10),
    Fault("F8 refused", False, _says(200, refusal("fatal_error"))),
    Fault("F8 rate limited", False, _limited("0", "1", "60", "120", "300")),
    Fault("F8 no Retry-After", False, _says(429, refusal("ratelimited"))),
)
BY_NAME: Mapping[str, Fault] = {each.name: each for each in POST_FAULTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """How Slack is today: of a hundred calls so many go wrong, and how; how its history is."""

    posts: int = 0
    reads: int = 0
    lag: int = 0
    page: int = 200
    noise: int = 0
    faults: tuple[Fault, ...] = POST_FAULTS


CALM = Mood()


@dataclass(frozen=True, slots=True)
class Landed:
    """One message; it lands at `at`, and the history shows it from `shown_at` on."""

    at: datetime
    shown_at: datetime
    channel: str
    thread: str | None
    ts: str
    body: Body


@dataclass
class SimulatedSlack:
    """Slack's side of the wire. `client_msg_id` means nothing here: nothing may lean on it."""

    clock: Clock
    random: Random
    mood: Mood = CALM
    script: list[str] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)
    locked: str | None = None
    evidence: list[dict[str, object]] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    history: list[Landed] = field(default_factory=list)

    def call(self, method: str, asked: Mapping[str, Any], *, wait: Callable[[int], None]) -> Answer:
        """Answer one call; raises what a broken connection raises, after it was waited for."""
        if method == "chat.postMessage":
            return self._limiting(method, asked["channel"], self._post(asked, wait))
        channel = asked.get("channel", "")
        self._write("asked", channel, method=method, delivery="", ids=[])
        fault = self._fault(READ_FAULTS, self.mood.reads)
        if fault is not None:
            self.happened[fault.name] += 1
            wait(fault.seconds)
            return self._limiting(method, channel, fault.answer(self.random, {}))
        return 200, {}, {"ok": True, **self._methods[method](self, asked)}

    def _post(self, asked: Mapping[str, Any], wait: Callable[[int], None]) -> Answer:
        payload = asked["metadata"]["event_payload"]
        channel = _conversation(asked["channel"])
        told = {"delivery": payload["delivery_id"], "ids": payload.get("reminder_ids", [])}
        # What may have been posted is repeated whole, and says of each date that has passed so.
        told["doubt"] = "May repeat" in asked["text"]
        told["missed"] = told["doubt"] or "Missed: " in asked["text"]
        self._write("asked", channel, method="chat.postMessage", **told)
        code = self.closed.get(channel) or self.locked
        if code is not None:
            self.happened[f"F9 {code}"] += 1
            self._write("refused", channel, **told, here=channel in self.closed)
            return 200, {}, refusal(code)
        if self.script:
            fault = BY_NAME[self.script.pop(0)]
        else:
            fault = self._fault(self.mood.faults, self.mood.posts)
        if fault is None:
            return 200, {}, self._land(channel, asked, told, late=False)
        self.happened[fault.name] += 1
        body = self._land(channel, asked, told, late=fault.late) if fault.lands else {}
        wait(fault.seconds)
        return fault.answer(self.random, body)

    def _limiting(self, method: str, channel: str, answer: Answer) -> Answer:
        """Write down until when a method is not to be called, if the answer says so."""
        status, headers, _ = answer
        if status == 429:
            seconds = headers.get("Retry-After", "")
            until = self.clock.now().timestamp() + (int(seconds) if seconds.isdecimal() else 0)
            self._write("slow_down", channel, method=method, until=until)
        return answer

    def _land(
        self, channel: str, asked: Mapping[str, Any], told: Mapping[str, object], *, late: bool
    ) -> Body:
        lag = timedelta(seconds=self.mood.lag)
        later = self.random.random() * (LANDS_WITHIN - lag) if late else timedelta(0)
        at = self.clock.now() + later
        ts = f"{at.timestamp() + len(self.evidence) * 1e-6:.6f}"
        body = {"ts": ts, "bot_id": BOT, "metadata": asked["metadata"]}
        self.history.append(Landed(at, at + lag, channel, asked["thread_ts"], ts, body))
        self._write("post", channel, at=at, ts=ts, **told)
        return {"ok": True, "channel": channel, "ts": ts}

    def _show(self, asked: Mapping[str, Any]) -> Body:
        """One page of the history or a thread, newest first, with what others said meanwhile.

        Nobody has said anything in the future, so that what comes now is on the first page.
        """
        now = self.clock.now()
        oldest, latest = float(asked["oldest"]), min(float(asked["latest"]), now.timestamp())
        self.happened["F8 history lags"] += self.mood.lag > 0
        ours = [
            each.body
            for each in self.history
            if (each.channel, each.thread) == (asked["channel"], asked.get("ts"))
            and each.shown_at <= now
            and oldest <= float(each.ts) <= latest
        ]
        span = (latest - oldest) / (self.mood.noise + 1)
        others = [{"ts": f"{oldest + span * n:.6f}"} for n in range(1, self.mood.noise + 1)]
        before = float(asked["cursor"] or "inf")
        every = sorted((*ours, *others), key=lambda each: float(each["ts"]), reverse=True)
        found = [each for each in every if float(each["ts"]) < before]
        size = min(int(asked["limit"]), self.mood.page)
        shown, more = found[:size], len(found) > size
        if more:
            self.happened["F8 another page"] += 1
        cursor = shown[-1]["ts"] if more else ""  # a place in time, as Slack's is
        return {"messages": shown, "response_metadata": {"next_cursor": cursor}}

    def _delete(self, asked: Mapping[str, Any]) -> Body:
        self.history = [each for each in self.history if each.ts != asked["ts"]]
        self._write("delete", asked["channel"], ts=asked["ts"])
        return {}

    def _fault(self, faults: tuple[Fault, ...], of_hundred: int) -> Fault | None:
        if not of_hundred or self.random.randrange(100) >= of_hundred:
            return None
        return self.random.choice(faults)

    def _write(
        self, event: str, channel: str, *, at: datetime | None = None, **facts: object
    ) -> None:
        when = (at or self.clock.now()).timestamp()
        self.evidence.append({"event": event, "at": when, "channel": channel, **facts})

    _methods: Mapping[str, Callable[["SimulatedSlack", Mapping[str, Any]], Body]] = field(
        init=False,
        default_factory=lambda: {
            "auth.test": lambda _slack, _asked: {"bot_id": BOT},
            "chat.delete": SimulatedSlack._delete,
            "chat.update": lambda _slack, _asked: {},
            "conversations.history": SimulatedSlack._show,
            "conversations.replies": SimulatedSlack._show,
            "conversations.open": lambda _slack, asked: {
                "channel": {"id": _conversation(asked["users"])}
            },
        },
    )


class Client:
    """What slack_sdk's WebClient without retries makes of an answer."""

    def __init__(self, call: Callable[[str, Mapping[str, Any]], Answer]) -> None:
        self._call = call

    def over_by(self, _instant: float) -> AbstractContextManager[None]:
        """Who is frozen here has a clock that stands still with it, so that nothing is over."""
        return nullcontext()

    def __getattr__(self, name: str) -> Callable[..., SlackResponse]:
        method = name.replace("_", ".", 1)

        def called(**asked: Any) -> SlackResponse:
            status, headers, body = self._call(method, asked)
            if isinstance(body, str):
                body = refusal(f"Received a response in a non-JSON format: {body}")
            return SlackResponse(
                client=self,
                http_verb="POST",
                api_url=method,
                req_args={},
                data=body,
                headers=headers,
                status_code=status,
            ).validate()

        return called


def _conversation(to: str) -> str:
    return f"D{to[1:]}" if to.startswith("U") else to
