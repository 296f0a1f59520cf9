"""Every message once: faults of the network, crashes, and destinations that refuse."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.billing.subscription import SlackUser
from bot.billing.subscription import Status as SubscriptionStatus
from bot.facts.messages import OperatorWarning, ReminderMessage, Settled, Timing
from bot.facts.reminding import Because, Why
from bot.ports.messenger import Limited, LockedOut, NotPosted, Unreachable
from bot.ports.store import Delivery, DeliveryState, ReminderState, Store, Transaction
from bot.services.closing import closures
from bot.services.composing import NotYet
from bot.services.owing import delivery_id, reminder_update
from bot.services.pacing import Limits, Method, Pacing, Rate
from bot.services.people import People
from bot.services.policy import NOT_REPEATED, WhenUnknown
from bot.services.rerouting import Rerouting
from bot.services.status import Status
from bot.services.steadiness import Steadiness
from storage.engine import Database
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.conftest import ACCOUNTS, AUDIT_KEY, TEAM
from tests.factories import APPROVER_1, APPROVER_2, OWNER, key, order, quota
from tests.unit.services.rig import FINOPS, SECURITY, Rig, labels, policy

SECOND = timedelta(seconds=1)
LANDS = timedelta(seconds=40)
LEASE = timedelta(seconds=60)
SILENT = WhenUnknown(repeats=False, after=timedelta(hours=1))


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """A reminder for #finops is bundled and due."""
    rig = Rig(store, clock)
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=None))
    rig.reminding.arm()
    rig.reminding.bundle_due()
    return rig


def delivery(rig: Rig) -> Delivery:
    [row] = [row for row in rig.rows() if row.delivery_id]
    with rig.store.reading() as tx:
        found = tx.outbox.get(str(row.delivery_id))
    assert found is not None
    return found


def row_state(rig: Rig) -> ReminderState:
    [state] = {row.state for row in rig.rows() if row.delivery_id}
    return state


def test_a_due_message_is_posted_once_and_recorded(rig: Rig) -> None:
    rig.delivering.send_due()
    rig.delivering.send_due()

    sent = delivery(rig)
    assert rig.messenger.posts == 1
    assert sent.state is DeliveryState.SENT
    assert (sent.channel, sent.ts) == (FINOPS, rig.reminders()[0].ts)
    assert rig.reminders()[0].delivery_id == sent.id
    assert row_state(rig) is ReminderState.SENT


def test_the_intent_is_durable_before_a_byte_is_sent(rig: Rig) -> None:
    seen: list[DeliveryState] = []

    def look() -> None:
        seen.append(delivery(rig).state)

    rig.messenger.before_post = look
    rig.delivering.send_due()

    assert seen == [DeliveryState.SENDING]


def test_a_lost_answer_is_found_in_the_history_and_not_posted_again(rig: Rig) -> None:
    rig.messenger.lose_answers = 1
    rig.delivering.send_due()
    assert row_state(rig) is ReminderState.UNKNOWN

    rig.clock.advance(LANDS)
    rig.delivering.send_due()

    assert rig.messenger.posts == 1
    assert delivery(rig).state is DeliveryState.SENT
    assert row_state(rig) is ReminderState.SENT


def test_a_lost_request_is_posted_again_only_when_it_can_no_longer_land(rig: Rig) -> None:
    rig.messenger.lose_requests = 1
    rig.delivering.send_due()

    rig.clock.advance(LANDS - SECOND)
    rig.delivering.send_due()
    assert rig.messenger.posts == 1
    rig.clock.advance(SECOND)
    rig.delivering.send_due()

    assert rig.messenger.posts == 2
    assert len(rig.reminders()) == 1
    assert delivery(rig).state is DeliveryState.SENT


def test_when_the_clock_leapt_the_wait_begins_anew(rig: Rig) -> None:
    rig.messenger.lose_requests = 1
    rig.delivering.send_due()
    rig.clock.advance(LANDS)
    rig.steady_since = rig.clock.now()  # there it leapt

    rig.delivering.send_due()
    rig.clock.advance(LANDS - SECOND)
    rig.delivering.send_due()
    assert rig.messenger.posts == 1
    assert row_state(rig) is ReminderState.UNKNOWN
    rig.clock.advance(SECOND)
    rig.delivering.send_due()

    assert rig.messenger.posts == 2
    assert delivery(rig).state is DeliveryState.SENT


