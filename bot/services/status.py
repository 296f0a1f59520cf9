"""Status: whether readings, reminders and deliveries go on as they should."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.billing.account import Account
from bot.facts.status import AccountHealth, Health, StatusFacts, Trouble, TroubleKind
from bot.ports.clock import Clock
from bot.ports.store import DeliveryState, ListQuery, Store, Transaction
from bot.services.armed import last_watch
from bot.services.closing import EVERYWHERE, Closure, closures
from bot.services.keeping_time import TOLERATED, skew_of
from bot.services.lingering import Lingering, lingering, place
from bot.services.relieving import standing
from bot.services.syncing import behind_since

EMBEDDED = "ledger"

READ_WITHIN = timedelta(hours=24)
"""A cloud that was not read for longer is trouble."""

BEHIND_WITHIN = timedelta(hours=1)
"""For so long an embedded account, which is read when its book changes, may wait to be read."""

ARMED_WITHIN = timedelta(minutes=2)


class Status:
    """Reads health out of the store; asks no cloud and no workspace."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def status(self) -> StatusFacts:
        """Everything that `/lapse status` says."""
        now = self._clock.now()
        with self._store.reading() as tx:
            counts = tx.outbox.counts()
            accounts = tuple(
                self._account(tx, account) for account in self._store.accounts.values()
            )
            return StatusFacts(
                accounts=accounts,
                health=health(tx, [each.read_at for each in accounts]),
                armed=tx.reminders.count_waiting(),
                pending=counts[DeliveryState.PENDING] + counts[DeliveryState.SENDING],
                sent=counts[DeliveryState.SENT],
                unknown=counts[DeliveryState.UNKNOWN] + counts[DeliveryState.UNCONFIRMED],
                undeliverable=counts[DeliveryState.UNDELIVERABLE],
                waiting_requests=len(tx.requests.waiting()),
                troubles=tuple(self._troubles(tx, accounts, counts[DeliveryState.UNKNOWN], now)),
                now=now,
            )

    def _account(self, tx: Transaction, account: Account) -> AccountHealth:
        page = tx.catalogue.page(ListQuery(account=account.name))
        return AccountHealth(
            account=account,
            read_at=tx.catalogue.read_at(account.name),
            count=page.count,
            more=page.more,
        )

    def _troubles(
        self,
        tx: Transaction,
        accounts: tuple[AccountHealth, ...],
        unknown: int,
        now: datetime,
    ) -> list[Trouble]:
        found = [
            Trouble(kind=TroubleKind.NOT_READ, subject=each.account.name, since=each.read_at)
            for each in accounts
            if _is_behind(tx, each, now=now)
        ]
        found += [
            Trouble(kind=TroubleKind.HELD_UP, subject=subject, since=since)
            for subject, since in standing(tx)
        ]
        watch = last_watch(tx)
        if watch is not None and now - watch.at > ARMED_WITHIN:
            found.append(Trouble(kind=TroubleKind.NOT_TICKING, since=watch.at))
        skew = skew_of(tx, now=now)
        if skew.apart > TOLERATED:
            seconds = round(skew.apart.total_seconds())
            subject = f"{skew.behind} and {skew.ahead}"
            found.append(Trouble(kind=TroubleKind.CLOCKS_APART, subject=subject, count=seconds))
        found += [_closed(destination, closure) for destination, closure in closures(tx).items()]
        if unknown:
            found.append(Trouble(kind=TroubleKind.UNKNOWN, count=unknown))
        return found + _given_up(lingering(tx, now=now).values())


def _is_behind(tx: Transaction, each: AccountHealth, *, now: datetime) -> bool:
    """Whether the catalogue may say what does not hold at the cloud any more."""
    if each.account.provider == EMBEDDED:
        since = behind_since(tx, each.account.name)
        return since is not None and now - since > BEHIND_WITHIN
    return each.read_at is None or now - each.read_at > READ_WITHIN


def _closed(destination: str, closure: Closure) -> Trouble:
    if destination == EVERYWHERE:
        return Trouble(kind=TroubleKind.LOCKED_OUT, since=closure.since)
    subject = place(destination)
    return Trouble(kind=TroubleKind.UNDELIVERABLE, subject=subject, since=closure.since)


def _given_up(found: Iterable[Lingering]) -> list[Trouble]:
    """What is there twice and could not be taken back, by its place, and where nobody can look."""
    counted: Counter[tuple[TroubleKind, str]] = Counter(
        (TroubleKind.UNREAD if each.unread else TroubleKind.TWICE, each.to)
        for each in found
        if each.given_up is not None
    )
    return [
        Trouble(kind=kind, subject=place(to), count=count)
        for (kind, to), count in sorted(counted.items())
    ]


def health(tx: Transaction, read: list[datetime | None]) -> Health:
    """The four instants: oldest reading, last arming, next reminder, next delivery."""
    watch = last_watch(tx)
    return Health(
        read_at=min((at for at in read if at is not None), default=None),
        armed_at=watch.at if watch else None,
        next_reminder_at=tx.reminders.next_due(),
        next_delivery_at=tx.outbox.next_due(),
    )
