"""A message that was attempted more than once is looked for once more, and told once."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.billing.subscription import SlackChannel, SlackUser
from bot.billing.subscription import Status as SubscriptionStatus
from bot.facts.messages import Message, OperatorWarning, ReminderMessage, Settled
from bot.facts.status import Trouble, TroubleKind
from bot.ports.messenger import (
    Limited,
    LockedOut,
    NotPosted,
    Posted,
    Undeliverable,
    Unreachable,
    Unreadable,
    Unsettled,
)
from bot.ports.store import Delivery, DeliveryState
from bot.services.alarming import OPERATOR_WARNING
from bot.services.closing import EVERYWHERE, close
from bot.services.pacing import Limits, Pacing
from bot.services.status import Status
from bot.services.sweeping import ONCE_MORE_AFTER, Sweeping
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import APPROVER_1, key, order, quota
from tests.messengers import Shown
from tests.unit.services.rig import FINOPS, Rig

OPERATOR = SlackUser("U0OPS")
SECOND = timedelta(seconds=1)
LANDS = timedelta(seconds=40)
LEASE = timedelta(seconds=60)
SWEEP = timedelta(seconds=80)
SETTLED = SWEEP + timedelta(seconds=1)


@pytest.fixture
def rig(store: SqlStore, clock: SettableClock) -> Rig:
    """A reminder for #finops is bundled and due."""
    rig = Rig(store, clock)
    rig.know(quota(orders=(order("2025-12-07 09:20"),), owner=None))
    rig.reminding.arm()
    rig.reminding.bundle_due()
    return rig


def sweeping(rig: Rig) -> Sweeping:
    return Sweeping(
        store=rig.store,
        clock=rig.clock,
        messenger=rig.messenger,
        pacing=Pacing(Limits()),
        steady_since=lambda: rig.steady_since,
        operators=lambda: (OPERATOR,),
    )


def frozen_while_somebody_else_posts(rig: Rig) -> None:
    """A replica stops right before its first byte, longer than its lease; another one posts."""
    rig.messenger.before_post = lambda: somebody_else(rig)
    rig.delivering.send_due()


def somebody_else(rig: Rig) -> None:
    rig.messenger.before_post = None
    rig.clock.advance(LEASE)
    rig.delivering.send_due()


def test_what_two_replicas_posted_is_told_once_after_one_sweep(rig: Rig) -> None:
    frozen_while_somebody_else_posts(rig)
    first, second = rig.reminders()

    rig.clock.advance(SETTLED)
    taken_back = sweeping(rig).sweep_due()

    assert taken_back == 1
    assert [each.ts for each in rig.reminders()] == [first.ts]
    assert [each.ts for each in rig.messenger.taken_back] == [second.ts]


def test_after_the_clock_leapt_the_sweep_waits_for_what_may_still_land(rig: Rig) -> None:
    frozen_while_somebody_else_posts(rig)
    rig.clock.advance(SETTLED)
    rig.steady_since = rig.clock.now()

    assert sweeping(rig).sweep_due() == 0
    rig.clock.advance(LANDS)
    assert sweeping(rig).sweep_due() == 1


def test_after_the_sweep_the_message_that_stays_is_the_one_that_is_updated(rig: Rig) -> None:
    frozen_while_somebody_else_posts(rig)
    rig.clock.advance(SETTLED)
    sweeping(rig).sweep_due()

    [shown] = rig.reminders()
    with rig.store.reading() as tx:
        assert tx.outbox.get(shown.delivery_id).ts == shown.ts


def test_whoever_posts_after_losing_its_claim_asks_for_a_sweep(rig: Rig) -> None:
    rig.messenger.before_post = lambda: somebody_else_and_its_sweep(rig)
    rig.delivering.send_due()

    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() == rig.clock.now() + LANDS


def test_whoever_is_thawed_does_not_bring_the_sweep_of_the_other_forward(rig: Rig) -> None:
    frozen_while_somebody_else_posts(rig)

    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() >= rig.clock.now() + SWEEP


def test_a_post_with_a_lost_answer_after_losing_its_claim_asks_for_a_sweep_too(rig: Rig) -> None:
    rig.messenger.before_post = lambda: somebody_else_to_the_end(rig)
    rig.delivering.send_due()
    assert len(rig.reminders()) == 2

    rig.clock.advance(SETTLED)
    sweeping(rig).sweep_due()

    assert len(rig.reminders()) == 1