def test_hours_in_which_nobody_ran_are_none_in_which_nobody_could_look(rig: Rig) -> None:
    rig.messenger.lose_answers = 1
    rig.delivering.send_due()
    rig.clock.advance(timedelta(hours=7))
    rig.steady_since = rig.clock.now()  # another process begins
    rig.messenger.history_unreadable = True
    rig.clock.advance(LANDS)
    rig.delivering.send_due()

    rig.messenger.history_unreadable = False
    rig.clock.advance(timedelta(hours=1))
    rig.delivering.send_due()

    assert rig.messenger.posts == 1
    assert delivery(rig).state is DeliveryState.SENT


def test_without_a_readable_history_it_stays_unknown_and_is_not_repeated(rig: Rig) -> None:
    rig.messenger.lose_answers = 1
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()

    for _ in range(20):
        rig.clock.advance(timedelta(minutes=10))
        rig.delivering.send_due()
    unknown = delivery(rig).state
    rig.messenger.history_unreadable = False
    rig.clock.advance(timedelta(minutes=16))
    rig.delivering.send_due()

    assert unknown is DeliveryState.UNKNOWN
    assert rig.messenger.posts == 1
    assert delivery(rig).state is DeliveryState.SENT


def test_after_hours_without_a_history_it_is_repeated_and_says_so(rig: Rig) -> None:
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()

    for _ in range(40):
        rig.clock.advance(timedelta(minutes=10))
        rig.delivering.send_due()

    [shown] = rig.reminders()
    assert shown.may_repeat


@pytest.mark.parametrize(
    ("begins_anew", "drift"),
    [
        pytest.param(timedelta(hours=5, minutes=54), 0.0, id="processes begin anew"),
        pytest.param(timedelta.max, 25e-6, id="the database's clock is fast"),
    ],
)
def test_hours_without_a_history_count_though_processes_begin_anew_and_clocks_drift(
    rig: Rig, begins_anew: timedelta, drift: float
) -> None:
    start = rig.clock.now()
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    steadiness, began = _steadiness(rig, drift), start
    rig.delivering.send_due()

    while rig.messenger.posts == 1 and rig.clock.now() - start < timedelta(hours=12):
        rig.clock.advance(timedelta(minutes=1))
        if rig.clock.now() - began >= begins_anew:
            steadiness, began = _steadiness(rig, drift), rig.clock.now()
        rig.steady_since = steadiness.since()
        rig.delivering.send_due()

    assert timedelta(hours=6) <= rig.clock.now() - start <= timedelta(hours=6, minutes=15)
    [shown] = rig.reminders()
    assert shown.may_repeat


def _steadiness(rig: Rig, drift: float) -> Steadiness:
    """What a process that begins now knows of the database's clock, which is fast by a drift."""
    now = rig.clock.now
    steadiness = Steadiness(
        clock=rig.clock, database=now, elapsed=lambda: now().timestamp() * (1 - drift)
    )
    rig.steady_since = steadiness.since()
    return steadiness


def test_a_repeat_that_its_channel_refuses_stays_unknown_and_says_so_when_it_goes(
    rig: Rig,
) -> None:
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()
    rig.messenger.closed = {FINOPS: "not_in_channel"}
    for _ in range(80):
        rig.clock.advance(timedelta(minutes=10))
        rig.delivering.send_due()
    refused, row, posts = delivery(rig).state, row_state(rig), rig.messenger.posts

    rig.messenger.closed = {}
    for _ in range(80):
        rig.clock.advance(timedelta(minutes=10))
        rig.delivering.send_due()

    assert (refused, row) == (DeliveryState.UNKNOWN, ReminderState.UNKNOWN)
    assert posts > 1
    [shown] = rig.reminders()
    assert shown.may_repeat


def test_a_repeat_that_slack_limits_stays_unknown_and_says_so_when_it_goes(rig: Rig) -> None:
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()
    rig.messenger.refusals = [Limited("ratelimited", retry_after=30)]
    for _ in range(80):
        rig.clock.advance(timedelta(minutes=10))
        rig.delivering.send_due()

    assert rig.messenger.refusals == []
    [shown] = rig.reminders()
    assert shown.may_repeat


