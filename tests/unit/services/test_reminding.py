"""How due reminders are put into messages, and what people may do about them."""

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bot.billing.money import Money
from bot.billing.subscription import Package, SlackUser, Status
from bot.facts.messages import ReminderLine, ReminderMessage, ReminderRest, Settled
from bot.ports.store import ReminderState
from bot.services.errors import NoLongerDue, NotAllowed, Refused, SnoozeTooFar
from bot.services.policy import NeedingApproval
from bot.services.settled import SettledFact
from bot.services.telling import tell
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, OUTSIDER, OWNER, instant, key, order, package, quota
from tests.unit.services.rig import FINOPS, Rig, labels, policy

DM = f"D{OWNER[1:]}"
ORDER = order("2025-12-07 09:20", expires_at="2026-12-07 23:59:59")


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """Mon 23 Nov 2026, 08:59: a quota and its packages will be deducted on 30 November."""
    clock.set(instant("2026-11-22 08:59"))
    rig = Rig(store, clock)
    rig.know(
        quota(orders=(ORDER,)),
        package("a-screen", orders=(order("2025-12-07 09:20", cash="900.00"),)),
        package(
            "b-orchestration",
            Package.SECURITY_ORCHESTRATION,
            renewal_price=Decimal("1200.00"),
            orders=(order("2025-12-07 09:20", cash="1200.00"),),
        ),
    )
    rig.run()
    clock.set(instant("2026-11-23 09:00"))
    rig.run()
    return rig


def newest(rig: Rig, to: str = FINOPS) -> ReminderMessage:
    message = rig.reminders(to)[-1].message
    assert isinstance(message, ReminderMessage)
    return message


def settled(rig: Rig, ref: str = "sm-quota", to: str = FINOPS) -> Settled:
    [item] = [each for each in newest(rig, to).items if each.subscription.key.id == ref]
    return item.settled


def test_reminders_that_fall_due_together_share_a_message_quota_before_packages(
    rig: Rig,
) -> None:
    assert labels(rig.reminders())[-1] == ["sm-quota", "a-screen", "b-orchestration"]
    first = newest(rig).items[0]
    assert first.amount == Money(Decimal("3600.00"), "USD")
    assert first.last_working_day == date(2026, 11, 27)
    assert first.safe_until == instant("2026-11-30 00:00")
    assert first.reminder.due_at == instant("2026-11-23 09:00")


