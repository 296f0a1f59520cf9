"""Savings over real requests: three figures, grouped, filtered, and hidden from whom they are."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.billing.money import Money
from bot.billing.savings import Stage
from bot.billing.subscription import Status
from bot.facts.saving import By, Figures, Savings, SavingsQuery, SavingsRow
from bot.ports.store import Store
from bot.services.saving import Saving
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, OWNER, cny, key, order, resource, usd
from tests.unit.services.desk import SECOND, Desk, secmaster
from tests.unit.services.rig import SHANGHAI

DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)
ALL = SavingsQuery()


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    others = (
        resource("vm-1", owner=None, service="ECS", renewal_price=usd(60).amount),
        resource("cn-1", owner=None, renewal_price=usd(70).amount, orders=(order(currency="CNY"),)),
    )
    return Desk(store, clock, [*secmaster(), *others])


def savings(desk: Desk, query: SavingsQuery = ALL) -> Savings:
    return Saving(store=desk.store, zone=SHANGHAI).savings(query)


def only(found: Savings) -> SavingsRow:
    [row] = found.rows
    return row


def figures(row: SavingsRow, stage: Stage) -> tuple[Money, Money, Money]:
    found = row.figures[stage]
    return found.refund_at_cloud, found.refund_estimate, found.renewals


def refund(desk: Desk, number: int = 1001) -> Money:
    return desk.get(number).acknowledgement.worst.refund


def paid_back(desk: Desk, number: int = 1001) -> Money:
    actual = [item.refund_actual for item in desk.get(number).items if item.refund_actual]
    return sum(actual[1:], actual[0])


def test_nothing_is_saved_while_nobody_approved(desk: Desk) -> None:
    desk.ask("sm-quota")

    assert savings(desk).rows == ()


def test_what_was_approved_is_decided_and_nothing_more(desk: Desk) -> None:
    desk.approved("sm-quota")

    row = only(savings(desk))

    assert row.currency == "USD"
    assert figures(row, Stage.DECIDED) == (usd(0), refund(desk), usd(3600 + 900 + 900))
    assert row.figures[Stage.DECIDED].subscriptions == 3
    nothing = Figures(
        refund_at_cloud=usd(0), refund_estimate=usd(0), renewals=usd(0), subscriptions=0
    )
    assert row.figures[Stage.EXECUTED] == row.figures[Stage.VERIFIED] == nothing


def test_what_was_read_back_is_verified_with_the_refund_of_the_cloud(desk: Desk) -> None:
    desk.executed("sm-quota")

    row = only(savings(desk))

    assert figures(row, Stage.DECIDED)[:2] == (usd(0), refund(desk))
    for stage in (Stage.EXECUTED, Stage.VERIFIED):
        assert figures(row, stage)[:2] == (paid_back(desk), usd(0))
        assert row.figures[stage].subscriptions == 3
    assert paid_back(desk) > refund(desk)


def test_the_three_are_kept_apart_while_the_cloud_works(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.cool_off()
    while not desk.cloud.calls:
        desk.run()

    row = only(savings(desk))

    assert row.figures[Stage.DECIDED].subscriptions == 3
    assert 1 <= row.figures[Stage.EXECUTED].subscriptions < 3
    assert row.figures[Stage.EXECUTED].refund_estimate < refund(desk)
    assert row.figures[Stage.VERIFIED].subscriptions == 0


def test_what_came_back_leaves_verified(desk: Desk) -> None:
    desk.executed("vm-1")
    assert only(savings(desk)).figures[Stage.VERIFIED].subscriptions == 1

    desk.cloud.accepted.clear()
    desk.cloud.change("vm-1", status=Status.IN_USE)
    desk.clock.advance(DAY + SECOND)
    desk.run()

    row = only(savings(desk))
    assert row.figures[Stage.EXECUTED].subscriptions == 1
    assert row.figures[Stage.VERIFIED].subscriptions == 0


def test_one_that_is_asked_for_again_counts_once(desk: Desk) -> None:
    desk.cloud.refuses["vm-1"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("vm-1")
    desk.unsubscribing.leave(1001, by=APPROVER_1, why="later")
    before = only(savings(desk)).figures

    desk.cloud.refuses.clear()
    desk.executed("vm-1")
    after = only(savings(desk)).figures

    assert desk.get(1002).state == "done"
    assert before[Stage.DECIDED].subscriptions == after[Stage.DECIDED].subscriptions == 1
    assert before[Stage.EXECUTED].subscriptions == 0
    assert after[Stage.VERIFIED].refund_at_cloud == paid_back(desk, 1002)
    assert after[Stage.DECIDED].renewals == usd(60)


def test_retrying_counts_once(desk: Desk) -> None:
    desk.cloud.refuses["vm-1"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("vm-1")
    desk.cloud.refuses.clear()
    desk.unsubscribing.retry(1001, by=APPROVER_1)
    desk.run(seconds=10)

    assert only(savings(desk)).figures[Stage.VERIFIED].subscriptions == 1
    assert figures(only(savings(desk)), Stage.DECIDED) == (usd(0), refund(desk), usd(60))


def test_turning_off_saves_a_renewal_and_no_refund(desk: Desk) -> None:
    desk.renewing.turn_off([key("vm-1")], by=OWNER)

    row = only(savings(desk))

    for stage in Stage:
        assert figures(row, stage) == (usd(0), usd(0), usd(60))


def test_what_is_turned_on_again_at_the_cloud_leaves_verified(desk: Desk) -> None:
    desk.renewing.turn_off([key("vm-1")], by=OWNER)
    with desk.store.transaction() as tx:
        held = tx.catalogue.get(key("vm-1"))
        assert held is not None
        tx.catalogue.put([replace(held, auto_renew=True)], at=desk.clock.now())

    row = only(savings(desk))

    assert figures(row, Stage.EXECUTED) == (usd(0), usd(0), usd(60))
    assert figures(row, Stage.VERIFIED) == (usd(0), usd(0), usd(0))


def test_what_is_gone_renews_no_more(desk: Desk) -> None:
    desk.renewing.turn_off([key("vm-1")], by=OWNER)
    with desk.store.transaction() as tx:
        tx.catalogue.put([desk.subscriptions[3]], at=desk.clock.now())
        tx.catalogue.mark_gone([key("vm-1")], at=desk.clock.now())

    assert only(savings(desk)).figures[Stage.VERIFIED].renewals == usd(60)


def test_turning_off_and_unsubscribing_avoid_one_renewal(desk: Desk) -> None:
    desk.approved("vm-1")
    desk.renewing.turn_off([key("vm-1")], by=OWNER)
    desk.cool_off()
    desk.run(seconds=10)

    assert desk.get().state == "done"
    assert only(savings(desk)).figures[Stage.VERIFIED].renewals == usd(60)


def test_what_an_earlier_lapse_turned_off_has_no_amount(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        told = {"read_back": "off", "error": None}
        tx.audit.append(
            at=desk.clock.now(),
            actor="x",
            action="autorenew.off",
            subject="default/vm-1",
            facts=told,
        )

    found = savings(desk)

    assert found.rows == ()
    assert found.renewals_not_known == 1


def test_turning_off_what_does_not_renew_saves_nothing(desk: Desk) -> None:
    with desk.store.transaction() as tx:
        unknown = replace(desk.subscriptions[3], auto_renew=None)
        tx.catalogue.put([unknown], at=desk.clock.now())
    desk.renewing.turn_off([key("vm-1")], by=OWNER)

    assert savings(desk) == Savings(query=ALL, zone=SHANGHAI, rows=())


def test_currencies_are_never_added(desk: Desk) -> None:
    desk.renewing.turn_off([key("vm-1"), key("cn-1")], by=OWNER)

    found = savings(desk)

    assert [each.currency for each in found.rows] == ["CNY", "USD"]
    assert [each.figures[Stage.VERIFIED].renewals for each in found.rows] == [cny(70), usd(60)]


def test_a_dry_run_is_counted_apart(store: Store, clock: SettableClock) -> None:
    desk = Desk(store, clock)
    desk.ask("sm-quota")
    with desk.store.transaction() as tx:
        request = tx.requests.get(1001)
        assert request is not None
        tx.requests.save(replace(request, dry_run=True))
    desk.unsubscribing.approve(1001, by=APPROVER_1)

    found = savings(desk)

    assert found.rows == ()
    assert found.dry_runs == 3
    assert savings(desk, SavingsQuery(first=TODAY + DAY)).dry_runs == 0


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (By.MONTH, ["2026-11"]),
        (By.ACCOUNT, ["default"]),
        (By.SERVICE, ["ECS", "SecMaster"]),
        (By.OWNER, [OWNER, None]),
    ],
)
def test_they_are_grouped_as_people_ask(desk: Desk, by: By, groups: list[str | None]) -> None:
    desk.approved("sm-quota")
    desk.renewing.turn_off([key("vm-1")], by=OWNER)

    found = savings(desk, SavingsQuery(by=by))

    assert [each.group for each in found.rows] == groups
    parts = [each.figures[Stage.DECIDED].renewals for each in found.rows]
    assert sum(parts[1:], parts[0]) == usd(5400 + 60)


def test_each_figure_has_its_own_date(desk: Desk) -> None:
    desk.clock.set(desk.clock.now().replace(day=30, hour=15, minute=58))  # 23:58 in Shanghai
    desk.executed("vm-1")

    found = savings(desk, SavingsQuery(by=By.MONTH))
    [november, december] = found.rows

    assert november.figures[Stage.DECIDED].subscriptions == 1
    assert november.figures[Stage.EXECUTED].subscriptions == 0
    assert december.figures[Stage.DECIDED].subscriptions == 0
    assert december.figures[Stage.VERIFIED].subscriptions == 1


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (SavingsQuery(first=TODAY, last=TODAY), 1),
        (SavingsQuery(first=TODAY + DAY), 0),
        (SavingsQuery(last=TODAY - DAY), 0),
    ],
)
def test_days_are_included_from_the_first_to_the_last(
    desk: Desk, query: SavingsQuery, rows: int
) -> None:
    desk.approved("sm-quota")

    assert len(savings(desk, query).rows) == rows


def test_days_are_those_of_the_reader(desk: Desk) -> None:
    desk.approved("sm-quota")
    query = SavingsQuery(last=TODAY - DAY)

    found = Saving(store=desk.store, zone=ZoneInfo("Pacific/Honolulu")).savings(query)

    assert len(found.rows) == 1


def test_a_verified_refund_without_an_order_is_not_in_the_sum(desk: Desk) -> None:
    request = desk.executed("vm-1")
    with desk.store.transaction() as tx:
        item = replace(request.items[0], refund_actual=None, refund_order=None)
        tx.requests.save(replace(request, items=(item,)))

    found = savings(desk)

    assert figures(only(found), Stage.EXECUTED)[:2] == (usd(0), refund(desk))
    assert figures(only(found), Stage.VERIFIED)[:2] == (usd(0), usd(0))
    assert found.refunds_not_found == 1


def test_what_the_reader_may_not_see_is_in_no_sum(desk: Desk) -> None:
    desk.approved("sm-quota")
    desk.renewing.turn_off([key("vm-1")], by=OWNER)

    found = Saving(store=desk.store, zone=SHANGHAI).savings(
        ALL, sees=lambda about, _: about[0].owner == OWNER
    )

    assert only(found).figures[Stage.DECIDED].renewals == usd(5400)
    assert found.hidden == 1


def test_whoever_asked_is_known_when_it_is_decided_who_may_see(desk: Desk) -> None:
    desk.approved("sm-quota")
    asked = []

    Saving(store=desk.store, zone=SHANGHAI).savings(
        ALL, sees=lambda _, requester: bool(asked.append(requester))
    )

    assert set(asked) == {"U0REQUESTER"}


def test_many_subscriptions_are_read_in_pieces(
    store: Store, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.saving.CHUNK", 2)
    monkeypatch.setattr("storage.decided.CHUNK", 2)
    monkeypatch.setattr("storage.audit.CHUNK", 2)
    many = [resource(f"vm-{n}", owner=None, renewal_price=usd(1).amount) for n in range(7)]
    desk = Desk(store, clock, many)
    for n in range(7):
        desk.renewing.turn_off([key(f"vm-{n}")], by=OWNER)
    for n in (1, 3, 5):
        desk.approved(f"vm-{n}")

    row = only(savings(desk))

    assert row.figures[Stage.DECIDED].subscriptions == 7
    assert row.figures[Stage.DECIDED].renewals == usd(7)