class Killed(BaseException):
    """The process dies here."""


def somebody_else_to_the_end(rig: Rig) -> None:
    """The other replica's own sweep is over, too, and then the thawed one hears no answer."""
    somebody_else_and_its_sweep(rig)
    rig.messenger.lose_answers = 1


def somebody_else_and_its_sweep(rig: Rig) -> None:
    somebody_else(rig)
    rig.clock.advance(SETTLED)
    sweeping(rig).sweep_due()


def test_a_message_that_was_posted_at_once_is_never_looked_for_again(rig: Rig) -> None:
    rig.delivering.send_due()

    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def test_a_second_attempt_is_looked_for_when_both_have_landed(rig: Rig) -> None:
    rig.messenger.lose_requests = 1
    rig.delivering.send_due()
    rig.clock.advance(LANDS)
    rig.delivering.send_due()
    sent_at = rig.clock.now()

    for after in (SWEEP, ONCE_MORE_AFTER):
        with rig.store.reading() as tx:
            assert tx.outbox.next_sweep() == sent_at + after
        rig.clock.set(sent_at + after)
        assert sweeping(rig).sweep_due() == 0
    assert len(rig.reminders()) == 1
    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def test_a_copy_of_who_died_right_after_it_is_gone_some_hours_later(rig: Rig) -> None:
    rig.messenger.before_post = lambda: somebody_else_to_the_end(rig)
    real = rig.messenger.post

    def post_and_die(*args: object, **named: object) -> None:
        rig.messenger.post = real
        with suppress(Unsettled):
            real(*args, **named)
        raise Killed

    rig.messenger.post = post_and_die
    with pytest.raises(Killed):
        rig.delivering.send_due()
    assert len(rig.reminders()) == 2

    rig.clock.advance(ONCE_MORE_AFTER)
    assert sweeping(rig).sweep_due() == 1
    assert len(rig.reminders()) == 1


def frozen_while_it_is_let_go(
    rig: Rig, let_go: Callable[[], None], *, thaws_after: timedelta
) -> None:
    """A replica stops right before its first byte; another lets it go; then it posts and dies."""

    def others() -> None:
        rig.messenger.before_post = None
        rig.clock.advance(LEASE + SECOND)
        let_go()
        rig.delivering.send_due()
        assert rig.messenger.posts == 1  # nobody else has posted it
        thaws_at = rig.clock.now() + thaws_after
        while rig.clock.now() < thaws_at:
            rig.clock.advance(min(SWEEP, thaws_at - rig.clock.now()))
            sweeping(rig).sweep_due()

    real = rig.messenger.post

    def post_and_die(*args: object, **named: object) -> None:
        rig.messenger.post = real
        real(*args, **named)
        raise Killed

    rig.messenger.before_post = others
    rig.messenger.post = post_and_die
    with pytest.raises(Killed):
        rig.delivering.send_due()
    rig.start()
    assert len(rig.reminders()) == 1


@pytest.mark.parametrize(
    ("thaws_after", "gone_after"),
    [
        (SECOND, SETTLED),
        (timedelta(minutes=20), ONCE_MORE_AFTER),
    ],
)
@pytest.mark.parametrize("why", ["nothing to say", "its date passed"])
def test_what_was_attempted_and_then_let_go_is_taken_back_also_hours_later(
    rig: Rig, why: str, thaws_after: timedelta, gone_after: timedelta
) -> None:
    def let_go() -> None:
        if why == "nothing to say":
            server = quota(orders=(order("2025-12-07 09:20"),), owner=None)
            rig.know(replace(server, status=SubscriptionStatus.UNSUBSCRIBED))
        else:
            rig.clock.advance(timedelta(days=9))

    frozen_while_it_is_let_go(rig, let_go, thaws_after=thaws_after)

    rig.clock.advance(gone_after)
    assert sweeping(rig).sweep_due() == 1
    assert rig.reminders() == []


