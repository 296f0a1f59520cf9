"""One person's turn: acknowledged first, worked on afterwards, always answered."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from re import Pattern
from threading import Event, Lock
from typing import Any, Protocol

from slack_bolt import App, Args, Respond
from slack_sdk import WebClient
from slack_sdk.models.blocks import Option
from slack_sdk.models.views import View

from bot.billing.subscription import SlackUser
from bot.ports.record import coming_from
from bot.services.errors import GuestRefused, NotAllowed, Refused
from bot.services.filing import Click
from handlers import errors, ids, payloads, submissions
from handlers.blocks import pieces
from handlers.blocks.pieces import Content
from handlers.correlation import correlated, new_code

log = logging.getLogger(__name__)

Task = Callable[[], None]
Name = str | Pattern[str]
OPTIONS = 100
"""Slack shows at most this many options."""

LONGEST_HOLD = 0.25
"""Seconds; in a rush that does not end each thread still begins a few tasks a second."""


class Surface(StrEnum):
    """Where a turn came from, which decides how it is answered."""

    COMMAND = "command"
    EPHEMERAL = "ephemeral"
    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"
    EVENT = "event"


class Work(Protocol):
    """Runs what comes after the acknowledgement."""

    def submit(self, task: Task) -> None:
        """Run the task soon; never waits for it."""


class Threads:
    """Work on a few threads of its own, so that no listener of Bolt is ever kept busy."""

    def __init__(self, workers: int = 8, *, longest_hold: float = LONGEST_HOLD) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="lapse-work")
        self._longest_hold = longest_hold
        self._counting = Lock()
        self._holding = 0
        self._free = Event()
        self._free.set()

    def submit(self, task: Task) -> None:
        """Run the task on the next free thread, a moment later while something holds it back."""
        self._pool.submit(self._run, task)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Begin no task inside the block, unless it has waited for `longest_hold` seconds.

        An acknowledgement is due within three seconds and an answer within half an hour, but they
        share one interpreter: in a rush the acknowledgements go first.
        """
        with self._counting:
            self._holding += 1
            self._free.clear()
        try:
            yield
        finally:
            with self._counting:
                self._holding -= 1
                if not self._holding:
                    self._free.set()

    def close(self) -> None:
        """Finish what was begun; what only waits is left out."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, task: Task) -> None:
        self._free.wait(self._longest_hold)
        task()


@dataclass(slots=True)
class Progress:
    """Whether something provisional is on show, which the final word is to replace."""

    shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a person did in Slack. `body` is Slack's own JSON: read it with `payloads` alone.

    `later` runs a listener with this turn after the acknowledgement, which is how the answer to a
    submitted modal goes on working; what goes wrong there is explained in the modal.
    """

    body: Mapping[str, Any]
    user: SlackUser
    channel: str
    trigger_id: str
    surface: Surface
    code: str
    client: WebClient
    respond: Respond
    later: Callable[["Listener"], None]
    refused: Callable[[Refused], None]
    progress: Progress

    def answer(self, message: Content, *, replace: bool = False) -> None:
        """Answer this person alone; `replace` puts it in the place of the private answer pressed.

        From a modal it becomes the next modal, from the Home a first one.
        """
        replaced = replace or self.progress.shown
        if self.surface in {Surface.MODAL, Surface.HOME}:
            self._show_modal(message, replace=replaced)
        elif self.surface is not Surface.EVENT:
            self._respond(message, replace=replaced and self.surface is Surface.EPHEMERAL)

    def working(self, message: Content) -> None:
        """Show at once that something happens; the next answer, also an error, replaces it."""
        self.answer(message, replace=True)
        self.progress.shown = True

    def open(self, view: View) -> None:
        """Open a modal, on top of the one that is open."""
        if self.surface is Surface.MODAL:
            self.client.views_push(trigger_id=self.trigger_id, view=view)
        else:
            self.client.views_open(trigger_id=self.trigger_id, view=view)

    def remove(self) -> None:
        """Take the private answer away whose button was pressed."""
        if self.surface is Surface.EPHEMERAL:
            self.respond(delete_original=True)

    def _respond(self, message: Content, *, replace: bool) -> None:
        answered = self.respond(
            text=message.text,
            blocks=message.blocks,
            response_type="ephemeral",
            replace_original=replace,
            unfurl_links=False,
            unfurl_media=False,
        )
        if answered is not None and answered.status_code != 200:
            self.client.chat_postEphemeral(
                channel=self.channel, user=self.user, text=message.text, blocks=message.blocks
            )

    def _show_modal(self, message: Content, *, replace: bool) -> None:
        view = pieces.modal(message.title, message.blocks, close="Close")
        shown = self.body.get("view", {})
        if self.surface is Surface.HOME:
            self.client.views_open(trigger_id=self.trigger_id, view=view)
        elif replace or shown.get("previous_view_id"):
            self.client.views_update(view_id=shown["id"], view=view)
        else:
            self.client.views_push(trigger_id=self.trigger_id, view=view)


