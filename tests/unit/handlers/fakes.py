"""Use cases by hand: they answer what a test put there and remember what they were asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from bot.billing.change import Change
from bot.billing.delegation import Delegation
from bot.billing.reminder import Schedule
from bot.billing.rights import Action
from bot.billing.subscription import SlackChannel, SlackUser, Subscription, SubscriptionKey
from bot.billing.unsubscription import Request
from bot.facts.delegating import DelegationList, DelegationWish
from bot.facts.homing import HomeFacts
from bot.facts.listing import HistoryLine, ListPage, NearestFilter, Shown, Upcoming
from bot.facts.messages import Receipt
from bot.facts.receipt import RecordHead
from bot.facts.reminding import ReminderPage
from bot.facts.renewing import Renewals, TurnedOff
from bot.facts.saving import Savings, SavingsQuery, SavingsRow
from bot.facts.status import StatusFacts
from bot.facts.switching import NewCharges, SwitchDraft, SwitchWish
from bot.ports.store import ListQuery
from bot.services.errors import (
    GuestRefused,
    NotAllowed,
    Refused,
    UnknownRequest,
    UnknownSubscription,
)
from bot.services.filing import Click
from bot.services.policy import Policy, Route
from bot.services.saving import Sees
from handlers.services import Services
from tests.factories import NOW, OWNER
from tests.unit.handlers.catalogue import recalled, sample_page, shown, upcoming

SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICY = Policy(
    approvals_channel=SlackChannel("C0APPROVALS"),
    reminders_channel=SlackChannel("C0FINOPS"),
    schedule=Schedule(lead_days=(30, 14, 7, 3, 1), at=time(9), zone=SHANGHAI),
    routes=(Route(channel=SlackChannel("C0SECURITY"), service="SecMaster", lead_days=(7, 1)),),
)


@dataclass
class FakeListing:
    page_: ListPage = field(default_factory=sample_page)
    nearest_: NearestFilter | None = None
    shown_: dict[str, Shown] = field(default_factory=lambda: {"sm-quota": shown()})
    upcoming_: Upcoming = field(default_factory=upcoming)
    history_: Sequence[HistoryLine] = ()
    queries: list[ListQuery] = field(default_factory=list)
    spans: list[int] = field(default_factory=list)
    fails: Exception | None = None

    def page(self, query: ListQuery) -> ListPage:
        if self.fails:
            raise self.fails
        self.queries.append(query)
        return replace(self.page_, page=query.page)

    def nearest(self, query: ListQuery) -> NearestFilter | None:
        return self.nearest_

    def show(self, ref: str) -> Shown:
        found = self.shown_.get(ref.rpartition("/")[2])
        if found is None:
            raise UnknownSubscription(ref, near=[each.subscription for each in self._all()])
        return found

    def history(self, ref: str) -> Sequence[HistoryLine]:
        return self.history_

    def upcoming(self, days: int) -> Upcoming:
        self.spans.append(days)
        return replace(self.upcoming_, span=days)

    def suggestions(self, text: str) -> Sequence[Subscription]:
        return [each.subscription for each in self._all()]

    def _all(self) -> Sequence[Shown]:
        return list(self.shown_.values())


HEAD = RecordHead(entries=1204, digest="3f9a" * 16)


@dataclass
class FakeAttesting:
    """Every request that the other fake has is finished."""

    unsubscribing: Any

    def receipt(self, number: int) -> Receipt:
        return Receipt(request=self.unsubscribing.get(number), head=HEAD)


@dataclass
class FakeUnsubscribing:
    mine_: Sequence[Request] = ()
    waiting_: Sequence[Request] = ()
    links: Mapping[int, str] = field(default_factory=dict)

    def mine(self, user: SlackUser) -> Sequence[Request]:
        return self.mine_

    def waiting_for(self, user: SlackUser) -> Sequence[Request]:
        return self.waiting_

    def get(self, number: int) -> Request:
        for each in (*self.mine_, *self.waiting_):
            if each.number == number:
                return each
        raise UnknownRequest(number)

    def link(self, number: int) -> str | None:
        return self.links.get(number)


@dataclass
class FakeVouching:
    """What people say about a checklist, as it was said."""

    request: Request | None = None
    refusal: Refused | None = None
    said: list[tuple[Any, ...]] = field(default_factory=list)

    def open(self, number: int, *, by: SlackUser) -> Request:
        return self._say("open", number, by)

    def demand(self, number: int, action: Action, *, by: SlackUser) -> Request:
        return self._say("demand", number, action, by)

    def done(
        self,
        number: int,
        *,
        by: SlackUser,
        items: Collection[int],
        evidence: str,
        file: str,
        note: str,
        shown: int,
    ) -> Request:
        return self._say("done", number, by, tuple(items), evidence or file, note, shown)

    def gone(self, number: int, *, by: SlackUser, shown: int) -> Request:
        return self._say("gone", number, by, shown)

    def still_there(
        self, number: int, *, by: SlackUser, items: Collection[int], why: str, shown: int
    ) -> Request:
        return self._say("still there", number, by, tuple(items), why, shown)

    def _say(self, *what: Any) -> Request:
        if self.refusal is not None:
            raise self.refusal
        self.said.append(what)
        assert self.request is not None
        return self.request


@dataclass
class FakeRenewing:
    settings: Renewals | None = None
    result: TurnedOff | None = None
    fails: Exception | None = None
    turned: list[tuple[tuple[SubscriptionKey, ...], SlackUser]] = field(default_factory=list)

    def settings_for(self, ref: str) -> Renewals:
        if self.settings is None:
            raise UnknownSubscription(ref)
        return self.settings

    def demand_some(self, settings: Renewals, *, by: SlackUser) -> None:
        if isinstance(self.fails, NotAllowed):
            raise self.fails

    def turn_off(self, keys: Sequence[SubscriptionKey], *, by: SlackUser) -> TurnedOff:
        if self.fails:
            raise self.fails
        self.turned.append((tuple(keys), by))
        assert self.result is not None
        return self.result


@dataclass
class FakeSwitching:
    """Off needs a request where `off_by_request`; the draft and the request are the test's."""

    off_by_request: bool = False
    draft_: SwitchDraft | None = None
    request: Request | None = None
    new: NewCharges | None = None
    fails: Exception | None = None
    drafts: list[tuple[tuple[str, ...], Change, SlackUser]] = field(default_factory=list)
    wishes: list[SwitchWish] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)

    def needs_request(self, change: Change) -> bool:
        return change is Change.RENEWAL_ON or self.off_by_request

    def draft(self, refs: Sequence[str], change: Change, *, by: SlackUser) -> SwitchDraft:
        self.drafts.append((tuple(refs), change, by))
        if self.draft_ is None:
            raise UnknownSubscription(refs[0])
        return self.draft_

    def ask(self, wish: SwitchWish) -> Request:
        self.wishes.append(wish)
        if self.fails:
            raise self.fails
        assert self.request is not None
        return self.request

    def review(self, number: int, *, by: SlackUser) -> NewCharges:
        assert self.new is not None
        return self.new

    def acknowledge_again(self, number: int, wish: SwitchWish) -> Request:
        self.acknowledged.append(number)
        return self.ask(wish)