def test_looks_that_last_longer_than_a_claim_come_to_an_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes 70 seconds, and somebody else is always there to take the claim that is over."""
    rig.messenger.lose_answers = 1
    rig.delivering.send_due()
    copies = rig.messenger.copies

    def slowly(*arguments: Any, **facts: Any) -> Any:
        rig.clock.advance(70 * SECOND)
        now = rig.clock.now()
        with rig.store.transaction() as tx:
            tx.outbox.claim(now=now, lease_until=now + LEASE, limit=1)
        return copies(*arguments, **facts)

    monkeypatch.setattr(rig.messenger, "copies", slowly)
    for _ in range(30):
        rig.clock.advance(20 * SECOND)
        rig.delivering.send_due()

    assert delivery(rig).state is DeliveryState.SENT
    assert rig.messenger.posts == 1


def unreadable_for(rig: Rig, duration: timedelta, *, lost_answers: int = 0) -> None:
    """The first attempt has no answer, and from then on nobody can look for it."""
    rig.messenger.lose_answers, rig.messenger.lose_requests = lost_answers, 1 - lost_answers
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()
    until = rig.clock.now() + duration
    while rig.clock.now() < until:
        rig.clock.advance(timedelta(minutes=1))
        rig.delivering.send_due()


@pytest.mark.parametrize(
    "refused",
    [
        Limited("ratelimited", retry_after=1),
        Unreachable("connection_refused"),
        LockedOut("invalid_auth"),
        NotPosted("brand_new_error", retry_after=30),
    ],
)
def test_a_repeat_that_is_refused_for_certain_does_not_wait_as_long_again(
    rig: Rig, refused: NotPosted
) -> None:
    unreadable_for(rig, timedelta(hours=5, minutes=59))
    rig.messenger.refusals = [refused]

    for _ in range(20):
        rig.clock.advance(timedelta(minutes=1))
        rig.delivering.send_due()

    assert rig.messenger.refusals == []
    [shown] = rig.reminders()
    assert shown.may_repeat


def test_a_repeat_whose_answer_is_lost_waits_as_long_again(rig: Rig) -> None:
    unreadable_for(rig, timedelta(hours=5, minutes=59))
    rig.messenger.lose_requests = 1

    for _ in range(6):
        rig.clock.advance(timedelta(hours=1))
        rig.delivering.send_due()

    assert rig.messenger.posts == 2


def test_a_repeat_whose_intent_took_too_long_still_says_that_it_may_be_one(rig: Rig) -> None:
    unreadable_for(rig, timedelta(hours=5, minutes=50), lost_answers=1)
    slow = iter(range(0, 10**6, 3))
    rig.elapsed = lambda: float(next(slow))
    rig.start()
    for _ in range(30):
        rig.clock.advance(timedelta(minutes=1))
        rig.delivering.send_due(limit=1)
    stalled = delivery(rig)
    rig.elapsed = lambda: 0.0
    rig.start()
    rig.clock.advance(timedelta(minutes=20))
    rig.delivering.send_due()

    assert (stalled.attempt > 1, stalled.state) == (True, DeliveryState.UNKNOWN)
    assert [shown.may_repeat for shown in rig.reminders()] == [False, True]


def test_a_repeat_that_has_to_wait_for_another_message_still_says_that_it_may_be_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable_for(rig, timedelta(hours=5, minutes=59), lost_answers=1)
    compose = rig.composing.compose
    waits = iter([False, True])  # the look composes as well

    def not_yet(*arguments: Any, **facts: Any) -> Any:
        if next(waits, False):
            raise NotYet
        return compose(*arguments, **facts)

    monkeypatch.setattr(rig.composing, "compose", not_yet)
    for _ in range(20):
        rig.clock.advance(timedelta(minutes=1))
        rig.delivering.send_due()

    assert next(waits, None) is None
    assert [shown.may_repeat for shown in rig.reminders()] == [False, True]


def test_who_prefers_silence_never_reads_it_twice_and_is_told_why(rig: Rig) -> None:
    rig.policy = policy(when_unknown=SILENT)
    rig.start()
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()

    rig.clock.advance(timedelta(minutes=59))
    rig.delivering.send_due()
    before = delivery(rig).state
    for _ in range(40):
        rig.clock.advance(timedelta(minutes=10))
        rig.delivering.send_due()
    rig.messenger.history_unreadable = False
    rig.clock.advance(timedelta(hours=1))
    rig.delivering.send_due()

    assert before is DeliveryState.UNKNOWN
    assert rig.messenger.posts == 1
    assert rig.reminders() == []
    assert delivery(rig).state is DeliveryState.UNCONFIRMED
    assert delivery(rig).started_at is not None
    assert {(row.state, row.reason) for row in rig.rows() if row.delivery_id} == {
        (ReminderState.UNKNOWN, NOT_REPEATED)
    }
    [why] = {row.why for row in rig.reminding.recalled().rows if row.standing == "unknown"}
    assert why == Why(because=Because.RECORDED, detail=NOT_REPEATED)
    facts = Status(store=rig.store, clock=rig.clock).status()
    assert facts.unknown == 1


def test_what_hangs_on_a_message_that_stays_unconfirmed_is_dropped_and_the_next_goes(
    rig: Rig,
) -> None:
    rig.policy = policy(when_unknown=SILENT)
    rig.start()
    rig.messenger.lose_requests = 1
    rig.messenger.history_unreadable = True
    rig.delivering.send_due()
    update = reminder_update(delivery(rig), cause="a test", at=rig.clock.now())
    with rig.store.transaction() as tx:
        tx.outbox.owe(update)

    rig.clock.advance(timedelta(hours=2))
    rig.delivering.send_due()
    rig.delivering.send_due()

    with rig.store.reading() as tx:
        found = tx.outbox.get(update.id)
    assert found is not None
    assert found.state is DeliveryState.CANCELLED


@pytest.mark.parametrize("landed", [True, False])
def test_a_crash_between_posting_and_recording_neither_loses_nor_repeats(
    rig: Rig, landed: bool
) -> None:
    def die() -> None:
        raise Killed

    if landed:
        real = rig.messenger.post

        def post_and_die(*args: object, **kwargs: object) -> None:
            real(*args, **kwargs)
            raise Killed

        rig.messenger.post = post_and_die
    else:
        rig.messenger.before_post = die
    with pytest.raises(Killed):
        rig.delivering.send_due()
    if landed:
        del rig.messenger.post
    rig.messenger.before_post = None

    rig.start()
    rig.clock.advance(LEASE - SECOND)
    rig.delivering.send_due()
    held = len(rig.reminders())
    rig.clock.advance(SECOND)
    rig.delivering.send_due()

    assert held == (1 if landed else 0)
    assert len(rig.reminders()) == 1
    assert delivery(rig).state is DeliveryState.SENT


def test_two_replicas_hand_a_message_out_once(rig: Rig) -> None:
    other = Rig(rig.store, rig.clock, rig.policy)
    other.messenger = rig.messenger
    other.start()
    rig.messenger.before_post = lambda: other.delivering.send_due() and None

    rig.delivering.send_due()

    assert rig.messenger.posts == 1


def test_who_lost_the_fence_records_nothing(rig: Rig) -> None:
    def freeze() -> None:
        rig.messenger.before_post = None
        rig.clock.advance(LEASE)
        other = Rig(rig.store, rig.clock, rig.policy)
        other.messenger = rig.messenger
        other.start()
        other.delivering.send_due()

    rig.messenger.before_post = freeze
    rig.delivering.send_due()

    # Frozen for longer than the lease: two at most, and one record, that of the holder.
    sent = delivery(rig)
    assert rig.messenger.posts == 2
    assert sent.state is DeliveryState.SENT
    assert sent.ts == rig.reminders()[0].ts
    assert sent.fence == 3  # of the frozen one, of who looked, of who posted


def test_slack_is_not_asked_again_before_it_allows_it(rig: Rig) -> None:
    rig.messenger.refusals = [NotPosted("ratelimited", retry_after=30)]
    rig.delivering.send_due()

    rig.clock.advance(timedelta(seconds=29))
    rig.delivering.send_due()
    early = rig.messenger.posts
    rig.clock.advance(SECOND)
    rig.delivering.send_due()

    assert early == 1
    assert rig.messenger.posts == 2
    assert row_state(rig) is ReminderState.SENT


def test_a_slack_that_is_not_there_is_tried_ever_more_rarely(rig: Rig) -> None:
    rig.messenger.refusals = [Unreachable("connection_refused") for _ in range(100)]

    for _ in range(360):
        rig.clock.advance(10 * SECOND)
        rig.delivering.send_due()

    assert 10 <= rig.messenger.posts <= 25


def pass_minutes(rig: Rig, minutes: int) -> None:
    for _ in range(6 * minutes):
        rig.clock.advance(10 * SECOND)
        rig.run()


def test_what_the_common_channel_refuses_for_an_unknown_reason_is_told_once_it_is_taken(
    rig: Rig,
) -> None:
    """Nobody knows whether it passes, so it is not given up: it waits as in a closed channel."""
    rig.messenger.refuse_in = {FINOPS: "org_login_required"}
    pass_minutes(rig, 2)
    early = rig.messenger.posts
    pass_minutes(rig, 11)

    warnings = rig.messenger.of(OperatorWarning)
    assert early == 3 + len(warnings)
    assert rig.messenger.posts == 5 + len(warnings)  # a minute later, and ten minutes later
    assert len(warnings) == 2  # one for each approver
    assert "org_login_required" in warnings[0].message.text
    assert delivery(rig).state is DeliveryState.PENDING
    assert row_state(rig) is ReminderState.ARMED

    rig.messenger.refuse_in = {}
    pass_minutes(rig, 61)
    assert rig.ids() == ["default/sm-quota/2026-11-30/7d"]
    with rig.store.reading() as tx:
        assert (closures(tx), tx.notes.get("refusals")) == ({}, {})


def test_what_another_channel_refuses_three_times_goes_to_the_common_one(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=None, channel=SECURITY))
    rig.messenger.refuse_in = {SECURITY: "brand_new_error"}
    rig.run()
    pass_minutes(rig, 10)

    warnings = rig.messenger.of(OperatorWarning)
    assert rig.ids() == ["default/sm-quota/2026-11-30/7d"]
    assert len(warnings) == 2
    assert rig.messenger.posts == 3 + 1 + len(warnings)


def test_only_refusals_of_this_kind_are_counted(rig: Rig) -> None:
    """After an outage of other kinds an unknown error is the first one."""
    rig.messenger.refusals = [
        Limited("ratelimited", retry_after=10),
        LockedOut("invalid_auth"),
        *(Unreachable("connection_refused") for _ in range(5)),
        NotPosted("brand_new_error", retry_after=30),
        NotPosted("another_one", retry_after=30),
    ]
    pass_minutes(rig, 10)

    assert rig.messenger.refusals == []
    assert rig.ids() == ["default/sm-quota/2026-11-30/7d"]
    with rig.store.reading() as tx:
        assert closures(tx) == {}


def test_what_is_refused_while_others_are_taken_waits_alone(rig: Rig) -> None:
    rig.messenger.refuse_in = {FINOPS: "brand_new_error"}
    rig.messenger.refuse_only = delivery(rig).id
    pass_minutes(rig, 2)
    for number in range(3):
        name = f"sm-{number}"
        rig.know(quota(name, orders=(order("2025-12-07 09:20"),), owner=None))
        rig.messenger.posts = 0
        pass_minutes(rig, 60)
        assert any(name in each for each in rig.ids())
        assert rig.messenger.posts <= 3
    assert delivery_states(rig)[DeliveryState.PENDING] == 1

    rig.messenger.refuse_in = {}
    pass_minutes(rig, 61)
    assert "default/sm-quota/2026-11-30/7d" in rig.ids()


def delivery_states(rig: Rig) -> Mapping[DeliveryState, int]:
    with rig.store.reading() as tx:
        return tx.outbox.counts()


def test_a_message_to_a_person_waits_as_well_when_nobody_knows_why_it_is_refused(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.know(quota(orders=(order("2025-12-07 09:20"),)))
    rig.messenger.refuse_in = {OWNER: "org_login_required"}
    rig.run()
    pass_minutes(rig, 5)
    assert rig.reminders(f"D{OWNER[1:]}") == []

    rig.messenger.refuse_in = {}
    pass_minutes(rig, 15)
    assert len(rig.reminders(f"D{OWNER[1:]}")) == 1


def test_a_limit_that_another_replica_heard_of_stops_what_was_claimed_before(rig: Rig) -> None:
    rig.know(quota("sm-other", orders=(order("2025-12-07 09:20"),), owner=None, channel=SECURITY))
    rig.reminding.arm()
    rig.reminding.bundle_due()

    def other_hears_of_it() -> None:
        with rig.store.transaction() as tx:
            Pacing(Limits()).hold(tx, Method.POST, until=rig.clock.now() + 30 * SECOND)

    rig.messenger.before_post = other_hears_of_it
    rig.delivering.send_due()
    assert rig.messenger.posts == 1

    rig.messenger.before_post = None
    rig.clock.advance(30 * SECOND)
    rig.delivering.send_due()
    assert rig.messenger.posts == 2


def test_an_update_that_is_refused_for_an_unknown_reason_waits_ever_longer(rig: Rig) -> None:
    rig.delivering.send_due()
    update = reminder_update(delivery(rig), cause="x", at=rig.clock.now())
    with rig.store.transaction() as tx:
        tx.outbox.owe(update)
    rig.messenger.refusals = [NotPosted("brand_new_error", retry_after=30) for _ in range(99)]

    for _ in range(6 * 60 * 25):
        rig.clock.advance(10 * SECOND)
        rig.delivering.send_due()

    assert 20 <= rig.messenger.updates <= 30
    with rig.store.reading() as tx:
        assert tx.outbox.get(update.id).state is DeliveryState.UNDELIVERABLE
    assert row_state(rig) is ReminderState.SENT


def test_a_token_that_is_refused_costs_three_calls_and_then_one_an_hour(rig: Rig) -> None:
    rig.messenger.refusals = [LockedOut("token_revoked") for _ in range(100)]

    for _ in range(60):
        rig.delivering.send_due()
        rig.clock.advance(60 * SECOND)
    assert rig.messenger.posts == 3

    rig.messenger.refusals = []
    rig.delivering.let_in()  # as when it starts with a new token
    rig.delivering.send_due()
    assert [each.delivery_id for each in rig.reminders()] == [delivery(rig).id]
    assert {each.to for each in rig.messenger.of(OperatorWarning)} == {
        f"D{user[1:]}" for user in (APPROVER_1, APPROVER_2)
    }


def test_a_refused_token_is_cried_out_once_by_the_second_route(rig: Rig) -> None:
    said: list[str] = []
    people = People(directory=rig.directory, policy=rig.policy)
    parts: Any = {"store": rig.store, "clock": rig.clock, "policy": rig.policy, "people": people}
    rerouting = Rerouting(**parts, outcry=said.append)

    for _ in range(3):
        rerouting.locked_out(error="token_revoked")

    assert said == [
        "Slack does not accept Lapse's token (token_revoked), so nothing is posted. "
        "Install Lapse again, then run `lapse doctor`."
    ]


def test_a_rate_limit_holds_every_post_of_the_workspace_and_no_update(rig: Rig) -> None:
    rig.know(quota("sm-other", orders=(order("2025-12-07 09:20"),), owner=None, channel=SECURITY))
    rig.messenger.refusals = [Limited("ratelimited", retry_after=30)]
    rig.run()
    assert rig.messenger.posts == 1

    rig.clock.advance(30 * SECOND - timedelta(microseconds=1))
    rig.run()
    assert rig.messenger.posts == 1

    rig.clock.advance(timedelta(microseconds=1))
    rig.run()
    assert rig.messenger.posts == 3
    assert len(rig.reminders()) == len(rig.reminders(SECURITY)) == 1


@pytest.mark.parametrize("late", [0.0, 0.2, 0.5, 0.9, 1.0, 1.3, 2.7, 30.0])
def test_a_machine_that_is_always_late_loses_no_turn_of_a_channel_for_good(
    store: SqlStore, clock: SettableClock, late: float
) -> None:
    rig = Rig(store, clock, limits=Limits(channel=Rate.a_minute(60)))
    rig.know(
        *(quota(f"sm-{n}", orders=(order("2025-12-07 09:20"),), owner=None) for n in range(60))
    )
    rig.reminding.arm()
    rig.reminding.bundle_due()
    begins, rounds = clock.now(), 0
    while (wait := rig.delivering.next_in()) is not None:
        clock.advance(max(wait, timedelta(0)) + late * SECOND)
        rig.delivering.send_due()
        rounds += 1
        assert rounds < 15

    said = [(each.at - begins) // SECOND for each in rig.messenger.shown]
    assert len(said) == 5
    assert len(set(said)) == 5  # no two in the same second


def test_the_common_channel_waits_until_it_takes_messages_again(rig: Rig) -> None:
    rig.messenger.closed = {FINOPS: "not_in_channel"}
    for _ in range(30):
        rig.delivering.send_due()
        rig.clock.advance(60 * SECOND)
    warnings = len(rig.messenger.of(OperatorWarning))
    assert rig.messenger.posts == 3 + warnings
    assert warnings == 2
    assert row_state(rig) is ReminderState.ARMED

    rig.messenger.closed = {}
    rig.clock.advance(3600 * SECOND)
    rig.delivering.send_due()

    assert [each.delivery_id for each in rig.reminders()] == [delivery(rig).id]
    with rig.store.reading() as tx:
        assert closures(tx) == {}


def test_what_slack_takes_hours_later_is_late_and_says_why(rig: Rig) -> None:
    rig.messenger.refusals = [NotPosted("fatal_error", retry_after=7200)]
    rig.delivering.send_due()

    rig.pass_time(to=rig.clock.now() + timedelta(hours=2), every=timedelta(minutes=1))

    [shown] = rig.reminders()
    assert isinstance(shown.message, ReminderMessage)
    assert shown.message.timing is Timing.LATE
    assert shown.message.why == "Slack did not take it in time."
    assert row_state(rig) is ReminderState.LATE


def test_an_archived_channel_sends_its_reminders_to_the_common_one_and_tells_operators_once(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    rig.messenger.closed = {SECURITY: "is_archived"}
    for name in ("sm-one", "sm-two"):
        rig.know(quota(name, orders=(order("2025-12-07 09:20"),), owner=None, channel=SECURITY))
        rig.run()
        rig.run()

    warnings = rig.messenger.of(OperatorWarning)
    assert rig.ids() == [f"default/{name}/2026-11-30/7d" for name in ("sm-one", "sm-two")]
    assert {each.to for each in warnings} == {f"D{user[1:]}" for user in (APPROVER_1, APPROVER_2)}
    assert len(warnings) == 2
    assert "the channel is archived" in warnings[0].message.text
    assert rig.messenger.posts == 5  # the second is not even tried there


@pytest.mark.parametrize("lost", [0, 1])
def test_what_fell_back_and_is_not_taken_at_once_there_is_told_there_later(
    store: SqlStore, clock: SettableClock, lost: int
) -> None:
    rig = Rig(store, clock)
    rig.messenger.closed = {SECURITY: "is_archived"}
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=None, channel=SECURITY))
    rig.run()
    rig.messenger.lose_requests = lost
    rig.messenger.refusals = [NotPosted("ratelimited", retry_after=30)]
    rig.run()

    for _ in range(3):
        clock.advance(LANDS)
        rig.run()

    assert rig.ids() == ["default/sm-quota/2026-11-30/7d"]


def test_when_the_common_channel_refuses_operators_hear_and_nothing_storms(
    rig: Rig,
) -> None:
    rig.messenger.closed = {FINOPS: "is_archived"}
    for _ in range(30):
        rig.clock.advance(SECOND)
        rig.run()

    assert rig.messenger.posts == 3
    assert delivery(rig).state is DeliveryState.PENDING


def test_updates_of_one_message_coalesce_to_the_newest_state(rig: Rig) -> None:
    rig.delivering.send_due()
    post = delivery(rig)
    with rig.store.transaction() as tx:
        for number in range(5):
            tx.outbox.owe(reminder_update(post, cause=str(number), at=rig.clock.now()))

    rig.delivering.send_due()

    assert rig.messenger.updates == 1
    with rig.store.reading() as tx:
        counts = tx.outbox.counts()
    assert counts[DeliveryState.SENT] == 2
    assert counts[DeliveryState.CANCELLED] == 4


def test_an_update_waits_for_the_message_and_goes_with_it(rig: Rig) -> None:
    rig.messenger.lose_answers = 1
    rig.delivering.send_due()
    with rig.store.transaction() as tx:
        tx.outbox.owe(reminder_update(delivery(rig), cause="x", at=rig.clock.now()))

    rig.delivering.send_due()
    early = rig.messenger.updates
    rig.clock.advance(LANDS)
    rig.delivering.send_due()

    assert early == 0
    assert rig.messenger.updates == 1


def test_a_refused_update_is_tried_again(rig: Rig) -> None:
    rig.delivering.send_due()
    with rig.store.transaction() as tx:
        tx.outbox.owe(reminder_update(delivery(rig), cause="x", at=rig.clock.now()))
    rig.messenger.refusals = [NotPosted("ratelimited", retry_after=5)]
    rig.delivering.send_due()

    rig.clock.advance(timedelta(seconds=5))
    rig.delivering.send_due()

    assert rig.messenger.updates == 2


class Watched:
    """A store that knows whether somebody writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.accounts = store.accounts
        self.reading = store.reading
        self.give_way = store.give_way
        self.writing = False

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._store.transaction() as tx:
            self.writing = True
            try:
                yield tx
            finally:
                self.writing = False


