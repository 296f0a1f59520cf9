"""Buckets: what they grant, how they fill again, and the turns of a channel."""

from collections import defaultdict
from datetime import timedelta

import pytest

from bot.config.policy import limits_of
from bot.config.sections import Settings
from bot.services.pacing import Limits, Method, Pacing, Rate
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import NOW

SECOND = timedelta(seconds=1)
PACED = Limits(post=Rate(every=timedelta(milliseconds=200), burst=10), channel=Rate.a_minute(60))


SHIPPED = limits_of(Settings())


def take(store: SqlStore, pacing: Pacing, want: int, *, at=NOW) -> int:
    with store.transaction() as tx:
        return pacing.take(tx, Method.POST, want=want, now=at)


def turn(store: SqlStore, pacing: Pacing, channel: str, *, at=NOW):
    with store.transaction() as tx:
        return pacing.turn(tx, channel, now=at)


def test_a_full_bucket_grants_its_burst_and_then_one_each_fifth_of_a_second(store):
    pacing = Pacing(PACED)

    assert take(store, pacing, 7) == 7
    assert take(store, pacing, 7) == 3
    assert take(store, pacing, 7) == 0
    assert take(store, pacing, 7, at=NOW + 0.2 * SECOND) == 1
    assert take(store, pacing, 7, at=NOW + SECOND) == 4
    assert take(store, pacing, 99, at=NOW + 3600 * SECOND) == 10


@pytest.mark.parametrize(
    ("rate", "calls"),
    [
        (SHIPPED.post, 300),
        (SHIPPED.update, 50),
        (SHIPPED.channel, 60),
        (Rate.a_minute(1, at_once=5), 1),
        (Rate.a_minute(2, at_once=5), 2),
    ],
)
def test_no_minute_ever_holds_more_than_the_settings_say(store, rate, calls):
    assert 0.9 * calls <= max(_minutes(store, rate)) <= calls


def test_posts_that_are_sent_each_second_use_nearly_all_that_there_are(store):
    assert min(_minutes(store, SHIPPED.post)) >= 0.98 * 300


def _minutes(store: SqlStore, rate: Rate) -> list[int]:
    """What is taken in every minute, by somebody who asks each second for as much as there is."""
    pacing = Pacing(Limits(post=rate))
    taken = [take(store, pacing, 99, at=NOW + second * SECOND) for second in range(180)]
    return [sum(taken[start : start + 60]) for start in range(121)]


def test_what_is_given_back_can_be_taken_again(store):
    pacing = Pacing(PACED)
    with store.transaction() as tx:
        assert pacing.take(tx, Method.POST, want=10, now=NOW) == 10
        pacing.give_back(tx, Method.POST, unused=4)

    assert take(store, pacing, 99) == 4


def test_two_replicas_share_a_bucket(store):
    assert take(store, Pacing(PACED), 6) == 6
    assert take(store, Pacing(PACED), 6) == 4


def test_a_held_method_grants_nothing_until_then_and_one_then(store):
    pacing, until = Pacing(PACED), NOW + 30 * SECOND
    with store.transaction() as tx:
        pacing.hold(tx, Method.POST, until=until)
        pacing.hold(tx, Method.POST, until=NOW)  # a shorter one changes nothing
        assert pacing.held_until(tx, Method.POST, now=NOW) == until
        assert pacing.held_until(tx, Method.LOOK, now=NOW) is None

    assert take(store, pacing, 9, at=until - timedelta(microseconds=1)) == 0
    assert take(store, pacing, 9, at=until) == 1


def test_a_hold_counts_where_nothing_else_is_limited(store):
    pacing = Pacing(Limits())
    assert take(store, pacing, 99) == 99
    with store.transaction() as tx:
        pacing.hold(tx, Method.POST, until=NOW + SECOND)

    assert take(store, pacing, 99) == 0
    assert take(store, pacing, 99, at=NOW + SECOND) == 99


def test_the_turns_of_a_channel_are_a_second_apart_and_of_no_other(store):
    pacing = Pacing(PACED)

    assert [turn(store, pacing, "C1") for _ in range(3)] == [NOW, NOW + SECOND, NOW + 2 * SECOND]
    assert turn(store, pacing, "C2") == NOW
    assert turn(store, pacing, "C1", at=NOW + 9 * SECOND) == NOW + 9 * SECOND


def test_a_turn_that_was_missed_is_taken_anew(store):
    pacing = Pacing(PACED)

    assert pacing.still_holds(NOW, now=NOW)
    assert pacing.still_holds(NOW, now=NOW + 0.9 * SECOND)
    assert not pacing.still_holds(NOW, now=NOW + SECOND)
    assert not pacing.still_holds(NOW + SECOND, now=NOW)


def test_no_limit_means_no_turn_to_wait_for(store):
    assert [turn(store, Pacing(Limits()), "C1") for _ in range(3)] == [NOW] * 3


def test_a_busy_hour_uses_the_whole_budget_and_never_more(store, clock: SettableClock):
    """Every tenth of a second somebody takes what there is, as two replicas would."""
    pacing, minutes = Pacing(PACED), defaultdict(int)
    for step in range(1200):
        at = NOW + step * SECOND / 10
        minutes[step // 600] += take(store, pacing, 5, at=at)

    assert minutes == {0: 309, 1: 300}
