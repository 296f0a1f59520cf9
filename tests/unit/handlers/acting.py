"""The acting conversations on the stage: use cases by hand that remember what they were asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from slack_bolt import App

from bot.billing.rights import Action
from bot.billing.subscription import SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import Request
from bot.facts.messages import ReminderMessage
from bot.facts.reminding import RestPage, SnoozeOptions
from bot.facts.unsubscribing import Draft, NewFigures, Submission
from bot.services.errors import GuestRefused, Refused
from bot.services.filing import Click
from handlers.reminders import Reminders
from handlers.requests import Requests
from handlers.subscriptions import Subscriptions
from handlers.tour import Tours
from handlers.turns import Turns
from handlers.unsubscribe import Unsubscribe
from tests.unit.handlers import samples
from tests.unit.handlers.fakes import FakeAttesting, Fakes, FakeSwitching
from tests.unit.handlers.stage import Inline, RecordingClient, Stage, staged

VIEW = {"id": "V0OPENED", "hash": "1.first"}


@dataclass
class ActingUnsubscribing:
    """Answers with the sample's draft and request, or raises what a test put there."""

    draft_: Draft = field(default_factory=samples.draft)
    request: Request = field(default_factory=samples.waiting)
    figures: NewFigures | None = None
    fails: Exception | None = None
    drafting_fails: Exception | None = None
    link_: str | None = "https://example.slack.com/archives/C0APPROVALS/p1"
    drafts: list[dict[str, Any]] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    acts: list[tuple[str, int, SlackUser, str]] = field(default_factory=list)

    def draft(self, refs: Sequence[str], **wish: Any) -> Draft:
        self.drafts.append({"refs": tuple(refs), **wish})
        if self.drafting_fails:
            raise self.drafting_fails
        return replace(self.draft_, refs=tuple(refs))

    def submit(self, submission: Submission) -> Request:
        self.submissions.append(submission)
        if self.fails:
            raise self.fails
        return self.request

    def was_sent(self, form: str) -> bool:
        return any(submission.form == form for submission in self.submissions)

    def get(self, number: int) -> Request:
        return replace(self.request, number=number)

    def link(self, number: int) -> str | None:
        return self.link_

    def approve(self, number: int, *, by: SlackUser, shown: int) -> Request:
        return self._act("approve", number, by, shown)

    def reject(self, number: int, *, by: SlackUser, why: str) -> Request:
        return self._act("reject", number, by, why)

    def breakable(self, number: int, *, by: SlackUser) -> Request:
        return self._act("breakable", number, by)

    def break_glass(self, number: int, *, by: SlackUser, why: str, shown: int) -> Request:
        return self._act("break_glass", number, by, why, shown)

    def withdraw(self, number: int, *, by: SlackUser) -> Request:
        return self._act("withdraw", number, by)

    def stop(self, number: int, *, by: SlackUser) -> Request:
        return self._act("stop", number, by)

    def retry(self, number: int, *, by: SlackUser) -> Request:
        return self._act("retry", number, by)

    def by_hand(self, number: int, *, by: SlackUser, why: str, evidence: str = "") -> Request:
        return self._act("by_hand", number, by, f"{why}/{evidence}")

    def leave(self, number: int, *, by: SlackUser, why: str, shown: int) -> Request:
        return self._act("leave", number, by, f"{why}#{shown}")

    def review(self, number: int, *, by: SlackUser) -> NewFigures:
        self._act("review", number, by)
        assert self.figures is not None
        return self.figures

    def acknowledge_again(self, number: int, submission: Submission) -> Request:
        self.submissions.append(submission)
        return self._act("acknowledge", number, submission.by)

    def _act(
        self, verb: str, number: int, by: SlackUser, said: object = "", *shown: int
    ) -> Request:
        self.acts.append((verb, number, by, said, *shown))
        if self.fails:
            raise self.fails
        return self.request


