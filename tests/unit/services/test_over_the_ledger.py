"""The whole job over the embedded ledger: import, ask, approve, execute, verify, tell."""

import io
from datetime import timedelta

import pytest

from bot.billing.quote import Scope
from bot.billing.subscription import AccountName, Status, Subscription
from bot.billing.unsubscription import Request, State
from bot.facts.messages import Receipt, RequestCard, RequesterNote, RequestLine
from bot.ports.store import Store
from bot.providers.ledger import LedgerProvider
from bot.services.executing import Executing
from bot.services.exporting import to_csv
from bot.services.importing import Importing
from bot.services.syncing import Syncing
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, account, key, order, quota, renewal, usd
from tests.unit.services.desk import SECOND, Desk, filled_in, secmaster
from tests.unit.services.rig import APPROVALS, Rig


class Office(Desk):
    """A desk whose cloud is the ledger, with the other ticks beside it."""

    def start(self) -> None:
        super().start()
        self.ledger = LedgerProvider(account=account(), store=self.store, clock=self.clock)
        providers = {AccountName("default"): self.ledger}
        self.executing = Executing(
            store=self.store,
            clock=self.clock,
            policy=self.policy,
            people=self.people,
            providers=providers,
            steady_since=lambda: self.steady_since,
        )
        self.syncing = Syncing(store=self.store, clock=self.clock, providers=providers)
        self.importing = Importing(store=self.store, clock=self.clock, providers=providers)
        self.rig = Rig(self.store, self.clock)

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(SECOND)
            self.syncing.tick()
            self.executing.run_due()
            self.rig.run()


def office(store: Store, clock: SettableClock, *book: Subscription) -> Office:
    opened = Office(store, clock, book)
    with store.transaction() as tx:
        tx.catalogue.mark_gone([each.key for each in book], at=clock.now())
    opened.importing.run(io.BytesIO("".join(to_csv(book)).encode()), "book.csv", by="cli")
    return opened


@pytest.fixture
def secmasters(store: Store, clock: SettableClock) -> Office:
    return office(store, clock, *secmaster())


def test_the_whole_job_ends_with_everybody_told(secmasters: Office) -> None:
    secmasters.approved("sm-quota")
    secmasters.cool_off()

    secmasters.pass_seconds(20)

    messenger = secmasters.rig.messenger
    [card] = messenger.of(RequestCard)
    assert card.to == APPROVALS
    assert _request(card.message).state is State.DONE
    events = secmasters.get().events
    assert [each.thread for each in messenger.of(RequestLine)] == [card.ts] * len(events)
    assert [each.thread for each in messenger.of(Receipt)] == [card.ts]
    told = [each.message.state for each in messenger.of(RequesterNote)]  # type: ignore[union-attr]
    assert told == [
        State.WAITING,
        State.APPROVED,
        State.EXECUTING,
        State.VERIFYING,
        State.DONE,
    ]
    with secmasters.store.reading() as tx:
        assert {each.status for each in tx.catalogue.all()} == {Status.UNSUBSCRIBED}


def test_a_restart_between_approval_and_execution_loses_nothing(secmasters: Office) -> None:
    secmasters.approved("sm-quota")
    secmasters.start()
    secmasters.clock.advance(timedelta(hours=2))

    secmasters.pass_seconds(20)

    assert secmasters.state() is State.DONE


def test_giving_back_the_renewal_keeps_the_running_term(store: Store, clock: SettableClock) -> None:
    bought = order("2025-11-28 09:20")
    desk = office(store, clock, quota(orders=(bought, renewal(bought))))
    draft = desk.draft("sm-quota", scope=Scope.RENEWALS)
    desk.unsubscribing.submit(filled_in(draft))
    desk.unsubscribing.approve(1001, by=APPROVER_1)
    desk.cool_off()

    desk.pass_seconds(10)

    request = desk.get()
    assert request.state is State.DONE
    assert request.items[0].refund_actual == usd("3600.00")
    with store.reading() as tx:
        held = tx.catalogue.get(key("sm-quota"))
    assert held is not None
    assert (held.status, held.orders) == (Status.IN_USE, (bought,))


def _request(message: object) -> Request:
    assert isinstance(message, RequestCard)
    return message.request