def test_the_owners_message_is_direct_and_in_the_owners_zone(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.directory.zones[OWNER] = ZoneInfo("Europe/Berlin")
    rig.know(quota(orders=(ORDER,)))
    rig.run()

    message = newest(rig, DM)

    assert message.direct
    assert message.zone == ZoneInfo("Europe/Berlin")
    assert not newest(rig).direct


def test_a_message_holds_ten_and_those_beyond_forty_are_counted_with_sums(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.know(*(quota(f"q-{n:02}", orders=(ORDER,), owner=None) for n in range(47)))

    rig.run()

    assert [len(names) for names in labels(rig.reminders())] == [10, 10, 10, 10]
    [rest] = rig.messenger.of(ReminderRest)
    assert isinstance(rest.message, ReminderRest)
    assert rest.message.count == 7
    assert rest.message.sums == (Money(Decimal("25200.00"), "USD"),)
    assert rest.reminder_ids == ()
    named = {ref for names in labels(rig.reminders()) for ref in names}
    counted = {item.subscription.key.id for item in rig.reminding.rest(rest.message.batch_id).items}
    assert len(named) == 40
    assert named | counted == {f"q-{n:02}" for n in range(47)}


def test_what_was_only_counted_is_shown_to_the_last_one_a_page_at_a_time(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.know(*(quota(f"q-{n:03}", orders=(ORDER,), owner=None) for n in range(155)))
    rig.run()
    [rest] = rig.messenger.of(ReminderRest)

    pages = [rig.reminding.rest(rest.delivery_id, page=page) for page in (1, 2, 3)]

    assert [(each.number, len(each.items)) for each in pages] == [(1, 50), (51, 50), (101, 15)]
    assert {(each.count, each.pages) for each in pages} == {(115, 3)}
    assert len({item.reminder_id for each in pages for item in each.items}) == 115
    assert rig.reminding.rest(rest.delivery_id, page=9) == pages[-1]
    with pytest.raises(NoLongerDue):
        rig.reminding.rest("gone")


@pytest.mark.parametrize("asks", [True, False])
def test_a_reminder_knows_whether_turning_off_needs_an_approval(
    store: SqlStore, clock: SettableClock, *, asks: bool
) -> None:
    needing = NeedingApproval(autorenew_off=asks)
    rig = Rig(store, clock, policy=policy(needing_approval=needing))
    rig.know(quota(orders=(ORDER,)))
    rig.run()

    assert newest(rig).off_by_request is asks


def test_keep_ends_all_reminders_of_the_deduction_everywhere(rig: Rig) -> None:
    pressed = newest(rig).delivery_id

    rig.reminding.keep(pressed, [key()], by=OWNER)
    rig.run()
    before = len(rig.ids())
    rig.pass_time(to=instant("2026-11-30 02:00"), every=timedelta(hours=12))

    later = rig.ids()[before:]
    assert not any("sm-quota" in each for each in (*later, *rig.ids(DM)[-4:]))
    assert sum("a-screen" in each for each in later) == 2


def test_a_kept_item_shows_who_keeps_it_in_channel_and_direct_message(rig: Rig) -> None:
    rig.reminding.keep(newest(rig).delivery_id, [key()], by=OWNER)
    rig.run()

    for to in (FINOPS, DM):
        item = newest(rig, to).items[0]
        assert (item.settled, item.settled_by) == (Settled.KEPT, OWNER)
        assert item.settled_at == instant("2026-11-23 09:00")


def test_a_press_is_named_in_the_thread_of_the_channel_even_when_pressed_in_private(
    rig: Rig,
) -> None:
    rig.reminding.keep(newest(rig, DM).delivery_id, [key()], by=OWNER)
    rig.run()

    [line] = rig.messenger.of(ReminderLine)
    assert line.to == FINOPS
    assert line.thread == rig.reminders()[-1].ts
    assert isinstance(line.message, ReminderLine)
    assert line.message.item.settled_by == OWNER


def test_keep_taken_back_brings_the_later_leads_again(rig: Rig) -> None:
    pressed = newest(rig).delivery_id
    rig.reminding.keep(pressed, [key()], by=OWNER)
    rig.run()

    rig.reminding.undo_keep(pressed, [key()], by=OWNER)
    rig.run()

    assert settled(rig) is Settled.OPEN
    before = len(rig.ids())
    rig.pass_time(to=instant("2026-11-27 10:00"), every=timedelta(hours=6))
    assert "default/sm-quota/2026-11-30/3d" in rig.ids()[before:]


def test_what_is_taken_back_is_armed_at_once_so_that_nothing_is_lost_if_lapse_dies(
    rig: Rig,
) -> None:
    pressed = newest(rig).delivery_id
    rig.reminding.keep(pressed, [key()], by=OWNER)
    rig.pass_time(to=instant("2026-11-26 10:00"), every=timedelta(hours=6))
    rig.reminding.undo_keep(pressed, [key()], by=OWNER)
    before = len(rig.ids())

    rig.clock.set(instant("2026-11-27 10:00"))  # nothing ran between the press and this
    rig.run()

    assert "default/sm-quota/2026-11-30/3d" in rig.ids()[before:]


def test_keep_pressed_twice_leaves_one_thread_line_each(rig: Rig) -> None:
    pressed = newest(rig).delivery_id
    for _ in range(2):
        rig.reminding.keep(pressed, [key()], by=OWNER)
        rig.reminding.undo_keep(pressed, [key()], by=OWNER)
    rig.run()

    lines = [each.message for each in rig.messenger.of(ReminderLine)]
    assert [line.item.settled for line in lines] == [Settled.KEPT, Settled.OPEN] * 2


def test_a_snooze_comes_back_under_a_repeats_id_and_is_not_late(rig: Rig) -> None:
    until = instant("2026-11-25 09:00")

    rig.reminding.snooze(newest(rig).delivery_id, [key()], until=until, by=OWNER)
    rig.run()
    assert settled(rig) is Settled.SNOOZED
    before = len(rig.ids())
    rig.pass_time(to=instant("2026-11-25 09:00"), every=timedelta(hours=12))

    assert rig.ids()[before:] == ["default/sm-quota/2026-11-30/7d/r1"]
    assert rig.ids(DM)[-1] == "default/sm-quota/2026-11-30/7d/r1/dm"
    assert newest(rig).timing.value == "on-time"


def test_a_snooze_in_the_place_of_a_keep_brings_the_later_leads_again(rig: Rig) -> None:
    pressed = newest(rig).delivery_id
    rig.clock.set(instant("2026-11-25 10:00"))
    rig.run()  # the three-day lead is armed
    rig.reminding.keep(pressed, [key()], by=OWNER)

    rig.reminding.snooze(pressed, [key()], until=instant("2026-11-25 20:00"), by=OWNER)

    before = len(rig.ids())
    rig.pass_time(to=instant("2026-11-27 10:00"), every=timedelta(hours=6))
    told = [each for each in rig.ids()[before:] if "sm-quota" in each]
    assert told == [f"default/sm-quota/2026-11-30/{lead}" for lead in ("7d/r1", "3d")]


def test_a_snooze_silences_the_leads_before_it(rig: Rig) -> None:
    until = instant("2026-11-28 09:00")

    rig.reminding.snooze(newest(rig).delivery_id, [key()], until=until, by=OWNER)
    before = len(rig.ids())
    rig.pass_time(to=instant("2026-11-28 09:00"), every=timedelta(hours=12))

    mine = [each for each in rig.ids()[before:] if "sm-quota" in each]
    assert mine == ["default/sm-quota/2026-11-30/7d/r1"]


def test_a_second_snooze_replaces_the_first(rig: Rig) -> None:
    pressed = newest(rig).delivery_id
    rig.reminding.snooze(pressed, [key()], until=instant("2026-11-26 09:00"), by=OWNER)

    rig.reminding.snooze(pressed, [key()], until=instant("2026-11-24 09:00"), by=OWNER)
    before = len(rig.ids())
    rig.pass_time(to=instant("2026-11-26 12:00"), every=timedelta(hours=12))

    mine = [each for each in rig.ids()[before:] if "sm-quota" in each]
    assert mine == ["default/sm-quota/2026-11-30/7d/r2"]


def test_a_snooze_may_not_reach_the_safe_cut_off(rig: Rig) -> None:
    pressed = newest(rig).delivery_id

    with pytest.raises(SnoozeTooFar) as refused:
        rig.reminding.snooze(pressed, [key()], until=instant("2026-11-30 00:00"), by=OWNER)
    with pytest.raises(Refused):
        rig.reminding.snooze(pressed, [key()], until=instant("2026-11-23 09:00"), by=OWNER)

    assert "Sun 29 Nov 2026, 23:59 GMT+08:00" in refused.value.sentence
    assert settled(rig) is Settled.OPEN


def test_the_snooze_choices_lie_before_the_last_safe_moment(rig: Rig) -> None:
    options = rig.reminding.snooze_options(newest(rig).delivery_id, [key()])

    assert [choice.at for choice in options.choices] == [
        instant("2026-11-24 09:00"),
        instant("2026-11-25 09:00"),
        instant("2026-11-27 09:00"),
    ]
    assert options.safe_until == instant("2026-11-30 00:00")


@pytest.mark.parametrize("who", [OUTSIDER, SlackUser("U0REQUESTER")])
def test_others_than_owner_and_approvers_may_not_settle_a_reminder(
    rig: Rig, who: SlackUser
) -> None:
    pressed = newest(rig).delivery_id

    with pytest.raises(NotAllowed):
        rig.reminding.keep(pressed, [key()], by=who)
    with pytest.raises(NotAllowed):
        rig.reminding.snooze(pressed, [key()], until=instant("2026-11-24 09:00"), by=who)

    rig.run()
    assert settled(rig) is Settled.OPEN


def test_an_approver_may_keep(rig: Rig) -> None:
    rig.reminding.keep(newest(rig).delivery_id, [key()], by=APPROVER_1)
    rig.run()

    assert settled(rig) is Settled.KEPT


def test_an_old_button_after_the_deduction_is_refused(rig: Rig) -> None:
    pressed = newest(rig).delivery_id
    rig.clock.set(instant("2026-11-30 03:00"))

    with pytest.raises(NoLongerDue):
        rig.reminding.keep(pressed, [key()], by=OWNER)
    with pytest.raises(NoLongerDue):
        rig.reminding.keep("no-such-delivery", [key()], by=OWNER)


def test_turned_off_elsewhere_reads_no_longer_due_and_turned_off_here_names_who(
    rig: Rig,
) -> None:
    pressed = newest(rig).delivery_id
    rig.know(quota(orders=(ORDER,), auto_renew=False))

    elsewhere = rig.reminding.message(pressed).items[0]
    with rig.store.transaction() as tx:
        fact = SettledFact(settled=Settled.TURNED_OFF, at=rig.clock.now(), by=OWNER)
        tell(tx, key(), date(2026, 11, 30), fact, pressed=pressed)
    here = rig.reminding.message(pressed).items[0]

    assert elsewhere.settled is Settled.NO_LONGER_DUE
    assert elsewhere.note == "Auto-renewal was turned off at the cloud; by whom is not known."
    assert (here.settled, here.settled_by) == (Settled.TURNED_OFF, OWNER)


def test_turned_off_and_on_again_is_open_again(rig: Rig) -> None:
    pressed = newest(rig).delivery_id
    with rig.store.transaction() as tx:
        fact = SettledFact(settled=Settled.TURNED_OFF, at=rig.clock.now(), by=OWNER)
        tell(tx, key(), date(2026, 11, 30), fact, pressed=pressed)

    assert rig.reminding.message(pressed).items[0].settled is Settled.OPEN


def test_a_turning_off_that_nobody_finished_gives_the_buttons_back(rig: Rig) -> None:
    pressed = newest(rig).delivery_id
    with rig.store.transaction() as tx:
        fact = SettledFact(settled=Settled.TURNING_OFF, at=rig.clock.now(), by=OWNER)
        tell(tx, key(), date(2026, 11, 30), fact, pressed=pressed)

    rig.run()
    at_once = settled(rig)
    rig.start()
    rig.clock.advance(timedelta(minutes=1))
    rig.run()

    assert at_once is Settled.TURNING_OFF
    assert settled(rig) is Settled.OPEN
    assert newest(rig).items[0].note
    [line] = rig.messenger.of(ReminderLine)
    assert line.message.item.settled is Settled.OPEN


def test_a_turning_off_that_reached_the_cloud_before_a_crash_names_who_did_it(rig: Rig) -> None:
    with rig.store.transaction() as tx:
        fact = SettledFact(settled=Settled.TURNING_OFF, at=rig.clock.now(), by=OWNER)
        tell(tx, key(), date(2026, 11, 30), fact, pressed=newest(rig).delivery_id)
    rig.know(quota(orders=(ORDER,), auto_renew=False))

    rig.clock.advance(timedelta(minutes=1))
    rig.run()

    item = next(i for i in rig.reminders()[1].message.items if i.subscription.key == key())
    assert (item.settled, item.settled_by) == (Settled.TURNED_OFF, OWNER)


def test_what_was_unsubscribed_is_no_longer_due(rig: Rig) -> None:
    rig.know(quota(orders=(ORDER,), status=Status.UNSUBSCRIBED))

    item = rig.reminding.message(newest(rig).delivery_id).items[0]

    assert (item.settled, item.note) == (Settled.NO_LONGER_DUE, "It was unsubscribed.")


def test_a_reminder_kept_between_bundling_and_sending_is_not_sent(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.know(quota(orders=(ORDER,), owner=None))
    rig.reminding.arm()
    rig.reminding.bundle_due()

    rig.know(quota(orders=(ORDER,), owner=None, auto_renew=False))
    rig.delivering.send_due()

    assert rig.messenger.posts == 0
    assert {row.state for row in rig.rows()} == {ReminderState.CANCELLED}


def test_where_a_digest_is_split_a_group_stays_in_its_order(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    servers = [
        quota(f"a-{n}", orders=(ORDER,), owner=None, region="ap-southeast-1") for n in range(9)
    ]
    group = [
        package("a-runs", Package.SECURITY_ORCHESTRATION, orders=(ORDER,), owner=None, region="zz"),
        package("b-screen", orders=(ORDER,), owner=None, region="zz"),
        quota("z-quota", orders=(ORDER,), owner=None, region="zz"),
    ]
    rig.know(*servers, *group)

    rig.run()

    flat = [ref for names in labels(rig.reminders()) for ref in names]
    assert flat[9:] == ["z-quota", "b-screen", "a-runs"]
