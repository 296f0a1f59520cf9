"""Turning auto-renewal off: by whom, read back, and shown in every message about it."""

from dataclasses import replace

import pytest

from bot.billing.account import ExecuteMode
from bot.billing.subscription import SlackUser, Status
from bot.facts.messages import Settled
from bot.ports.provider import ProviderRefused
from bot.ports.store import Store
from bot.services.errors import (
    AlreadyDeducted,
    AlreadyOff,
    GuestRefused,
    Incomplete,
    NotAllowed,
    SeveralAccounts,
    UnknownSubscription,
)
from bot.services.renewing import DRY_RUN
from bot.services.settled import fact_about
from tests.clocks import SettableClock
from tests.factories import (
    APPROVER_1,
    DEPUTY,
    OUTSIDER,
    OWNER,
    account,
    instant,
    key,
    order,
    package,
    quota,
    renewal,
    usd,
)
from tests.unit.services.desk import Desk
from tests.unit.services.rig import Rig


@pytest.fixture
def desk(store: Store, clock: SettableClock) -> Desk:
    return Desk(store, clock, [quota(deputy=DEPUTY), package(owner=None)])


@pytest.mark.parametrize("user", [OWNER, DEPUTY, APPROVER_1])
def test_owner_deputy_and_approvers_turn_it_off(desk: Desk, user: SlackUser) -> None:
    result = desk.renewing.turn_off([key("sm-quota")], by=user)

    assert [(item.off, item.error) for item in result.items] == [(True, None)]
    assert desk.cloud.switched == [("sm-quota", False)]
    with desk.store.reading() as tx:
        held = tx.catalogue.get(key("sm-quota"))
    assert held is not None
    assert held.auto_renew is False


def test_who_may_turn_off_some_of_it_may_see_the_form_and_who_may_none_of_it_may_not(
    desk: Desk,
) -> None:
    settings = desk.renewing.settings_for("sm-quota")
    quota_alone = replace(settings, items=settings.items[:1])

    desk.renewing.demand_some(settings, by=OUTSIDER)
    desk.renewing.demand_some(quota_alone, by=OWNER)
    with pytest.raises(NotAllowed):
        desk.renewing.demand_some(quota_alone, by=OUTSIDER)


def test_anybody_may_while_it_has_no_owner(desk: Desk) -> None:
    assert desk.renewing.turn_off([key("sm-screen")], by=OUTSIDER).items[0].off


def test_others_may_not_and_hear_who_can(desk: Desk) -> None:
    with pytest.raises(NotAllowed) as refused:
        desk.renewing.turn_off([key("sm-quota"), key("sm-screen")], by=OUTSIDER)

    assert refused.value.sentence == "Only @U0OWNER, @U0DEPUTY or an approver can do this."
    assert desk.cloud.switched == []


def test_a_guest_may_not(desk: Desk) -> None:
    desk.directory.guests.add(OWNER)

    with pytest.raises(GuestRefused):
        desk.renewing.turn_off([key("sm-quota")], by=OWNER)


def test_the_second_press_says_who_turned_it_off(desk: Desk) -> None:
    desk.renewing.turn_off([key("sm-quota")], by=OWNER)

    with pytest.raises(AlreadyOff) as refused:
        desk.renewing.turn_off([key("sm-quota")], by=APPROVER_1)

    assert refused.value.sentence == ("@U0OWNER turned it off, Mon 23 Nov 2026, 10:12 GMT+08:00.")
    assert refused.value.people == (OWNER,)


def test_what_the_cloud_refuses_is_told_and_stays_on(desk: Desk) -> None:
    desk.cloud.refuses_calls.append(ProviderRefused("It is frozen.", code="CBC.99003656"))

    [item] = desk.renewing.turn_off([key("sm-quota")], by=OWNER).items

    assert (item.off, item.error) == (False, "It is frozen.")
    with desk.store.reading() as tx:
        held = tx.catalogue.get(key("sm-quota"))
        fact = fact_about(tx, key("sm-quota"), instant("2026-11-30 03:00").date())
    assert held is not None
    assert held.auto_renew is True
    assert fact is not None
    assert (fact.settled, fact.note) == (Settled.OPEN, "It is frozen.")


def test_it_is_believed_only_when_it_reads_off(desk: Desk) -> None:
    desk.cloud.ignores_switch = True

    [item] = desk.renewing.turn_off([key("sm-quota")], by=OWNER).items

    assert not item.off
    assert item.error is not None
    assert "still reads on" in item.error


def test_a_cloud_that_cannot_be_read_back_leaves_it_open(desk: Desk) -> None:
    desk.cloud.away_reading = 1

    [item] = desk.renewing.turn_off([key("sm-quota")], by=OWNER).items

    assert not item.off
    assert item.error is not None
    assert "press nothing twice" in item.error


def test_several_at_once_are_each_read_back(desk: Desk) -> None:
    result = desk.renewing.turn_off([key("sm-quota"), key("sm-screen")], by=OWNER)

    assert [item.off for item in result.items] == [True, True]