def test_the_workspace_is_never_asked_while_something_is_written(
    store: SqlStore, clock: SettableClock
) -> None:
    watched = Watched(store)
    rig = Rig(watched, clock)
    ahead = order("2025-12-07 09:20")
    rig.know(quota(orders=(ahead,)), quota("other", orders=(ahead,)))
    rig.reminding.arm()
    rig.reminding.bundle_due()
    rig.know(quota("other", orders=(ahead,), status=SubscriptionStatus.UNSUBSCRIBED))
    asked: list[bool] = []

    def zone(_: SlackUser) -> ZoneInfo:
        asked.append(watched.writing)
        return ZoneInfo("UTC")

    rig.directory.zone = zone
    rig.delivering.send_due()

    assert len(rig.reminders(f"D{OWNER[1:]}")[0].reminder_ids) == 1
    assert asked
    assert not any(asked)


def test_a_delivery_with_nothing_to_say_is_cancelled(rig: Rig) -> None:
    empty = Delivery(
        id=delivery_id("x"),
        key="x",
        kind="request-card",
        destination=FINOPS,
        stream="x",
        due_at=rig.clock.now(),
        subject={"request": 4711},
    )
    with rig.store.transaction() as tx:
        tx.outbox.owe(empty)

    rig.delivering.send_due()

    with rig.store.reading() as tx:
        found = tx.outbox.get(empty.id)
    assert found is not None
    assert found.state is DeliveryState.CANCELLED


