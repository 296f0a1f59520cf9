"""Composing: what a delivery says at the moment it is sent, from the present facts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.billing.by_hand import still_calls
from bot.billing.subscription import SlackUser
from bot.billing.unsubscription import Event, Request, State, Verb
from bot.facts.erased import ERASED
from bot.facts.hiding import without_figures
from bot.facts.messages import (
    BrokenGlass,
    DelegationNote,
    Discreet,
    Fresh,
    Message,
    OperatorWarning,
    Overdue,
    Receipt,
    ReceiptFile,
    ReminderLine,
    ReminderMessage,
    ReminderRest,
    RequestCard,
    RequesterNote,
    RequestLine,
    Said,
    Timing,
    Tour,
)
from bot.facts.receipt import Form
from bot.ports.messenger import Links, Posted
from bot.ports.store import ArmedReminder, Delivery, DeliveryState, Transaction
from bot.services import owing
from bot.services.alarming import OPERATOR_WARNING
from bot.services.announcing import Announcing, carried, told, waiting
from bot.services.attesting import attested
from bot.services.closing import note_stop
from bot.services.delegating import DELEGATION, read_delegation
from bot.services.lateness import bundled_as, is_refused, moved_of
from bot.services.outcomes import release
from bot.services.policy import Policy
from bot.services.relieving import warning
from bot.services.reviewing import Reviewing
from bot.services.standing import why_several
from bot.services.telling import REMINDER_LINE
from bot.services.touring import TOUR, read_tour

REMINDERS = frozenset({owing.REMINDER, owing.REMINDER_REST})

PERSON = ("D", "U", "W")
"""How the ids of people and of conversations with one person begin."""

WAITS_FOR_CARD = timedelta(seconds=20)
"""A note to the requester waits this long for the message that it links to."""


def _no_zone(_: SlackUser) -> None:
    """Where nobody says in which zone a person reads, hours are the cloud's alone."""


class NotYet(Exception):
    """The message depends on another one that is not out yet."""


