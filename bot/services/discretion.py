"""Discretion: figures for those who may see them, where the settings hide them from others."""

from collections.abc import Sequence

from bot.billing.subscription import SlackUser, Subscription
from bot.billing.unsubscription import Request
from bot.facts.hiding import Facts, seen, without_figures
from bot.facts.messages import (
    BrokenGlass,
    Overdue,
    Receipt,
    ReceiptFile,
    ReminderLine,
    ReminderMessage,
    ReminderRest,
    RequestCard,
    RequestLine,
    Said,
)
from bot.ports.clock import Clock
from bot.ports.store import Delivery, Store, Transaction
from bot.services.announcing import Announcing
from bot.services.composing import Composing
from bot.services.errors import NotAllowed, Refused
from bot.services.people import People
from bot.services.saving import Sees

_ABOUT_REQUESTS = (RequestCard, RequestLine, Receipt, ReceiptFile, BrokenGlass, Overdue)


class Discretion:
    """Approvers and admins see every figure, requesters their requests', owners their own."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        people: People,
        announcing: Announcing,
        composing: Composing,
    ) -> None:
        self._store = store
        self._clock = clock
        self._people = people
        self._announcing = announcing
        self._composing = composing

    def figures(self, delivery: str, *, by: SlackUser) -> Said:
        """A message with its figures, as it reads now.

        Owner and deputy see them when all of its subscriptions are theirs. Raises NotAllowed, or
        Refused for a message that says nothing any more.
        """
        now = self._clock.now()
        with self._store.reading() as tx:
            post = tx.outbox.get(delivery)
            message = self._composing.said(tx, post, now=now) if post else None
            if post is None or message is None:
                raise Refused("This message says nothing any more.", "Nothing to do.")
            request = message.request if isinstance(message, _ABOUT_REQUESTS) else None
            about = self._subscriptions(tx, post, message)
        self._demand(by, about, requester=request.requested_by if request else None)
        return message

    def seen_by(self, reader: SlackUser, facts: Facts) -> Facts:
        """A private answer with the amounts that the reader may see; sums leave out the others."""
        if self._people.everybody_sees:
            return facts
        actor = self._people.actor(reader)
        return seen(facts, lambda about: self._people.sees(actor, about))

    def eyes_of(self, reader: SlackUser) -> Sees:
        """Which amounts a reader sees, asked of one thing after the other."""
        if self._people.everybody_sees:
            return lambda _about, _requester: True
        actor = self._people.actor(reader)
        return lambda about, requester: self._people.sees(actor, about, requester=requester)

    def request(self, reader: SlackUser, request: Request) -> Request:
        """A request as the reader may see it."""
        if self._people.everybody_sees:
            return request
        with self._store.reading() as tx:
            about = _asked_for(tx, request)
        actor = self._people.actor(reader)
        shown = self._people.sees(actor, about, requester=request.requested_by)
        return request if shown else without_figures(request)

    def _demand(
        self, by: SlackUser, about: Sequence[Subscription], *, requester: SlackUser | None
    ) -> None:
        if self._people.sees(self._people.actor(by), about, requester=requester):
            return
        asked = (requester,) if requester else ()
        raise NotAllowed.caring(list(dict.fromkeys((*asked, *_owners_of_all(about)))))

    def _subscriptions(
        self, tx: Transaction, post: Delivery, message: Said
    ) -> Sequence[Subscription]:
        if isinstance(message, ReminderMessage):
            return [item.subscription for item in message.items]
        if isinstance(message, ReminderLine):
            return [message.item.subscription]
        if isinstance(message, ReminderRest):
            return self._announcing.rest_owned(tx, post)
        return _asked_for(tx, message.request) if isinstance(message, _ABOUT_REQUESTS) else ()


def _asked_for(tx: Transaction, request: Request) -> Sequence[Subscription]:
    """What a request is about; one that the catalogue does not know belongs to nobody."""
    return [tx.catalogue.get(item.key) or Subscription(key=item.key) for item in request.items]


def _owners_of_all(about: Sequence[Subscription]) -> Sequence[SlackUser]:
    first = about[0] if about else None
    both = (first.owner, first.deputy) if first else ()
    return [user for user in both if user and all(user in (s.owner, s.deputy) for s in about)]