@pytest.mark.parametrize("trouble", ["unreadable", "not taken back"])
def test_what_cannot_be_swept_now_is_swept_later(rig: Rig, trouble: str) -> None:
    frozen_while_somebody_else_posts(rig)
    rig.clock.advance(SETTLED)
    if trouble == "unreadable":
        rig.messenger.history_unreadable = True
    else:
        rig.messenger.refusals = [Limited("ratelimited", retry_after=30)]
    assert sweeping(rig).sweep_due() == 0
    assert len(rig.messenger.of(type(rig.reminders()[0].message), to=FINOPS)) == 2

    rig.messenger.history_unreadable = False
    rig.clock.advance(LEASE)

    assert sweeping(rig).sweep_due() == 1
    assert len(rig.reminders()) == 1


@pytest.mark.parametrize("trouble", ["reading", "deleting"])
def test_no_replica_sweeps_before_slack_allows_it(
    store: SqlStore, clock: SettableClock, trouble: str
) -> None:
    rig = Rig(store, clock)
    for number in range(4):
        channel = SlackChannel(f"C{number}")
        rig.know(quota(f"sm-{number}", orders=(order("2025-12-07 09:20"),), channel=channel))
    rig.reminding.arm()
    rig.reminding.bundle_due()
    frozen_while_somebody_else_posts(rig)
    rig.clock.advance(SETTLED)
    if trouble == "reading":
        rig.messenger.history_unreadable = True
        rig.messenger.unreadable = Unsettled("ratelimited", retry_after=300)
    else:
        rig.messenger.refusals = [Limited("ratelimited", retry_after=300) for _ in range(9)]
    looks = rig.messenger.looks

    for _ in range(30):
        sweeping(rig).sweep_due()
        rig.clock.advance(timedelta(seconds=10))
    assert rig.messenger.looks == looks + 1

    rig.messenger.history_unreadable, rig.messenger.refusals = False, []
    assert sweeping(rig).sweep_due() == 1


def test_nothing_is_swept_while_slack_does_not_accept_the_token(rig: Rig) -> None:
    frozen_while_somebody_else_posts(rig)
    rig.clock.advance(SETTLED)
    with rig.store.transaction() as tx:
        close(tx, EVERYWHERE, error="token_revoked", at=rig.clock.now())

    assert sweeping(rig).sweep_due() == 0
    rig.clock.advance(LEASE)
    assert sweeping(rig).sweep_due() == 1


TEN_SECONDS = timedelta(seconds=10)
DAY = timedelta(days=1)
CHANNEL_TWICE = Trouble(kind=TroubleKind.TWICE, subject=f"#{FINOPS}")


def let_pass(rig: Rig, time: timedelta) -> None:
    """Sweep every ten seconds while there is something to sweep."""
    until = rig.clock.now() + time
    while rig.clock.now() < until:
        sweeping(rig).sweep_due()
        with rig.store.reading() as tx:
            due_at = tx.outbox.next_sweep() or until
        rig.clock.set(min(max(due_at, rig.clock.now() + TEN_SECONDS), until))


def posted_twice(rig: Rig, *, deleting: Exception | None = None) -> None:
    """Two copies are there when Slack begins to refuse."""
    frozen_while_somebody_else_posts(rig)
    rig.clock.advance(SETTLED)
    rig.messenger.undeletable = deleting


def troubles(rig: Rig) -> tuple[Trouble, ...]:
    """What status says of copies."""
    kinds = {TroubleKind.TWICE, TroubleKind.UNREAD}
    found = Status(store=rig.store, clock=rig.clock).status().troubles
    return tuple(each for each in found if each.kind in kinds)


def warnings(rig: Rig) -> list[OperatorWarning]:
    """What operators were told, once it is sent."""
    rig.delivering.send_due()
    return [each.message for each in rig.messenger.of(OperatorWarning, to="D0OPS")]


@pytest.mark.parametrize(
    "refusal",
    [
        NotPosted("cant_delete_message"),
        NotPosted("compliance_exports_prevent_deletion"),
        Undeliverable("channel_not_found", closed=True),
    ],
    ids=str,
)
def test_a_copy_that_slack_does_not_let_go_is_given_up_after_three_calls_and_told_once(
    rig: Rig, refusal: Exception
) -> None:
    posted_twice(rig, deleting=refusal)
    begins = rig.clock.now()

    let_pass(rig, 8 * DAY)

    asked = [at - begins for at in rig.messenger.deletions]
    assert len(asked) == 3
    assert timedelta(minutes=1) <= asked[1] < timedelta(minutes=2)
    assert timedelta(minutes=11) <= asked[2] < timedelta(minutes=12)
    assert rig.messenger.looks <= 3 + 8
    [told] = warnings(rig)
    assert told.subject == f"A reminder is in #{FINOPS} twice"
    assert "Slack did not let Lapse delete it" in told.text
    assert "delete the later one by hand" in told.text
    assert told.since == begins