Listener = Callable[[Turn], None]
Submission = Callable[[Turn], Mapping[str, object] | None]
Suggestion = Callable[[Turn], Sequence[Option]]


Refusal = Callable[[Click, Refused], None]


def _leave(_: Turn) -> None:
    """Nothing to keep fresh."""


def _unrecorded(_: Click, __: Refused) -> None:
    """Nobody keeps a record."""


class Turns:
    """Binds listeners to Bolt: acknowledges, drops repetitions, and says what went wrong.

    The one place that catches what a listener raises. `seen` is true the first time an event is
    shown to any replica; `admit` refuses people who may not use Lapse at all, whatever they press,
    send or type; `changed` is told of every turn that may have changed what the person's Home
    shows, `refused` of every click that was refused.
    """

    def __init__(
        self,
        app: App,
        work: Work,
        *,
        seen: Callable[[str], bool],
        admit: Callable[[SlackUser], None],
        changed: Listener = _leave,
        refused: Refusal = _unrecorded,
    ) -> None:
        self._app = app
        self._work = work
        self._seen = seen
        self._admit = admit
        self._changed = changed
        self._refused = refused

    def command(self, name: Name, listener: Listener) -> None:
        """A slash command: acknowledged empty, answered afterwards."""
        self._app.command(name)(self._afterwards(listener, admit=True))

    def action(self, action_id: Name, listener: Listener) -> None:
        """A button, a menu or another element."""

        def listen(turn: Turn) -> None:
            listener(turn)
            if action_id in ids.CHANGING:
                self._quietly(turn)

        self._app.block_action(action_id)(self._afterwards(listen, admit=True))

    def event(self, name: str, listener: Listener, *, otherwise: Listener | None = None) -> None:
        """Something that Slack tells; `otherwise` is shown when the listener cannot answer."""
        self._app.event(name)(self._afterwards(listener, admit=False, otherwise=otherwise))

    def closed(self, callback_id: str, listener: Listener) -> None:
        """A modal that was closed without being sent."""
        self._app.view_closed(callback_id)(self._afterwards(listener, admit=False))

    def view(self, callback_id: str, submission: Submission) -> None:
        """A modal that was sent: the answer travels in the acknowledgement, so it must be quick."""

        def listen(args: Args) -> None:
            args.ack(**self._answered(self._turn(args), submission))

        self._app.view_submission(callback_id)(listen)

    def options(self, action_id: str, suggestion: Suggestion) -> None:
        """What a menu offers while a person types; nothing when it cannot be read."""

        def listen(args: Args) -> None:
            args.ack(options=self._suggested(self._turn(args), suggestion))

        self._app.block_suggestion(action_id)(listen)

    def _afterwards(
        self, listener: Listener, *, admit: bool, otherwise: Listener | None = None
    ) -> Callable[..., None]:
        def listen(args: Args) -> None:
            args.ack()
            run = partial(self._first, self._turn(args), listener, admit=admit, otherwise=otherwise)
            self._work.submit(run)

        return listen

    def _turn(self, args: Args) -> Turn:
        turn = Turn(
            body=args.body,
            user=SlackUser(args.context.user_id or ""),
            channel=args.context.channel_id or "",
            trigger_id=args.body.get("trigger_id", ""),
            surface=surface(args.body),
            code=new_code(),
            client=self._app.client,  # Bolt's copy for a turn keeps no time
            respond=args.respond,
            later=lambda listener: self._later(turn, listener),
            refused=lambda refusal: self._record(turn, refusal),
            progress=Progress(),
        )
        return turn

    def _first(
        self, turn: Turn, listener: Listener, *, admit: bool, otherwise: Listener | None
    ) -> None:
        def admitted(turn: Turn) -> None:
            if self._is_first(turn):
                if admit:
                    self._admit(turn.user)
                listener(turn)

        self._run(turn, admitted, otherwise=otherwise)

    def _later(self, turn: Turn, listener: Listener) -> None:
        turn.progress.shown = turn.progress.shown or turn.surface is Surface.MODAL

        def run() -> None:
            self._run(turn, listener)
            self._quietly(turn)

        self._work.submit(run)

    def _run(self, turn: Turn, listener: Listener, *, otherwise: Listener | None = None) -> None:
        with correlated(turn.code), coming_from(payloads.origin(turn.body, turn.channel)):
            try:
                listener(turn)
            except Exception as error:  # noqa: BLE001 - the person hears of it, the log too
                note(error, turn)
                self._explain(turn, error, otherwise)

    def _answered(self, turn: Turn, submission: Submission) -> Mapping[str, Any]:
        with correlated(turn.code), coming_from(payloads.origin(turn.body, turn.channel)):
            try:
                answer = None
                if self._is_first(turn):
                    self._admit(turn.user)
                    answer = submission(turn)
                self._work.submit(partial(self._quietly, turn))
            except Exception as error:  # noqa: BLE001 - as above
                note(error, turn)
                answer = errors.submission_answer(error, code=turn.code)
        return answer or {}

    def _suggested(self, turn: Turn, suggestion: Suggestion) -> Sequence[Option]:
        with correlated(turn.code):
            try:
                self._admit(turn.user)
                return list(suggestion(turn))[:OPTIONS]
            except Exception as error:  # noqa: BLE001 - an empty menu is the answer
                note(error, turn)
                return []

    def _quietly(self, turn: Turn) -> None:
        """What is only kept fresh never disturbs what was asked for."""
        with correlated(turn.code):
            try:
                self._changed(turn)
            except Exception:
                log.exception("home.not_refreshed", extra={"code": turn.code})

    def _record(self, turn: Turn, refusal: Refused) -> None:
        """Of commands only who had no right to them: a misspelled word is no click."""
        if turn.surface is not Surface.COMMAND or isinstance(refusal, NotAllowed | GuestRefused):
            click = Click(
                by=turn.user,
                button=payloads.button(turn.body),
                about=submissions.about(turn.body),
                code=turn.code,
            )
            self._refused(click, refusal)

    def _is_first(self, turn: Turn) -> bool:
        event = turn.body.get("event_id") or turn.trigger_id
        if not event or self._seen(event):
            return True
        log.info("turn.repeated", extra={"event": event})
        return False

    def _explain(self, turn: Turn, error: Exception, otherwise: Listener | None) -> None:
        try:
            if otherwise is not None:
                otherwise(turn)
            else:
                turn.answer(errors.rendered(error, code=turn.code))
        except Exception:
            log.exception("turn.unanswered", extra={"code": turn.code})


def note(error: Exception, turn: Turn) -> None:
    """Log an expected refusal as a fact, a surprise with its trace; never the payload.

    The record has the refusals too.
    """
    fields = {"code": turn.code, "user": turn.user, "surface": turn.surface.value}
    if isinstance(error, Refused):
        log.info("turn.refused", extra=fields | {"refusal": type(error).__name__})
        turn.refused(error)
    else:
        log.error("turn.failed", extra=fields, exc_info=error)


def surface(body: Mapping[str, Any]) -> Surface:
    """Where a payload of Slack's comes from."""
    if "command" in body:
        return Surface.COMMAND
    if "event" in body:
        return Surface.EVENT
    if view := body.get("view"):
        return Surface.HOME if view.get("type") == "home" else Surface.MODAL
    ephemeral = body.get("container", {}).get("is_ephemeral")
    return Surface.EPHEMERAL if ephemeral else Surface.MESSAGE
