"""A message that was attempted more than once is looked for once more, and told once."""

from contextlib import suppress
from datetime import timedelta

import pytest

from bot.billing.subscription import SlackChannel
from bot.ports.messenger import Limited, Unsettled
from bot.services.closing import EVERYWHERE, close
from bot.services.pacing import Limits, Pacing
from bot.services.sweeping import ONCE_MORE_AFTER, Sweeping
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import order, quota
from tests.unit.services.rig import FINOPS, Rig

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