@dataclass
class ActingReminding:
    """Remembers what was kept and snoozed; the message is the sample's."""

    message_: ReminderMessage = field(default_factory=samples.reminder)
    options: SnoozeOptions | None = None
    rest_: RestPage | None = None
    fails: Exception | None = None
    acts: list[tuple[Any, ...]] = field(default_factory=list)

    def message(self, delivery: str) -> ReminderMessage:
        return self.message_

    def rest(self, batch: str, *, page: int = 1) -> RestPage:
        self.acts.append(("rest", batch, page))
        assert self.rest_ is not None
        return self.rest_

    def keep(self, delivery: str, keys: Any, *, by: SlackUser) -> ReminderMessage:
        return self._act("keep", delivery, tuple(keys), by)

    def undo_keep(self, delivery: str, keys: Any, *, by: SlackUser) -> ReminderMessage:
        return self._act("undo_keep", delivery, tuple(keys), by)

    def snooze(self, delivery: str, keys: Any, *, until: Any, by: SlackUser) -> ReminderMessage:
        return self._act("snooze", delivery, tuple(keys), by, until)

    def snooze_options(self, delivery: str, keys: Sequence[SubscriptionKey]) -> SnoozeOptions:
        assert self.options is not None
        return self.options

    def _act(self, *what: Any) -> ReminderMessage:
        self.acts.append(what)
        if self.fails:
            raise self.fails
        return self.message_


@dataclass
class ActingRenewing:
    """Remembers what was turned off, from which reminder."""

    fails: Exception | None = None
    turned: list[tuple[tuple[SubscriptionKey, ...], SlackUser, str | None]] = field(
        default_factory=list
    )

    def check(
        self, keys: Sequence[SubscriptionKey], *, by: SlackUser, reminder: str | None = None
    ) -> None:
        if self.fails:
            raise self.fails

    def turn_off(
        self, keys: Sequence[SubscriptionKey], *, by: SlackUser, reminder: str | None = None
    ) -> None:
        self.turned.append((tuple(keys), by, reminder))
        if self.fails:
            raise self.fails


@dataclass
class ActingPeople:
    """Lets everybody do everything unless a test says otherwise."""

    fails: Exception | None = None
    guests: frozenset[str] = frozenset()
    demanded: list[tuple[SlackUser, Action, Subscription | None]] = field(default_factory=list)

    def demand(
        self,
        user: SlackUser,
        action: Action,
        *,
        subscription: Subscription | None = None,
        requester: SlackUser | None = None,
    ) -> None:
        self.demanded.append((user, action, subscription))
        if user in self.guests:
            raise GuestRefused
        if self.fails and action is not Action.LOOK:
            raise self.fails

    def zone(self, user: SlackUser) -> Any:
        return samples.SHANGHAI


@dataclass
class ActingTouring:
    """Remembers that the tour was skipped."""

    skipped: int = 0

    def skip(self) -> None:
        self.skipped += 1

    def saw(self) -> None:
        """Looking is not tried here."""


@dataclass
class Cast:
    """The use cases of the acting conversations, and the stage they are tried on."""

    unsubscribing: ActingUnsubscribing
    reminding: ActingReminding
    renewing: ActingRenewing
    switching: FakeSwitching
    people: ActingPeople
    touring: ActingTouring
    client: RecordingClient
    stage: Stage
    clicks: list[tuple[Click, Refused]]

    def views(self, method: str) -> list[dict[str, Any]]:
        """The views that were opened, pushed or updated, as they went to Slack."""
        return [sent["view"] for sent in self.client.of(method)]


def cast(monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Everything bound to a Bolt app whose client reaches nobody."""
    client = RecordingClient()
    for method in ("views.open", "views.push", "views.update"):
        client.answers[method] = {"view": VIEW}
    unsubscribing = ActingUnsubscribing()
    parts = {
        "unsubscribing": unsubscribing,
        "reminding": ActingReminding(),
        "renewing": ActingRenewing(),
        "switching": FakeSwitching(),
        "people": ActingPeople(),
        "touring": ActingTouring(),
    }
    attesting: Any = FakeAttesting(unsubscribing)
    fakes = Fakes()
    bundle: Any = replace(fakes.services(), **parts, attesting=attesting)  # type: ignore[arg-type]

    def bind(app: App) -> None:
        turns = Turns(
            app,
            Inline(),
            seen=lambda _: True,
            admit=lambda user: bundle.people.demand(user, Action.LOOK),
            refused=bundle.refused,
        )
        looking, asking = Subscriptions(bundle), Unsubscribe(bundle)
        looking.also(asking.commands)
        for each in (looking, asking, Requests(bundle), Reminders(bundle), Tours(bundle)):
            each.register(turns)

    stage = staged(monkeypatch, bind, client)
    return Cast(**parts, client=client, stage=stage, clicks=fakes.clicks)  # type: ignore[arg-type]