@dataclass
class FakeReminding:
    page_: ReminderPage = field(default_factory=recalled)
    asked: list[tuple[str | None, int]] = field(default_factory=list)

    def recalled(self, destination: str | None = None, *, page: int = 1) -> ReminderPage:
        self.asked.append((destination, page))
        return replace(self.page_, destination=destination, page=page)


@dataclass
class FakePeople:
    guests: frozenset[str] = frozenset()
    zones: Mapping[str, ZoneInfo] = field(default_factory=dict)

    def demand(self, user: SlackUser, action: Action, **_: Any) -> None:
        if user in self.guests:
            raise GuestRefused

    def zone(self, user: SlackUser) -> ZoneInfo:
        return self.zones.get(user, SHANGHAI)


@dataclass
class FakeHoming:
    facts: HomeFacts | None = None

    def home(self, user: SlackUser) -> HomeFacts:
        if self.facts is None:
            raise RuntimeError("the database does not answer")
        return replace(self.facts, user=user)


@dataclass
class FakeStatus:
    facts: StatusFacts | None = None

    def status(self) -> StatusFacts:
        assert self.facts is not None
        return self.facts


@dataclass
class FakeDelegating:
    """Deciding for somebody else, with what a test gives."""

    found: DelegationList = field(
        default_factory=lambda: DelegationList(lent=(), over=(), may_delegate=True, zone=SHANGHAI)
    )
    wishes: list[DelegationWish] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    approvers: set[SlackUser] = field(default_factory=set)
    refusal: Refused | None = None

    def listed(self, *, by: SlackUser) -> DelegationList:
        return self.found

    def demand(self, by: SlackUser) -> None:
        if self.refusal is not None:
            raise self.refusal

    def delegate(self, wish: DelegationWish) -> Delegation:
        self.demand(wish.by)
        self.wishes.append(wish)
        return self.found.lent[0].delegation

    def decides_already(self, user: SlackUser) -> bool:
        return user in self.approvers

    def end(self, id: str, *, by: SlackUser) -> None:  # noqa: A002 - the port's word
        self.demand(by)
        self.ended.append(id)