def test_status_counts_what_is_there_twice_until_somebody_has_deleted_it(rig: Rig) -> None:
    posted_twice(rig, deleting=NotPosted("cant_delete_message"))
    let_pass(rig, timedelta(minutes=5))
    assert troubles(rig) == ()
    let_pass(rig, timedelta(minutes=10))
    assert troubles(rig) == (CHANNEL_TWICE,)

    rig.messenger.shown = rig.reminders()[:1]
    let_pass(rig, DAY)

    assert troubles(rig) == ()
    assert len(warnings(rig)) == 1


def test_what_is_given_up_is_forgotten_after_a_week(rig: Rig) -> None:
    posted_twice(rig, deleting=NotPosted("cant_delete_message"))
    let_pass(rig, timedelta(minutes=15))
    for _ in range(13):
        rig.clock.advance(DAY)
        sweeping(rig).sweep_due()

    assert troubles(rig) == ()
    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def test_a_refusal_that_passes_leaves_nothing_behind(rig: Rig) -> None:
    posted_twice(rig, deleting=NotPosted("a_code_of_next_year"))
    let_pass(rig, timedelta(minutes=5))
    assert len(rig.messenger.deletions) == 2

    rig.messenger.undeletable = None
    let_pass(rig, timedelta(minutes=10))

    assert len(rig.reminders()) == 1
    assert (troubles(rig), warnings(rig)) == ((), [])


@pytest.mark.parametrize("trouble", [Unreachable("timeout"), LockedOut("token_revoked")], ids=str)
def test_no_answer_is_no_refusal(rig: Rig, trouble: Exception) -> None:
    posted_twice(rig, deleting=trouble)
    let_pass(rig, timedelta(hours=12))
    assert 20 <= len(rig.messenger.deletions) < 40
    assert warnings(rig) == []

    rig.messenger.undeletable = None
    let_pass(rig, timedelta(hours=1))

    assert len(rig.reminders()) == 1


def test_what_is_never_answered_is_given_up_after_a_day(rig: Rig) -> None:
    posted_twice(rig, deleting=Unreachable("timeout"))

    let_pass(rig, 2 * DAY)

    assert len(rig.messenger.deletions) == 40
    assert (troubles(rig), len(warnings(rig))) == ((CHANNEL_TWICE,), 1)


def test_a_conversation_that_slack_does_not_show_is_given_up_and_told_once(rig: Rig) -> None:
    posted_twice(rig)
    rig.messenger.history_unreadable = True
    rig.messenger.unreadable = Unreadable("not_in_channel")
    looks = rig.messenger.looks

    let_pass(rig, DAY / 2)

    assert rig.messenger.looks == looks + 3
    unread = Trouble(kind=TroubleKind.UNREAD, subject=f"#{FINOPS}")
    assert troubles(rig) == (unread,)
    [told] = warnings(rig)
    assert told.subject == f"A reminder may be in #{FINOPS} twice"
    assert "Lapse is not in the channel" in told.text
    let_pass(rig, 3 * DAY)
    assert len(warnings(rig)) == 1

    rig.messenger.history_unreadable = False
    let_pass(rig, DAY)
    assert (len(rig.reminders()), troubles(rig)) == (1, ())


def test_a_conversation_that_is_shown_at_last_may_still_refuse_the_deletion(rig: Rig) -> None:
    posted_twice(rig, deleting=NotPosted("cant_delete_message"))
    rig.messenger.history_unreadable = True
    rig.messenger.unreadable = Unreadable("missing_scope")
    let_pass(rig, timedelta(minutes=15))

    rig.messenger.history_unreadable = False
    let_pass(rig, 2 * DAY)

    assert len(rig.messenger.deletions) == 3
    assert troubles(rig) == (CHANNEL_TWICE,)