def test_a_message_that_cannot_be_composed_holds_up_no_other(rig: Rig) -> None:
    strange = Delivery(
        id=delivery_id("strange"),
        key="strange",
        kind="no-such-kind",
        destination=FINOPS,
        stream="strange",
        due_at=rig.clock.now() - timedelta(hours=1),
    )
    with rig.store.transaction() as tx:
        tx.outbox.owe(strange)

    with pytest.raises(KeyError):
        rig.delivering.send_due()

    assert len(rig.reminders()) == 1


def test_what_was_unknown_and_then_refused_for_certain_waits_again_and_is_told(rig: Rig) -> None:
    rig.messenger.lose_requests = 1
    rig.delivering.send_due()
    rig.messenger.refusals = [NotPosted("ratelimited", retry_after=30)]
    rig.clock.advance(LANDS)
    rig.delivering.send_due()
    assert row_state(rig) is ReminderState.ARMED

    rig.clock.advance(LANDS)
    rig.delivering.send_due()

    assert len(rig.reminders()) == 1
    assert row_state(rig) is ReminderState.SENT


@pytest.fixture
def of_two_accounts(store: SqlStore, clock: SettableClock) -> Rig:
    """A message about two of one account and one of another is bundled and due."""
    rig = Rig(store, clock)
    paid = order("2025-12-07 09:20")
    rig.know(
        quota("sm-1", orders=(paid,), owner=None),
        quota("sm-2", orders=(paid,), owner=None),
        quota("sm-3", account="prod", orders=(paid,), owner=None),
    )
    rig.reminding.arm()
    rig.reminding.bundle_due()
    return rig