class OpenDiscretion:
    """Everybody sees every figure, as by default."""

    def seen_by(self, reader: SlackUser, facts: Any) -> Any:
        return facts

    def request(self, reader: SlackUser, request: Request) -> Request:
        return request

    def eyes_of(self, reader: SlackUser) -> Sees:
        return lambda _about, _requester: reader == OWNER


@dataclass
class FakeSaving:
    """Nothing was saved, unless a test says what was."""

    queries: list[SavingsQuery] = field(default_factory=list)
    rows: tuple[SavingsRow, ...] = ()
    seen_by: list[bool] = field(default_factory=list)

    def savings(self, query: SavingsQuery, *, sees: Sees) -> Savings:
        self.queries.append(query)
        self.seen_by.append(sees((), None))
        return Savings(query=query, zone=SHANGHAI, rows=self.rows)


@dataclass
class FakeTouring:
    saws: int = 0

    def saw(self) -> None:
        self.saws += 1


@dataclass(frozen=True)
class FixedClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Fakes:
    """The whole bundle; a repetition is what was seen before."""

    listing: FakeListing = field(default_factory=FakeListing)
    unsubscribing: FakeUnsubscribing = field(default_factory=FakeUnsubscribing)
    vouching: FakeVouching = field(default_factory=FakeVouching)
    delegating: FakeDelegating = field(default_factory=FakeDelegating)
    renewing: FakeRenewing = field(default_factory=FakeRenewing)
    switching: FakeSwitching = field(default_factory=FakeSwitching)
    homing: FakeHoming = field(default_factory=FakeHoming)
    status: FakeStatus = field(default_factory=FakeStatus)
    people: FakePeople = field(default_factory=FakePeople)
    reminding: FakeReminding = field(default_factory=FakeReminding)
    saving: FakeSaving = field(default_factory=FakeSaving)
    touring: FakeTouring = field(default_factory=FakeTouring)
    events: set[str] = field(default_factory=set)
    clicks: list[tuple[Click, Refused]] = field(default_factory=list)

    def refused(self, click: Click, refusal: Refused) -> None:
        self.clicks.append((click, refusal))

    def seen(self, event: str) -> bool:
        first = event not in self.events
        self.events.add(event)
        return first

    def services(self) -> Services:
        parts: dict[str, Any] = {
            "listing": self.listing,
            "unsubscribing": self.unsubscribing,
            "vouching": self.vouching,
            "delegating": self.delegating,
            "attesting": FakeAttesting(self.unsubscribing),
            "renewing": self.renewing,
            "switching": self.switching,
            "homing": self.homing,
            "status": self.status,
            "people": self.people,
            "touring": self.touring,
            "reminding": self.reminding,
            "discretion": OpenDiscretion(),
            "saving": self.saving,
            "policy": POLICY,
            "clock": FixedClock(),
            "seen": self.seen,
            "refused": self.refused,
        }
        return Services(**parts)


class Unlisted(Refused):
    """A refusal of its own, for tests of how refusals are told."""