def test_what_is_given_up_stays_so_when_the_conversation_is_not_shown_any_more(rig: Rig) -> None:
    posted_twice(rig, deleting=NotPosted("cant_delete_message"))
    let_pass(rig, timedelta(minutes=15))
    rig.messenger.history_unreadable = True
    rig.messenger.unreadable = Unreadable("not_in_channel")

    let_pass(rig, 2 * DAY)

    assert (troubles(rig), len(warnings(rig))) == ((CHANNEL_TWICE,), 1)


def owe_one(rig: Rig, ref: str, *, kind: str = "reminder", to: str = FINOPS) -> Delivery:
    """A message whose copies are already there twice, and which was sent once."""
    owed = Delivery(
        id=ref, key=ref, kind=kind, destination=to, stream=ref, due_at=rig.clock.now(), subject={}
    )
    with rig.store.transaction() as tx:
        tx.outbox.owe(owed)
    shown = OperatorWarning(subject="One", text="of two", since=rig.clock.now())
    for _ in range(2):
        rig.messenger.post(shown, to=to, delivery_id=ref)
    return owed


def sent(rig: Rig, *owed: Delivery) -> None:
    """They are as good as sent, and due to be looked for once more."""
    now = rig.clock.now()
    with rig.store.transaction() as tx:
        for held in tx.outbox.claim(now=now, lease_until=now + LEASE, limit=len(owed)):
            begun = tx.outbox.begin(held, at=now)
            assert begun is not None
            tx.outbox.settle(begun, state=DeliveryState.SENT, at=now, sweep_at=now)


