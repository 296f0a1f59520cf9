"""Ascertaining: what the cloud shows of what people carry out. It is only ever read.

It is read patiently: a second person alone is believed only where no cloud says anything.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from bot.billing import by_hand, stepping
from bot.billing.bookkeeping import unsubscribed
from bot.billing.quote import Scope
from bot.billing.standstill import Hindrance
from bot.billing.subscription import Subscription
from bot.billing.unsubscription import Item, Request, State
from bot.ports.provider import Provider, ProviderError, ProviderUnavailable, Refund
from bot.ports.store import ChangedMeanwhile, StoreAway
from bot.services.calling import LATER
from bot.services.effects import is_gone
from bot.services.figures import keys_of
from bot.services.merging import of_known, taken_over
from bot.services.phrases import counted, instant, listed
from bot.services.progress import Progress
from bot.services.standing import Standing

READS_WITHIN = timedelta(hours=6)
"""For how long a cloud that does not answer is read again before a second person is believed."""

READS_EVERY = timedelta(minutes=30)
"""How far apart readings become."""

SEEN, READ = "seen by a second person", "seen by a second person, and not on the cloud's list"
NO_CLOUD = "seen by a second person; Lapse does not read this account"
NOT_READ = f"the cloud could not be read for {READS_WITHIN // timedelta(hours=1)} hours"
READ_NO_MORE = "Lapse does not read this account any more"

log = logging.getLogger(__name__)

Fresh = Mapping[str, Subscription]


@runtime_checkable
class Bookkeeper(Protocol):
    """A provider whose book Lapse keeps, and which no cloud tells what happened elsewhere."""

    def enter(self, subscription: Subscription) -> None:
        """Write what happened without Lapse."""


class Ascertaining:
    """Reads the cloud about claimed requests that are carried out by hand, and ends them."""

    def __init__(self, progress: Progress, standing: Standing) -> None:
        self._progress = progress
        self._standing = standing

    def known(self, request: Request) -> dict[str, Subscription]:
        """What the catalogue says of its items."""
        with self._progress.store.reading() as tx:
            held = [tx.catalogue.get(key) for key in keys_of(request)]
        return {each.key.id: each for each in held if each is not None}

    def read(self, request: Request, provider: Provider | None) -> Fresh | None:
        """Its items at the cloud; None for contracts, and where no cloud is read.

        Raises ProviderError while the cloud does not say.
        """
        if request.is_contract or provider is None:
            return None
        with understood(request):
            return provider.read([key.id for key in keys_of(request)])

    def reads_later(
        self, request: Request, error: ProviderError, *, since: datetime, within: timedelta
    ) -> bool:
        """Whether the cloud is read once more, a while later; not for longer than `within`."""
        log.warning("cloud.away", extra={"request": request.number, "code": error.code})
        now = self._now()
        if now >= since + within:
            return False
        later = now + max(LATER, min((now - since) / 4, READS_EVERY))
        self._progress.again(request, at=min(later, since + within))
        return True

    def close(self, request: Request, provider: Provider | None, *, since: datetime) -> None:
        """Seen gone since then: it ends, or is to be done again where the cloud lists it still."""
        try:
            fresh = self.read(request, provider)
        except ProviderError as error:
            if not self.reads_later(request, error, since=since, within=READS_WITHIN):
                unread = by_hand.not_read(request, at=self._now(), note=NOT_READ)
                self._end(request, unread, provider, note=SEEN)
            return
        if fresh is None:
            note = SEEN if request.is_contract else NO_CLOUD
            self._end(request, request, provider, note=note)
            return
        now = self._now()
        if still := _still_listed(request, fresh, now=now):
            why = f"{_are(request, still)} still at the cloud."
            against = self._standing.against(request)
            opened = by_hand.listed_still(
                request, numbers=still, at=now, why=why, stands=against is None
            )
            self._progress.save(request, sent_back(opened, at=now, against=against), again=None)
            return
        self._end(request, self._read_back(request, provider), provider, note=READ)

    def look_again(self, request: Request, provider: Provider | None, *, since: datetime) -> None:
        """The second look, due since then: nobody else would notice that it is listed."""
        try:
            fresh = self.read(request, provider)
        except ProviderError as error:
            if not self.reads_later(request, error, since=since, within=READS_WITHIN):
                unread = stepping.not_looked(request, at=self._now(), note=NOT_READ)
                self._progress.save(request, unread, again=None)
            return
        now = self._now()
        if fresh is None:
            unread = stepping.not_looked(request, at=now, note=READ_NO_MORE)
            self._progress.save(request, unread, again=None)
        elif back := _still_listed(request, fresh, now=now):
            unseen = any(item.auto_renew_off is None for item in request.items)
            where = "still at the cloud" if unseen else "at the cloud again"
            moved = stepping.came_back(request, at=now, problem=f"{_are(request, back)} {where}.")
            self._progress.save(request, moved, again=None, told=taken_over(fresh.values()))
        else:
            read = self._read_back(request, provider)
            orders = counted(sum(i.refund_order is not None for i in read.items), "refund order")
            note = f"all gone, {orders} of {len(read.items)} found"
            self._progress.save(request, stepping.looked_again(read, at=now, note=note), again=None)

    def _end(
        self, before: Request, request: Request, provider: Provider | None, *, note: str
    ) -> None:
        """It is gone: the book says so first, as that may be repeated, then the catalogue."""
        if request.is_contract:
            _enter(provider, [unsubscribed(each) for each in self.known(request).values()])
        done = by_hand.seen_gone(request, at=self._now(), note=note)
        gone = keys_of(request) if request.scope is Scope.ALL else ()
        self._progress.save(before, done, again=None, told=of_known(gone, unsubscribed))

    def _read_back(self, request: Request, provider: Provider | None) -> Request:
        """With what the cloud shows of its items: what it does not list renews no more."""
        refunds = self._refunds(request, provider)
        items = tuple(_paid_back(item, refunds.get(item.key.id)) for item in request.items)
        return replace(request, items=items)

    def _refunds(self, request: Request, provider: Provider | None) -> Mapping[str, Refund]:
        if provider is None:
            return {}
        ids = [key.id for key in keys_of(request)]
        try:
            with understood(request):
                return {each.id: each for each in provider.refunds(ids, since=request.requested_at)}
        except ProviderError as error:
            log.warning("cloud.away", extra={"request": request.number, "code": error.code})
            return {}

    def _now(self) -> datetime:
        return self._progress.clock.now()


@contextmanager
def understood(request: Request) -> Iterator[None]:
    """Have an answer that nobody expected be one that did not come: it is asked for again later."""
    try:
        yield
    except (ProviderError, ChangedMeanwhile, StoreAway):
        raise
    except Exception as surprise:
        log.exception("answer.surprise", extra={"request": request.number})
        raise ProviderUnavailable("It answers what Lapse does not understand.") from surprise


def sent_back(request: Request, *, at: datetime, against: str | Hindrance | None) -> Request:
    """What was to be done again has failed at once where the acknowledged figures are over.

    Also where its approvals count no more, as `against` says.
    """
    if request.state is State.EXECUTING and isinstance(against, str):
        return by_hand.overdue(request, at=at, problem=against)
    if request.state is not State.EXECUTING or not by_hand.is_over(request, at=at):
        return request
    left = [item.label for _, item in by_hand.open_items(request)]
    problem = (
        f"{listed(left)} {'is' if len(left) == 1 else 'are'} still there, and the acknowledged "
        f"figures held until {instant(request.good_until)}."
    )
    return by_hand.overdue(request, at=at, problem=problem)


def _enter(provider: object, ended: Sequence[Subscription]) -> None:
    if isinstance(provider, Bookkeeper):
        for each in ended:
            provider.enter(each)


def _still_listed(request: Request, fresh: Fresh, *, now: datetime) -> tuple[int, ...]:
    """The numbers of the items that are not gone from the cloud's list."""
    return tuple(
        number
        for number, item in enumerate(request.items, 1)
        if not is_gone(fresh.get(item.key.id), request, now)
    )


def _are(request: Request, numbers: Sequence[int]) -> str:
    """Items by their numbers, and the verb: `Large screen is`."""
    labels = listed([request.items[number - 1].label for number in numbers])
    return f"{labels} {'is' if len(numbers) == 1 else 'are'}"


def _paid_back(item: Item, refund: Refund | None) -> Item:
    read = replace(item, auto_renew_off=True)
    if refund is None:
        return read
    return replace(
        read,
        refund_order=refund.order_id,
        refund_actual=refund.refund,
        fee_actual=refund.handling_fee,
    )