def take_out(rig: Rig, database: Database, account: str) -> None:
    """The settings do not name an account any more, and the process begins anew."""
    left = {name: each for name, each in ACCOUNTS.items() if name != account}
    rig.store = database.store(team_id=TEAM, accounts=left, audit_key=AUDIT_KEY)
    rig.start()


def test_what_may_have_been_posted_of_an_account_that_was_taken_out_holds_up_no_others(
    of_two_accounts: Rig, database: Database
) -> None:
    rig = of_two_accounts
    rig.messenger.lose_requests = 1
    rig.delivering.send_due()
    take_out(rig, database, "prod")
    rig.clock.advance(LEASE)
    rig.delivering.send_due()
    rig.delivering.send_due()

    assert labels(rig.reminders()) == [["sm-1", "sm-2"]]
    about = {row.reminder.subscription.id: row for row in rig.rows() if row.delivery_id}
    assert about["sm-1"].state is about["sm-2"].state is ReminderState.SENT
    left = about["sm-3"]
    assert left.state is ReminderState.CANCELLED
    assert left.reason == "its account is not in the settings"


def test_a_message_that_shows_something_of_such_an_account_is_brought_up_to_date(
    of_two_accounts: Rig, database: Database
) -> None:
    rig = of_two_accounts
    rig.delivering.send_due()
    take_out(rig, database, "prod")
    [shown] = rig.reminders()
    rig.reminding.keep(shown.delivery_id, [key("sm-1")], by=APPROVER_1)
    rig.delivering.send_due()

    [message] = [each.message for each in rig.reminders()]
    assert isinstance(message, ReminderMessage)
    settled = {item.subscription.key.id: item.settled for item in message.items}
    assert settled == {"sm-1": Settled.KEPT, "sm-2": Settled.OPEN, "sm-3": Settled.OPEN}
