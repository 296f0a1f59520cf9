"""What people and readings change while Lapse is at work on a request stays as they left it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.billing.account import CarriedOut
from bot.billing.change import Change
from bot.billing.subscription import Status, Subscription
from bot.billing.unsubscription import State
from bot.facts.switching import SwitchWish
from bot.ports.store import Store
from bot.services.progress import Progress
from bot.services.syncing import Syncing
from bot.services.vouching import Vouching
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, OWNER, REQUESTER, account, key, quota
from tests.unit.services.desk import LONG, Desk

EDITED: dict[str, Any] = {
    "owner": "U0NEWOWNER",
    "note": "imported meanwhile",
    "tags": {"team": "billing"},
    "name": "another name",
    "renewal_price": Decimal("4100.00"),
}


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock, [quota(orders=(LONG,), owner=OWNER)])


@pytest.fixture
def edited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """An import comes between the last reading and the transaction that tells the catalogue."""
    edits: list[bool] = []
    save = Progress.save

    def later(self: Progress, *args: Any, **changes: Any) -> Any:
        if changes.get("told"):
            edits.append(True)
            with desk.store.transaction() as tx:
                held = tx.catalogue.get(key("sm-quota"))
                assert held is not None
                tx.catalogue.put([replace(held, **EDITED)], at=desk.clock.now())
        return save(self, *args, **changes)

    monkeypatch.setattr(Progress, "save", later)
    yield edits
    assert edits


def found(desk: Desk) -> Subscription:
    with desk.store.reading() as tx:
        held = tx.catalogue.get(key("sm-quota"))
    assert held is not None
    return held


def kept(held: Subscription) -> dict[str, Any]:
    return {name: getattr(held, name) for name in EDITED}


@pytest.mark.usefixtures("edited")
def test_an_edit_stays_when_a_subscription_goes(desk: Desk) -> None:
    assert desk.executed("sm-quota").state is State.DONE

    assert kept(found(desk)) == EDITED
    assert (found(desk).status, found(desk).auto_renew) == (Status.UNSUBSCRIBED, False)


@pytest.mark.usefixtures("edited")
def test_an_edit_stays_when_auto_renewal_is_switched(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock, [quota(orders=(LONG,), auto_renew=False)])
    draft = desk.switching.draft(["sm-quota"], Change.RENEWAL_ON, by=REQUESTER)
    request = desk.switching.ask(
        SwitchWish(
            change=Change.RENEWAL_ON,
            keys=tuple(each.key for each in draft.ordered),
            by=REQUESTER,
            opened_at=draft.opened_at,
            fingerprint=draft.fingerprint,
        )
    )
    desk.unsubscribing.approve(request.number, by=APPROVER_1)
    desk.cool_off()
    desk.run(seconds=15)

    assert desk.state() is State.DONE
    assert kept(found(desk)) == EDITED
    assert found(desk).auto_renew is True


@pytest.mark.usefixtures("edited")
@pytest.mark.parametrize("carried_out", CarriedOut)
def test_what_people_say_stays_when_worse_figures_make_it_stale(
    desk: Desk, carried_out: CarriedOut
) -> None:
    set_to(desk, carried_out)
    desk.approved("sm-quota")
    desk.cloud.change("sm-quota", orders=(replace(LONG, cash=Decimal("100.00")),))
    desk.cool_off()
    desk.run()

    assert desk.state() is State.STALE
    held = found(desk)
    assert (held.owner, held.note, held.tags) == (EDITED["owner"], EDITED["note"], EDITED["tags"])
    assert held.orders[0].cash == Decimal("100.00")


@pytest.mark.usefixtures("edited")
def test_an_edit_stays_when_somebody_has_seen_it_gone(desk: Desk) -> None:
    set_to(desk, CarriedOut.BY_HAND)
    number = desk.approved("sm-quota").number
    desk.cool_off()
    desk.run()
    vouching = Vouching(store=desk.store, clock=desk.clock, policy=desk.policy, people=desk.people)
    vouching.done(number, by=OWNER, items=(1,), evidence="https://vendor.example/1", note="")
    vouching.gone(number, by=APPROVER_1)
    del desk.cloud.held["sm-quota"]
    desk.run()

    assert desk.state() is State.DONE
    assert kept(found(desk)) == EDITED
    assert (found(desk).status, found(desk).auto_renew) == (Status.UNSUBSCRIBED, False)


def test_what_is_told_is_held_before_it_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With several writers only the order keeps an edit: first alone, then read, then written."""
    acts: list[str] = []
    desk.approved("sm-quota")
    desk.cool_off()
    spy(desk, monkeypatch, acts)

    desk.run(seconds=15)

    told = acts.index("put")
    assert acts[told - 2 : told + 1] == ["hold", "get", "put"]


def test_what_is_turned_off_at_once_is_held_before_it_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts: list[str] = []
    spy(desk, monkeypatch, acts)

    desk.renewing.turn_off([key("sm-quota")], by=OWNER)

    assert found(desk).auto_renew is False
    assert acts[acts.index("hold") :] == ["hold", "get", "put"]


def test_what_a_reading_changes_is_held_before_it_is_compared_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts: list[str] = []
    desk.cloud.change("sm-quota", spec="another")
    spy(desk, monkeypatch, acts)

    Syncing(store=desk.store, clock=desk.clock, providers={desk.account.name: desk.cloud}).sync(
        desk.account.name
    )

    assert found(desk).spec == "another"
    assert acts[:2] == ["hold", "get"]
    assert acts[-1] == "put"


def spy(desk: Desk, monkeypatch: pytest.MonkeyPatch, acts: list[str]) -> None:
    """Note what is done to the catalogue while something is written."""
    opened = desk.store.transaction

    @contextmanager
    def transaction() -> Iterator[Any]:
        with opened() as tx:
            for name in ("hold", "get", "put"):
                act = getattr(tx.catalogue, name)

                def noted(*args: Any, name: str = name, act: Any = act, **how: Any) -> Any:
                    acts.append(name)
                    return act(*args, **how)

                monkeypatch.setattr(tx.catalogue, name, noted)
            yield tx

    monkeypatch.setattr(desk.store, "transaction", transaction)


def set_to(desk: Desk, carried_out: CarriedOut) -> None:
    settings = account(carried_out=carried_out)
    desk.store._accounts[settings.name] = settings  # type: ignore[attr-defined]
