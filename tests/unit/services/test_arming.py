"""Which reminders are armed, when, for whom, and which are not any more."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from importlib.resources import files
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.billing.reminder import Schedule
from bot.billing.renewal import Anchor, AnchorKind
from bot.billing.subscription import SlackChannel, Status, Subscription
from bot.facts.messages import ReminderMessage, Timing
from bot.ports.messenger import LockedOut
from bot.ports.store import ReminderState
from bot.services.arming import FEW, Arming
from bot.services.policy import Route
from storage.catalogue import SqlCatalogue
from storage.engine import Database
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.conftest import ACCOUNTS, AUDIT_KEY, TEAM
from tests.factories import DEPUTY, OWNER, instant, key, order, quota
from tests.unit.services.rig import FINOPS, SECURITY, Rig, policy

DM = f"D{OWNER[1:]}"


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    return Rig(store, clock)


def yearly(ref: str = "sm-quota", *, expires: str = "2026-12-07 23:59:59", **changes):
    """A quota whose deduction is seven days before it expires."""
    return quota(ref, orders=(order("2025-12-07 09:20", expires_at=expires),), **changes)


def test_a_lead_becomes_a_row_within_two_days_of_its_hour(rig: Rig) -> None:
    rig.clock.set(instant("2026-10-28 08:59"))
    rig.know(yearly())
    rig.reminding.arm()
    assert rig.rows() == []

    rig.clock.set(instant("2026-10-29 09:00"))
    rig.reminding.arm()

    assert {(row.id, row.destination) for row in rig.rows()} == {
        ("default/sm-quota/2026-11-30/30d", FINOPS),
        ("default/sm-quota/2026-11-30/30d/dm", OWNER),
    }
    assert {row.due_at for row in rig.rows()} == {instant("2026-10-31 09:00")}


def test_every_lead_is_told_once_in_its_channel_and_to_its_owner(rig: Rig) -> None:
    rig.clock.set(instant("2026-10-28 09:00"))
    rig.know(yearly())

    rig.pass_time(to=instant("2026-11-30 02:00"), every=timedelta(hours=12))

    leads = [f"default/sm-quota/2026-11-30/{days}d" for days in (30, 14, 7, 3, 1)]
    assert rig.ids() == leads
    assert rig.ids(DM) == [f"{lead}/dm" for lead in leads]


def test_a_newly_found_subscription_gets_the_nearest_passed_lead_at_once_and_not_late(
    rig: Rig,
) -> None:
    rig.clock.set(instant("2026-11-20 12:00"))
    rig.know(yearly())

    rig.run()

    assert rig.ids() == ["default/sm-quota/2026-11-30/14d"]
    [shown] = rig.reminders()
    assert shown.message.timing is Timing.ON_TIME


def test_what_fell_due_while_lapse_was_off_is_late_and_says_why(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-15 12:00"))
    rig.know(yearly())
    rig.run()
    before = len(rig.reminders())

    rig.clock.set(instant("2026-11-16 13:20"))
    rig.run()

    shown = rig.reminders()[before]
    assert shown.reminder_ids == ("default/sm-quota/2026-11-30/14d",)
    assert shown.message.timing is Timing.LATE
    assert shown.message.why == "Lapse was not running."
    assert {row.state for row in rig.rows() if row.id.endswith("14d")} == {ReminderState.LATE}


def test_what_passed_only_by_a_clock_that_was_ahead_is_told_once_it_is_right(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-20 12:00"))
    rig.know(replace(yearly(), auto_renew=False))

    for wrong in ("2025-11-20 12:00", "2026-12-20 12:00"):
        rig.clock.set(instant(wrong))
        rig.reminding.arm()
    rig.clock.set(instant("2026-11-21 12:00"))
    rig.reminding.arm()
    rig.clock.set(instant("2026-12-04 09:00"))
    rig.run()

    assert "default/sm-quota/2026-12-07/3d" in rig.ids()


def test_leads_beyond_the_horizon_that_passed_while_lapse_was_off_are_told_together_once(
    rig: Rig,
) -> None:
    rig.clock.set(instant("2026-10-20 12:00"))
    rig.know(yearly())
    rig.run()

    rig.clock.set(instant("2026-11-24 12:00"))
    rig.run()
    rig.run()

    assert rig.ids() == [f"default/sm-quota/2026-11-30/{days}d" for days in (30, 14, 7)]
    [shown] = rig.reminders()
    assert len(shown.message.items) == 1
    assert shown.message.items[0].reminder.lead_days == 7
    assert shown.message.timing is Timing.LATE


def test_what_was_deducted_while_lapse_was_off_is_told_as_missed(rig: Rig) -> None:
    rig.clock.set(instant("2026-10-20 12:00"))
    rig.know(yearly())
    rig.run()

    rig.clock.set(instant("2026-11-30 12:00"))
    rig.run()

    [shown] = rig.reminders()
    assert shown.message.timing is Timing.MISSED
    assert {row.state for row in rig.rows()} == {ReminderState.MISSED}


def test_an_armed_reminder_of_something_unsubscribed_is_cancelled_with_its_reason(
    rig: Rig,
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.know(yearly())
    rig.reminding.arm()

    rig.know(yearly(status=Status.UNSUBSCRIBED))
    rig.reminding.arm()

    assert {row.state for row in rig.rows()} == {ReminderState.CANCELLED}
    assert {row.reason for row in rig.rows()} == {"unsubscribed"}


def test_auto_renewal_turned_off_and_on_again_loses_no_reminder(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-15 12:00"))
    rig.know(yearly())
    rig.run()
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.run()

    rig.know(yearly(auto_renew=False))
    rig.reminding.arm()
    rig.know(yearly(auto_renew=True))
    rig.pass_time(to=instant("2026-11-23 10:00"))

    assert rig.ids()[-1] == "default/sm-quota/2026-11-30/7d"


def test_what_waits_is_told_with_the_hour_that_a_reading_moves_within_its_date(rig: Rig) -> None:
    rig.clock.set(instant("2026-12-03 12:00"))
    rig.know(yearly(expires="2026-12-07 18:00", auto_renew=False))
    rig.run()
    before = len(rig.ids())
    rig.clock.set(instant("2026-12-04 09:00"))
    _refuse_once(rig)

    rig.know(yearly(expires="2026-12-07 19:00", auto_renew=False))
    rig.pass_time(to=instant("2026-12-04 12:00"))

    assert rig.ids()[before:] == ["default/sm-quota/2026-12-07/3d"]
    assert rig.ids(DM)[before:] == ["default/sm-quota/2026-12-07/3d/dm"]
    assert _anchor(rig).at == instant("2026-12-07 19:00")


def test_a_snooze_comes_back_with_the_hour_that_a_reading_moves_within_its_date(rig: Rig) -> None:
    rig.clock.set(instant("2026-12-03 12:00"))
    rig.know(yearly(expires="2026-12-07 18:00", auto_renew=False))
    rig.pass_time(to=instant("2026-12-04 10:00"))
    before, told = len(rig.ids()), rig.reminders()[-1].delivery_id
    rig.reminding.snooze(told, [key()], until=instant("2026-12-05 09:00"), by=OWNER)
    rig.run()

    rig.know(yearly(expires="2026-12-07 19:00", auto_renew=False))
    rig.pass_time(to=instant("2026-12-05 10:00"))

    assert rig.ids()[before:] == ["default/sm-quota/2026-12-07/3d/r1"]
    assert _anchor(rig).at == instant("2026-12-07 19:00")


@pytest.mark.parametrize("renewed", [False, True])
def test_what_waits_is_told_once_where_deduction_and_expiry_share_a_date(
    rig: Rig, renewed: bool
) -> None:
    """Past the first attempts the next one is on the day of the expiry, at 03:00."""
    before, meanwhile = (
        yearly(expires="2026-12-07 18:00", auto_renew=renews) for renews in (renewed, not renewed)
    )
    rig.clock.set(instant("2026-12-06 08:00"))
    rig.know(before)
    rig.run()
    told = len(rig.ids())
    rig.clock.set(instant("2026-12-06 09:00"))
    _refuse_once(rig)

    rig.know(meanwhile)
    rig.pass_time(to=instant("2026-12-06 10:00"))
    kind = _anchor(rig).kind
    rig.know(before)
    rig.pass_time(to=instant("2026-12-06 12:00"))

    assert rig.ids()[told:] == ["default/sm-quota/2026-12-07/1d"]
    assert kind is (AnchorKind.EXPIRY if renewed else AnchorKind.DEDUCTION)


def _refuse_once(rig: Rig) -> None:
    """What is due is bundled, and no token is accepted."""
    rig.messenger.refusals = [LockedOut("invalid_auth", retry_after=30)]
    rig.run()
    rig.messenger.refusals = []


def _anchor(rig: Rig) -> Anchor:
    """What the newest reminder counts back from."""
    message = rig.reminders()[-1].message
    assert isinstance(message, ReminderMessage)
    [item] = message.items
    return item.reminder.anchor


def test_a_date_that_moves_later_waits_for_its_own_leads(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-20 12:00"))
    rig.know(yearly())
    rig.run()
    before = len(rig.reminders())

    rig.know(yearly(auto_renew=False))
    rig.run()

    assert len(rig.reminders()) == before
    rig.pass_time(to=instant("2026-11-23 10:00"))
    assert rig.ids()[before:] == ["default/sm-quota/2026-12-07/14d"]


def test_a_date_that_moves_nearer_is_told_at_once(rig: Rig) -> None:
    rig.clock.set(instant("2026-10-01 12:00"))
    rig.know(yearly())
    rig.run()
    assert rig.reminders() == []

    rig.know(yearly(expires="2026-10-10 23:59:59"))
    rig.run()

    assert rig.ids() == ["default/sm-quota/2026-10-03/3d"]


def test_a_new_owner_is_told_at_once_and_the_former_one_no_more(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.know(yearly())
    rig.run()

    rig.know(yearly(owner=DEPUTY))
    rig.pass_time(to=instant("2026-11-23 10:00"))

    assert rig.ids(f"D{DEPUTY[1:]}") == [
        "default/sm-quota/2026-11-30/14d/dm",
        "default/sm-quota/2026-11-30/7d/dm",
    ]
    assert rig.ids(DM) == ["default/sm-quota/2026-11-30/14d/dm"]


def test_a_subscriptions_own_channel_wins(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-20 12:00"))
    rig.know(yearly(channel=SlackChannel("C0SECURITY")))

    rig.run()

    assert rig.ids() == []
    assert rig.ids(SECURITY) == ["default/sm-quota/2026-11-30/14d"]


SetLeads = Callable[..., None]


@pytest.fixture(params=["of all", "of a route"])
def set_leads(request: pytest.FixtureRequest, rig: Rig) -> SetLeads:
    """Give the settings other leads: the common ones, or those of a route that claims all."""
    if request.param == "of a route":
        _change(rig, routes=(Route(channel=FINOPS, lead_days=rig.policy.schedule.lead_days),))

    def set_leads(*leads: int) -> None:
        if rig.policy.routes:
            _change(rig, routes=(replace(rig.policy.routes[0], lead_days=leads),))
        else:
            _change(rig, schedule=replace(rig.policy.schedule, lead_days=leads))

    return set_leads


def _change(rig: Rig, **settings: Any) -> None:
    rig.policy = replace(rig.policy, **settings)
    rig.start()


def test_settings_that_drop_a_lead_cancel_what_was_armed_for_it(
    rig: Rig, set_leads: SetLeads
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.know(yearly())
    rig.reminding.arm()

    set_leads(14)
    rig.reminding.arm()
    rig.reminding.arm()

    reasons = {row.reason for row in rig.rows() if "/7d" in row.id}
    assert reasons == {"its lead is not wanted any more"}


def test_a_lead_that_was_dropped_is_not_sent_even_before_its_rows_are_cancelled(
    rig: Rig, set_leads: SetLeads
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.know(yearly())
    rig.reminding.arm()
    assert [row.state for row in rig.rows() if "/7d" in row.id] == [ReminderState.ARMED] * 2

    set_leads(14)
    rig.clock.set(instant("2026-11-23 09:00"))
    rig.run()

    assert not [each for each in rig.ids() if "/7d" in each]


def test_a_lead_that_was_dropped_is_not_told_as_missed_either(
    rig: Rig, set_leads: SetLeads
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.know(yearly())
    rig.reminding.arm()

    set_leads(1)
    rig.reminding.arm()
    rig.clock.set(instant("2026-12-20 09:00"))
    rig.run()

    assert not [each for each in rig.ids() if "/7d" in each]


def test_a_lead_that_was_added_counts_from_then_on_and_floods_nobody(
    rig: Rig, set_leads: SetLeads
) -> None:
    set_leads(3)
    rig.clock.set(instant("2026-11-22 12:00"))
    soon, far = yearly("soon"), yearly("far", expires="2026-12-20 23:59:59")
    rig.know(soon, far)
    rig.run()
    rig.run()

    set_leads(30, 7, 3)
    rig.run()
    rig.run()
    assert rig.ids() == []
    assert {row.id.split("/")[1] for row in rig.rows()} == {"soon"}

    rig.clock.set(instant("2026-11-23 09:00"))
    rig.run()
    assert rig.ids() == ["default/soon/2026-11-30/7d"]


def test_of_an_added_lead_the_first_run_enters_what_falls_due_soon_and_the_next_the_rest(
    rig: Rig, set_leads: SetLeads
) -> None:
    rig.clock.set(instant("2026-11-23 08:55"))
    today, tomorrow = yearly("today"), yearly("tomorrow", expires="2026-12-08 23:59:59")
    set_leads(3)
    rig.know(today, tomorrow)
    rig.run()
    rig.run()

    set_leads(7, 3)
    rig.reminding.arm()
    today_s, tomorrow_s = "default/today/2026-11-30/7d", "default/tomorrow/2026-12-01/7d"
    assert {row.id for row in rig.rows()} == {today_s, f"{today_s}/dm"}
    rig.reminding.arm()
    assert {row.id for row in rig.rows()} > {today_s, tomorrow_s}


def test_what_an_added_lead_owes_while_lapse_is_off_between_its_two_runs_is_told_late(
    rig: Rig, set_leads: SetLeads
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    set_leads(3)
    rig.know(yearly())
    rig.run()
    rig.run()
    set_leads(7, 3)
    rig.reminding.arm()
    assert rig.rows() == []

    rig.clock.set(instant("2026-11-23 11:00"))
    rig.run()

    assert rig.ids() == ["default/sm-quota/2026-11-30/7d"]
    assert {row.state for row in rig.rows()} == {ReminderState.LATE}


def test_a_lead_that_was_added_and_taken_out_again_counts_from_the_second_time(
    rig: Rig, set_leads: SetLeads
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    set_leads(3)
    rig.know(yearly())
    rig.run()
    rig.run()
    for leads in ((7, 3), (3,)):
        set_leads(*leads)
        rig.reminding.arm()
    rig.clock.set(instant("2026-11-23 11:00"))
    rig.run()

    set_leads(7, 3)
    rig.run()
    rig.run()

    assert rig.ids() == []


def test_a_route_gets_a_lead_that_all_others_had_before(rig: Rig) -> None:
    route = Route(channel=SECURITY, tag="security", lead_days=(3,))
    _change(rig, routes=(route,))
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.know(yearly("plain"), yearly("routed", tags={"security": ""}))
    rig.run()
    rig.run()

    _change(rig, routes=(replace(route, lead_days=(7, 3)),))
    rig.run()
    rig.run()
    rig.clock.set(instant("2026-11-23 09:00"))
    rig.run()

    assert rig.ids() == ["default/plain/2026-11-30/14d", "default/plain/2026-11-30/7d"]
    assert rig.ids(SECURITY) == ["default/routed/2026-11-30/7d"]


def test_of_a_change_of_channels_what_falls_due_soon_is_entered_before_the_rest(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.clock.set(instant("2026-11-23 08:55"))
    rig.know(yearly("today"), yearly("tomorrow", expires="2026-12-08 23:59:59"))
    rig.reminding.arm()

    def dies(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(Arming, "_disarm", dies)
    _change(rig, reminders_channel=SECURITY)
    with pytest.raises(Interrupted):
        rig.reminding.arm()

    there = {row.id for row in rig.rows() if row.destination == SECURITY}
    assert "default/today/2026-11-30/7d" in there
    assert "default/tomorrow/2026-12-01/7d" not in there


class Interrupted(Exception):
    """The process ends in the middle of a run."""


def test_the_next_lead_is_known_however_far_ahead(rig: Rig) -> None:
    rig.clock.set(instant("2026-06-01 12:00"))
    rig.know(yearly())

    found = rig.reminding.next_lead()

    assert found is not None
    assert found[0] == instant("2026-10-31 09:00")


def test_the_next_lead_is_found_by_reading_a_few_of_a_large_catalogue(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    days = [date(2026, 12, 7) + timedelta(days=n // 10) for n in range(300)]
    rig.know(*(yearly(f"sm-{n:03}", expires=f"{on} 23:59:59") for n, on in enumerate(days)))
    read: list[int] = []
    soonest = SqlCatalogue.soonest

    def counted(*args: Any, **facts: Any) -> Sequence[Subscription]:
        found = soonest(*args, **facts)
        read.append(len(found))
        return found

    monkeypatch.setattr(SqlCatalogue, "soonest", counted)
    found = rig.reminding.next_lead()
    rig.clock.set(instant("2026-11-23 09:00"))
    after = rig.reminding.next_lead()

    assert found is not None
    assert found[0] == instant("2026-11-23 09:00")
    assert after is not None
    assert after[0] == instant("2026-11-24 09:00")
    assert max(read) <= FEW
    leads = len(rig.policy.schedule.lead_days)
    assert len(read) == leads + leads


def test_what_was_kept_is_never_the_next_lead(rig: Rig) -> None:
    rig.clock.set(instant("2026-11-23 12:00"))
    kept = [f"sm-{n:02}" for n in range(FEW)]
    rig.know(*(yearly(each, owner=None) for each in kept))
    rig.run()
    rig.know(yearly("later", expires="2027-06-08 23:59:59"))
    before = rig.reminding.next_lead()

    pressed = rig.reminders()[-1].delivery_id
    rig.reminding.keep(pressed, [key(each) for each in kept], by=OWNER)
    after = rig.reminding.next_lead()

    assert before is not None
    assert (before[0], before[1].key) == (instant("2026-11-27 09:00"), key("sm-00"))
    assert after is not None
    assert after[1].key == key("later")


def test_a_new_rule_of_the_zone_moves_what_was_planned_by_the_old_one(
    store: SqlStore, clock: SettableClock
) -> None:
    def schedule(hours: int) -> Schedule:
        rules = BytesIO((files("tzdata") / "zoneinfo" / f"Etc/GMT-{hours}").read_bytes())
        zone = ZoneInfo.from_file(rules, key="Asia/Nowhere")
        return Schedule(lead_days=(3,), at=time(9), zone=zone)

    clock.set(instant("2026-11-26 12:00"))
    before = Rig(store, clock, policy=policy(schedule=schedule(8)))
    before.know(yearly(owner=None))
    before.reminding.arm()
    assert [row.due_at for row in before.rows()] == [instant("2026-11-27 09:00")]

    after = Rig(store, clock, policy=policy(schedule=schedule(9)))  # as after a restart
    after.reminding.arm()

    assert [row.due_at for row in after.rows()] == [instant("2026-11-27 08:00")]


def test_an_account_that_the_settings_no_longer_name_is_not_reminded_of(
    rig: Rig, database: Database
) -> None:
    rig.clock.set(instant("2026-11-22 12:00"))
    rig.know(yearly("old", account="staging"), yearly())
    rig.reminding.arm()

    fewer = {name: each for name, each in ACCOUNTS.items() if name != "staging"}
    rig.store = database.store(team_id=TEAM, accounts=fewer, audit_key=AUDIT_KEY)
    rig.start()
    rig.pass_time(to=instant("2026-11-23 10:00"), every=timedelta(hours=12))

    assert not any("staging" in each for each in rig.ids())
    assert "default/sm-quota/2026-11-30/7d" in rig.ids()
    reasons = {row.reason for row in rig.rows() if row.id.startswith("staging")}
    assert reasons == {"its account is not in the settings"}