class Composing:
    """Knows every kind of delivery; figures and words are never stored with one.

    A `discreet` one hides figures from channels; a person who is written to directly sees them.
    With `breakable` requests offer to break the glass; `reviewing` says what stale ones mean now,
    `policy` why one needs several approvals, `zone_of` in which zone a person reads.
    """

    def __init__(
        self,
        *,
        links: Links,
        announcing: Announcing,
        discreet: bool = False,
        breakable: bool = False,
        reviewing: Reviewing | None = None,
        policy: Policy | None = None,
        zone_of: Callable[[SlackUser], ZoneInfo | None] = _no_zone,
    ) -> None:
        self._policy = policy
        self._zone_of = zone_of
        self._breakable = breakable
        self._reviewing = reviewing
        self._links = links
        self._announcing = announcing
        self._discreet = discreet
        self._kinds: Mapping[str, Callable[[Transaction, Delivery, datetime], Said | None]] = {
            owing.REQUEST_CARD: self._card,
            owing.REQUEST_LINE: self._line,
            owing.RECEIPT: self._receipt,
            owing.RECEIPT_FILE: self._receipt_file,
            owing.REQUESTER_NOTE: self._note,
            owing.REMINDER: self._reminder,
            owing.REMINDER_REST: self._rest,
            REMINDER_LINE: self._reminder_line,
            OPERATOR_WARNING: self._warning,
            TOUR: self._tour,
            owing.BROKEN_GLASS: self._broken_glass,
            owing.OVERDUE: self._overdue,
            DELEGATION: self._delegation,
        }

    def compose(self, tx: Transaction, delivery: Delivery, *, now: datetime) -> Message | None:
        """The message as it reads now; None when there is nothing to say any more.

        An update shows the newest state of what it replaces. Raises NotYet when another message
        has to be out first.
        """
        about = delivery
        if delivery.update_of is not None:
            post = tx.outbox.get(delivery.update_of)
            if post is None:
                return None
            about = post
        message = self.said(tx, about, now=now)
        if message is None or not self._discreet or about.destination.startswith(PERSON):
            return message
        hidden = without_figures(message)
        return message if hidden == message else Discreet(message=hidden, delivery_id=about.id)

    def said(self, tx: Transaction, post: Delivery, *, now: datetime) -> Said | None:
        """What a post says with every figure; None when there is nothing to say any more."""
        return self._kinds[post.kind](tx, post, now)

    def dropped(
        self, tx: Transaction, delivery: Delivery, *, now: datetime
    ) -> Iterator[Sequence[tuple[ArmedReminder, str]]]:
        """Members of a reminder that was never sent which no longer hold, each with the reason.

        They may be very many, so they are looked at some at a time, and often none of those is
        dropped.
        """
        for some in waiting(tx, delivery) if _waits(delivery) else ():
            yield self._announcing.objections(tx, some, now=now)

    def overtaken(self, tx: Transaction, delivery: Delivery, *, now: datetime) -> bool:
        """Whether a date has passed unannounced of which it tells, or others that wait there do.

        Only of a reminder that waits and is certainly not posted. One about what was missed is so,
        too, when another such message of another batch waits beside it, or when the hour of some of
        it was moved to later.
        """
        if not _waits(delivery):
            return False
        if bundled_as(delivery) is Timing.MISSED:
            passed = set(self._announcing.passed(tx, delivery, told(tx, delivery), at=now))
            if len(passed) > 1:
                return True
            beside = self._passed(tx, delivery, now)
            mine = (Timing.MISSED, delivery.subject.get("batch"))
            return any((bundled_as(each), each.subject.get("batch")) != mine for each in beside)
        return self._has_passed(tx, delivery, now)

    def release(
        self, tx: Transaction, delivery: Delivery, *, now: datetime, sweep_at: datetime
    ) -> bool:
        """Let go of all that waits there and tells of a date that has passed.

        Its members are bundled anew, those of a date that has passed into one message about what
        was missed. True when the delivery itself is no more. A process that was frozen may still
        post one that was attempted: `sweep_at` it is looked for, and then taken back.
        """
        released = False
        waiting_there = self._passed(tx, delivery, now)
        if any(is_refused(each) for each in waiting_there):
            note_stop(tx, delivery.destination, until=now, at=now)
        for each in waiting_there:
            later = sweep_at if each.attempt else None
            if tx.outbox.withdraw(each.id, at=now, error="its date passed", sweep_at=later):
                release(tx, each)
                released = released or each.id == delivery.id
        return released

    def _passed(self, tx: Transaction, delivery: Delivery, now: datetime) -> Sequence[Delivery]:
        there = (each for each in tx.outbox.waiting(delivery.destination) if _waits(each))
        return [each for each in there if self._has_passed(tx, each, now)]

    def _has_passed(self, tx: Transaction, delivery: Delivery, now: datetime) -> bool:
        return any(self._announcing.passed(tx, delivery, told(tx, delivery), at=now))

    def outcome(self, tx: Transaction, delivery: Delivery, *, at: datetime) -> tuple[Timing, str]:
        """With what timing a reminder speaks that was just posted, and the reason to record."""
        timing, why = self._announcing.timing(tx, delivery, at=at)
        return timing, why or moved_of(delivery)

    def reminder_ids(self, tx: Transaction, delivery: Delivery) -> tuple[str, ...]:
        """The ids that travel with a reminder; none with the message that only counts the rest."""
        if delivery.kind != owing.REMINDER:
            return ()
        return tuple(row.id for row in carried(tx, delivery))

    def _card(self, tx: Transaction, post: Delivery, now: datetime) -> RequestCard | None:
        request = _request(tx, post)
        if request is None:
            return None
        fresh, several = self._fresh(tx, request, now), None
        if request.state is State.WAITING and self._policy is not None:
            several = why_several(tx, request, self._policy)
        return RequestCard(request=request, breakable=self._breakable, fresh=fresh, several=several)

    def _fresh(self, tx: Transaction, request: Request, now: datetime) -> Fresh | None:
        """What a stale one means now; the catalogue has what made it so."""
        if request.state is not State.STALE or self._reviewing is None:
            return None
        return self._reviewing.fresh(tx, request, now=now)

    def _line(self, tx: Transaction, post: Delivery, now: datetime) -> RequestLine | None:
        request, event = _event(tx, post)
        if request is None or event is None:
            return None
        if event.verb is Verb.CALLED and request.state is not State.WAITING:
            return None  # decided meanwhile: nobody is called for nothing
        if event.verb is Verb.REMINDED and not still_calls(request, event):
            return None  # done or seen meanwhile
        newest = event.verb is Verb.STALE and event is request.events[-1]
        fresh = self._fresh(tx, request, now) if newest else None
        return RequestLine(request=request, event=event, fresh=fresh)

    def _broken_glass(self, tx: Transaction, post: Delivery, _: datetime) -> BrokenGlass | None:
        request, event = _event(tx, post)
        if request is None or event is None:
            return None
        card = tx.requests.card(request.number)
        at = Posted(card.channel, card.ts) if card and card.channel and card.ts else None
        return BrokenGlass(request=request, event=event, link=self._links.link(at) if at else None)

    def _overdue(self, tx: Transaction, post: Delivery, _: datetime) -> Overdue | None:
        request, event = _event(tx, post)
        if request is None or event is None or request.state is not State.FAILED:
            return None  # somebody has gone on already
        if request.closed:
            return None  # somebody has given it up
        card = tx.requests.card(request.number)
        at = Posted(card.channel, card.ts) if card and card.channel and card.ts else None
        return Overdue(request=request, event=event, link=self._links.link(at) if at else None)

    def _receipt(self, tx: Transaction, post: Delivery, _: datetime) -> Receipt | None:
        request = _request(tx, post)
        return attested(tx, request) if request else None

    def _receipt_file(self, tx: Transaction, post: Delivery, now: datetime) -> ReceiptFile | None:
        receipt = self._receipt(tx, post, now)
        if receipt is None:
            return None
        form = Form(str(post.subject["file"]))
        return ReceiptFile(receipt=receipt, form=form)

    def _note(self, tx: Transaction, post: Delivery, now: datetime) -> RequesterNote | None:
        request = _request(tx, post)
        if request is None:
            return None
        card = tx.requests.card(request.number)
        at = Posted(card.channel, card.ts) if card and card.channel and card.ts else None
        if at is None and now - post.due_at < WAITS_FOR_CARD:
            raise NotYet
        link = self._links.link(at) if at else None
        about = post.subject.get("event")
        return RequesterNote(
            request=request,
            state=State(str(post.subject["state"])),
            link=link,
            current=owing.is_current(tx, request, about),
            told=next((each for each in request.events if each.number == about), None),
            fresh=self._fresh(tx, request, now),
            zone=self._zone(request),
        )

    def _zone(self, request: Request) -> ZoneInfo | None:
        """That of the requester; what concerns one who was forgotten goes to a channel."""
        who = request.requested_by
        return None if who == ERASED else self._zone_of(who)

    def _reminder(self, tx: Transaction, post: Delivery, now: datetime) -> ReminderMessage | None:
        return self._announcing.message(tx, post, now=now)

    def _rest(self, tx: Transaction, post: Delivery, now: datetime) -> ReminderRest | None:
        return self._announcing.rest(tx, post, now=now)

    def _reminder_line(self, tx: Transaction, post: Delivery, now: datetime) -> ReminderLine | None:
        return self._announcing.line(tx, post, now=now)

    def _warning(self, tx: Transaction, post: Delivery, _: datetime) -> OperatorWarning:
        return warning(tx, post)

    def _delegation(self, tx: Transaction, post: Delivery, _: datetime) -> DelegationNote | None:
        return read_delegation(tx, post)

    def _tour(self, tx: Transaction, _: Delivery, __: datetime) -> Tour | None:
        return read_tour(tx)


def _waits(delivery: Delivery) -> bool:
    """Whether it is a reminder that is certainly not posted."""
    posts = delivery.kind in REMINDERS and delivery.update_of is None
    return posts and delivery.state is DeliveryState.PENDING


def _event(tx: Transaction, post: Delivery) -> tuple[Request | None, Event | None]:
    """The request, and the line of its history that a delivery is about."""
    request, number = _request(tx, post), post.subject.get("event")
    events = request.events if request else ()
    return request, next((each for each in events if each.number == number), None)


def _request(tx: Transaction, post: Delivery) -> Request | None:
    number = post.subject.get("request")
    return tx.requests.get(number) if isinstance(number, int) else None