def test_messages_show_it_first_as_being_turned_off_and_then_as_off(desk: Desk) -> None:
    rig = Rig(desk.store, desk.clock)
    rig.run()
    [told] = rig.reminders()
    seen: list[Settled] = []
    date = instant("2026-11-30 03:00").date()
    switch = desk.cloud.set_auto_renew

    def watch(ref: str, *, on: bool) -> None:
        with desk.store.reading() as tx:
            fact = fact_about(tx, key("sm-quota"), date)
        assert fact is not None
        seen.append(fact.settled)
        switch(ref, on=on)

    desk.cloud.set_auto_renew = watch  # type: ignore[method-assign]
    desk.renewing.turn_off([key("sm-quota")], by=OWNER, reminder=told.delivery_id)
    rig.run()

    [now] = [each for each in rig.reminders() if each.delivery_id == told.delivery_id]
    settled = {item.subscription.key.id: item.settled for item in now.message.items}  # type: ignore[union-attr]
    assert seen == [Settled.TURNING_OFF]
    assert settled["sm-quota"] is Settled.TURNED_OFF
    assert settled["sm-screen"] is Settled.OPEN


def test_an_old_reminder_does_not_turn_off_the_next_renewal(desk: Desk) -> None:
    rig = Rig(desk.store, desk.clock)
    rig.run()
    [told] = rig.reminders()
    desk.clock.set(instant("2026-11-30 10:00"))
    bought = order()
    with desk.store.transaction() as tx:
        tx.catalogue.put([quota(orders=(bought, renewal(bought)))], at=desk.clock.now())

    with pytest.raises(AlreadyDeducted) as refused:
        desk.renewing.turn_off([key("sm-quota")], by=OWNER, reminder=told.delivery_id)

    assert refused.value.amount == usd("3600.00")
    assert refused.value.key == key("sm-quota")
    assert refused.value.sentence == (
        "USD 3,600.00 was deducted, Mon 30 Nov 2026, 03:00 GMT+08:00."
    )
    assert refused.value.advice == ("Give it back until Mon 7 Dec 2026, 23:59 GMT+08:00.")
    assert desk.cloud.switched == []


def test_the_settings_of_a_quota_name_its_packages(desk: Desk) -> None:
    settings = desk.renewing.settings_for("sm-quota")

    assert [each.subscription.key.id for each in settings.items] == ["sm-quota", "sm-screen"]
    assert settings.items[0].amount == usd("3600.00")
    assert settings.items[0].safe_until == instant("2026-11-30 00:00")


def test_settings_of_what_has_expired_say_when_it_may_still_be_charged(
    store: Store, clock: SettableClock
) -> None:
    expired = quota(status=Status.EXPIRED, orders=(order("2025-11-12 09:20"),))
    [item] = Desk(store, clock, [expired]).renewing.settings_for("sm-quota").items

    assert item.anchor is None
    assert item.late_charge_at == item.safe_until == instant("2026-11-24 03:00")


def test_settings_of_what_is_off_already_say_so(desk: Desk) -> None:
    desk.renewing.turn_off([key("sm-screen")], by=OWNER)

    with pytest.raises(AlreadyOff):
        desk.renewing.settings_for("sm-screen")


def test_a_dry_run_changes_nothing_at_the_cloud(store: Store, clock: SettableClock) -> None:
    store._accounts["prod"] = account("prod", execute=ExecuteMode.DRY_RUN)  # type: ignore[attr-defined]
    desk = Desk(store, clock, [quota(account="prod")])

    result = desk.renewing.turn_off([key("sm-quota", "prod")], by=OWNER)

    assert result.dry_run
    assert [(item.off, item.error) for item in result.items] == [(False, DRY_RUN)]
    assert desk.cloud.switched == []


def test_it_is_recorded_with_what_was_read_back(desk: Desk) -> None:
    desk.renewing.turn_off([key("sm-quota")], by=OWNER)

    with desk.store.reading() as tx:
        asked, read, entry = tx.audit.entries("default/sm-quota")
    assert (asked.actor, asked.action) == (OWNER, "cloud.auto-renew-off")
    assert asked.facts == {"ids": ["sm-quota"], "outcome": "accepted"}
    assert (read.action, read.facts["outcome"]) == ("cloud.read", "done")
    assert (entry.actor, entry.action) == (OWNER, "autorenew.off")
    assert entry.facts["read_back"] == "off"


def test_nothing_ticked_unknown_and_two_accounts_are_refused(desk: Desk) -> None:
    with pytest.raises(Incomplete):
        desk.renewing.turn_off([], by=OWNER)
    with pytest.raises(UnknownSubscription):
        desk.renewing.turn_off([key("nothing")], by=OWNER)
    with pytest.raises(SeveralAccounts):
        desk.renewing.turn_off([key("sm-quota"), key("sm-quota", "prod")], by=OWNER)