def test_no_warning_is_told_of_a_warning_that_is_there_twice(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    sent(rig, owe_one(rig, "w", kind=OPERATOR_WARNING, to=OPERATOR))
    rig.messenger.undeletable = NotPosted("cant_delete_message")

    let_pass(rig, timedelta(minutes=15))

    assert troubles(rig) == (Trouble(kind=TroubleKind.TWICE, subject=f"@{OPERATOR}"),)
    assert {each.subject for each in warnings(rig)} == {"One"}


def test_what_was_let_go_and_stays_is_told_as_such(store: SqlStore, clock: SettableClock) -> None:
    rig = Rig(store, clock)
    owe_one(rig, "r")
    with rig.store.transaction() as tx:
        now = clock.now()
        tx.outbox.withdraw("r", at=now, error="its date passed", sweep_at=now)
    rig.messenger.undeletable = NotPosted("cant_delete_message")

    let_pass(rig, timedelta(minutes=15))

    [told] = warnings(rig)
    assert told.subject == f"A reminder is in #{FINOPS} although it was let go"


def test_an_update_is_looked_for_nowhere(store: SqlStore, clock: SettableClock) -> None:
    rig = Rig(store, clock)
    update = replace(owe_one(rig, "r"), id="u", key="u", stream="u", update_of="r")
    with rig.store.transaction() as tx:
        tx.outbox.owe(update)
        tx.outbox.sweep("u", at=clock.now(), by=clock.now())
    rig.messenger.history_unreadable = True

    let_pass(rig, timedelta(minutes=15))

    assert rig.messenger.looks == 0


def test_what_cannot_be_deleted_holds_up_no_other(store: SqlStore, clock: SettableClock) -> None:
    rig = Rig(store, clock)
    sent(rig, *(owe_one(rig, f"r-{number}") for number in range(40)))
    rig.messenger.undeletable = NotPosted("cant_delete_message")
    let_pass(rig, timedelta(minutes=30))
    assert len(rig.messenger.deletions) == 3 * 40
    assert troubles(rig) == (replace(CHANNEL_TWICE, count=40),)
    assert len(warnings(rig)) == 1

    rig.messenger.undeletable = None
    sent(rig, owe_one(rig, "another"))

    assert sweeping(rig).sweep_due() == 1


@pytest.fixture
def told(rig: Rig) -> Shown:
    """The reminder was posted."""
    rig.run()
    return rig.reminders()[0]


def settled(rig: Rig) -> Settled:
    [shown] = rig.reminders()
    assert isinstance(shown.message, ReminderMessage)
    return shown.message.items[0].settled


def seconds(rig: Rig, count: int) -> None:
    for _ in range(count):
        rig.clock.advance(SECOND)
        rig.run()
        sweeping(rig).sweep_due()


@pytest.mark.parametrize("lands_after", [3, 25])
def test_an_update_that_lands_late_does_not_hide_what_holds(
    rig: Rig, told: Shown, monkeypatch: pytest.MonkeyPatch, lands_after: int
) -> None:
    item = key("sm-quota")
    update = rig.messenger.update
    late: list[tuple[Message, Posted]] = []

    def lost_once(message: Message, *, at: Posted, **_: float) -> None:
        if late:
            update(message, at=at)
            return
        late.append((message, at))
        raise Unsettled("timeout")

    monkeypatch.setattr(rig.messenger, "update", lost_once)
    rig.reminding.keep(told.delivery_id, [item], by=APPROVER_1)
    rig.run()
    seconds(rig, 1)
    rig.reminding.undo_keep(told.delivery_id, [item], by=APPROVER_1)
    seconds(rig, lands_after)
    update(late[0][0], at=late[0][1])  # now Slack carries out what timed out
    assert settled(rig) is Settled.KEPT

    seconds(rig, 90)

    assert settled(rig) is Settled.OPEN
    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def attempted_twice(rig: Rig, told: Shown) -> None:
    """An update whose first answer is lost, so that Slack may carry it out after others."""
    rig.messenger.refusals = [NotPosted("internal")]
    rig.reminding.keep(told.delivery_id, [key("sm-quota")], by=APPROVER_1)
    seconds(rig, 10)
    assert settled(rig) is Settled.KEPT


def test_what_changes_while_a_message_is_shown_again_is_shown_after_it(
    rig: Rig, told: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempted_twice(rig, told)
    update = rig.messenger.update
    items = [key("sm-quota")]

    def slow(message: Message, *, at: Posted, **_: float) -> None:
        monkeypatch.setattr(rig.messenger, "update", update)
        rig.reminding.undo_keep(told.delivery_id, items, by=APPROVER_1)
        rig.clock.advance(3 * SECOND)
        rig.run()
        update(message, at=at)

    monkeypatch.setattr(rig.messenger, "update", slow)
    rig.clock.advance(SETTLED)
    sweeping(rig).sweep_due()
    seconds(rig, 10)

    assert rig.messenger.update == update
    assert settled(rig) is Settled.OPEN


def test_a_message_is_shown_again_at_the_pace_of_every_update(rig: Rig, told: Shown) -> None:
    attempted_twice(rig, told)
    before = rig.messenger.updates
    rig.clock.advance(SETTLED)

    sweeping(rig).sweep_due()

    assert rig.messenger.updates == before
    rig.run()
    assert rig.messenger.updates == before + 1
    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def test_an_update_that_nobody_can_compose_holds_up_no_sweep(
    rig: Rig, told: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempted_twice(rig, told)

    def lost(*_: object, **__: object) -> Message:
        raise KeyError("prod")

    monkeypatch.setattr(rig.composing, "compose", lost)
    rig.clock.advance(SETTLED)

    assert sweeping(rig).sweep_due() == 0
    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def test_a_surprise_with_one_is_put_off_counted_and_holds_up_no_other(
    store: SqlStore, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(store, clock)
    sent(rig, *(owe_one(rig, f"r-{number}", to=f"C{number}") for number in range(8)))
    copies = rig.messenger.copies
    surprises = []

    def surprising(ref: str, **asked: Any) -> Sequence[Posted]:
        if ref == "r-0":
            surprises.append(rig.clock.now())
            raise KeyError("ts")
        return copies(ref, **asked)

    monkeypatch.setattr(rig.messenger, "copies", surprising)
    begins = rig.clock.now()
    with pytest.raises(KeyError):
        sweeping(rig).sweep_due()
    sweeping(rig).sweep_due()
    assert len(rig.messenger.taken_back) == 7

    while rig.clock.now() < begins + 2 * DAY:
        with suppress(KeyError):
            sweeping(rig).sweep_due()
        rig.clock.advance(timedelta(minutes=1))

    assert len(surprises) <= 40 + 2
    assert troubles(rig) == (Trouble(kind=TroubleKind.UNREAD, subject="#C0"),)
    [told] = warnings(rig)
    assert "Lapse failed, as its log says" in told.text


def test_a_sweep_that_is_asked_for_while_one_is_interrupted_reads_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.messenger.before_post = lambda: somebody_else_and_half_a_sweep(rig)
    rig.delivering.send_due()
    asked_at = rig.clock.now()
    read_until = []
    copies = rig.messenger.copies

    def noted(ref: str, *, until: datetime, **asked: Any) -> Sequence[Posted]:
        read_until.append(until)
        return copies(ref, until=until, **asked)

    monkeypatch.setattr(rig.messenger, "copies", noted)
    rig.messenger.history_unreadable = False
    let_pass(rig, timedelta(minutes=3))

    assert read_until == [asked_at + LANDS + LEASE]
    assert len(rig.reminders()) == 1


def test_what_is_found_late_does_not_shorten_a_sweep_that_was_asked_for(rig: Rig) -> None:
    rig.messenger.before_post = lambda: somebody_else_without_an_answer(rig)
    rig.delivering.send_due()  # who thaws here posts when an earlier copy is still to be found
    rig.clock.advance(SECOND)
    rig.delivering.send_due()
    assert len(rig.reminders()) == 2

    let_pass(rig, timedelta(minutes=3))

    assert len(rig.reminders()) == 1


def somebody_else_without_an_answer(rig: Rig) -> None:
    rig.messenger.lose_answers = 1
    somebody_else(rig)
    rig.clock.advance(2 * SWEEP)


def somebody_else_and_half_a_sweep(rig: Rig) -> None:
    somebody_else(rig)
    rig.clock.advance(SETTLED)
    rig.messenger.history_unreadable = True
    rig.messenger.unreadable = Unsettled("ratelimited", retry_after=60)
    sweeping(rig).sweep_due()


def test_a_conversation_of_which_slack_shows_a_page_a_minute_is_given_up_at_last(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.lingering.SO_OFTEN_LIMITED", 60)
    posted_twice(rig)
    rig.messenger.history_unreadable = True
    rig.messenger.unreadable = Unsettled("ratelimited", retry_after=50)
    looks = rig.messenger.looks

    let_pass(rig, timedelta(minutes=59))
    assert (troubles(rig), warnings(rig)) == ((), [])
    let_pass(rig, timedelta(minutes=20))
    assert troubles(rig) == (Trouble(kind=TroubleKind.UNREAD, subject=f"#{FINOPS}"),)
    let_pass(rig, 10 * DAY)

    assert rig.messenger.looks <= looks + 60 + 7
    [told] = warnings(rig)
    assert "Slack lets Lapse read too little at a time" in told.text
    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None


def test_what_is_read_a_page_at_a_time_goes_behind_the_others(
    store: SqlStore, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(store, clock)
    sent(rig, *(owe_one(rig, f"r-{number}", to=f"C{number}") for number in range(3)))
    read = []

    def a_page(ref: str, **_: Any) -> Sequence[Posted]:
        read.append(ref)
        raise Unsettled("ratelimited", retry_after=60)

    monkeypatch.setattr(rig.messenger, "copies", a_page)
    for _ in range(6):
        sweeping(rig).sweep_due()
        rig.clock.advance(timedelta(seconds=61))

    assert sorted(read[:3]) == sorted(read[3:]) == ["r-0", "r-1", "r-2"]


def test_what_was_let_go_after_an_attempt_is_looked_for_some_hours_later(
    store: SqlStore, clock: SettableClock
) -> None:
    rig = Rig(store, clock)
    owe_one(rig, "r")
    begun_at = clock.now()
    with rig.store.transaction() as tx:
        [held] = tx.outbox.claim(now=begun_at, lease_until=begun_at + LEASE, limit=1)
        begun = tx.outbox.begin(held, at=begun_at)
        assert begun is not None
        tx.outbox.settle(
            begun, state=DeliveryState.CANCELLED, at=begun_at, sweep_at=begun_at + SWEEP
        )
    rig.clock.advance(SETTLED)
    assert sweeping(rig).sweep_due() == 2

    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() == begun_at + ONCE_MORE_AFTER
    rig.clock.advance(ONCE_MORE_AFTER)
    sweeping(rig).sweep_due()
    with rig.store.reading() as tx:
        assert tx.outbox.next_sweep() is None
