"""What somebody hears who stops a request too late: what is true of it then, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.billing.account import ExecuteMode
from bot.billing.unsubscription import State, StopTooLate
from bot.services.errors import RequestRefused
from bot.services.vouching import Vouching
from storage.store import SqlStore
from tests.clocks import SettableClock
from tests.factories import OWNER, REQUESTER, account, contract, order, quota
from tests.unit.services.desk import LONG, Desk

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def stopped(desk: Desk) -> tuple[str, str]:
    """What is said to the requester who presses Stop."""
    with pytest.raises(RequestRefused) as refused:
        desk.unsubscribing.stop(1001, by=REQUESTER)
    assert isinstance(refused.value.cause, StopTooLate)
    return refused.value.sentence, refused.value.advice


@pytest.fixture
def desk(store: SqlStore, clock: SettableClock) -> Desk:
    return Desk(store, clock, (quota(orders=(LONG,)),))


def begun(desk: Desk) -> Desk:
    """Approved and begun; the cloud cannot be read before the first step is sent."""
    desk.approved("sm-quota")
    desk.cool_off()
    desk.executing.run_due(limit=1)
    desk.cloud.away_reading = 1000
    return desk


def test_begun_before_any_step_was_sent(desk: Desk) -> None:
    begun(desk)
    desk.clock.advance(HOUR)
    desk.run()

    assert stopped(desk) == (
        "Request 1001 began, Mon 23 Nov 2026, 10:17 GMT+08:00; no step has gone to the cloud so "
        "far.",
        "It cannot be stopped any more; the receipt follows.",
    )


def test_after_a_step_was_sent(desk: Desk) -> None:
    begun(desk)
    desk.clock.advance(HOUR)
    desk.cloud.away_reading = 0
    desk.run(seconds=2)

    assert len(desk.cloud.calls) == 1
    assert stopped(desk) == (
        "The first step went to the cloud at 11:17 GMT+08:00.",
        "It cannot be stopped; the receipt follows.",
    )


def test_a_call_whose_answer_was_lost_may_have_gone_there(desk: Desk) -> None:
    desk.cloud.lose_answers = 1
    desk.approved("sm-quota")
    desk.cool_off()
    desk.run(seconds=1)

    assert stopped(desk)[0] == "The first step went to the cloud at 10:17 GMT+08:00."


def test_a_call_that_the_cloud_never_took_has_not_gone_there(desk: Desk) -> None:
    desk.cloud.away = 1000
    desk.approved("sm-quota")
    desk.cool_off()
    desk.run(seconds=1)

    assert desk.state() is State.EXECUTING
    assert "no step has gone to the cloud so far" in stopped(desk)[0]


def test_failed_before_any_call(desk: Desk) -> None:
    begun(desk)
    held = desk.cloud.held["sm-quota"]
    dearer = replace(held, orders=(replace(LONG, effective_at=LONG.effective_at - 90 * DAY),))
    desk.cloud.held["sm-quota"] = dearer
    desk.cloud.away_reading = 0
    desk.clock.advance(HOUR)
    desk.run()

    assert desk.cloud.calls == []
    assert stopped(desk) == (
        "Request 1001 failed, Mon 23 Nov 2026, 11:17 GMT+08:00, and nothing went to the cloud.",
        "Nothing to stop. Its message says what can be done.",
    )


def test_failed_after_the_cloud_refused_and_left_as_it_is(desk: Desk) -> None:
    desk.cloud.refuses["sm-quota"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("sm-quota")
    desk.unsubscribing.leave(1001, by=REQUESTER, why="It is needed.")

    sentence, advice = stopped(desk)

    assert sentence.endswith("after its first step went to the cloud at 10:17 GMT+08:00.")
    assert sentence.startswith("Request 1001 failed, Mon 23 Nov 2026, 10:1")
    assert advice == "Nothing to stop. It is left as it is."


def test_retried_after_the_cloud_refused(desk: Desk) -> None:
    desk.cloud.refuses["sm-quota"] = ("CBC.99003651", "Another transaction is in progress.")
    desk.executed("sm-quota")
    desk.unsubscribing.retry(1001, by=REQUESTER)

    assert stopped(desk)[0] == "The first step went to the cloud at 10:17 GMT+08:00."


def test_done(desk: Desk) -> None:
    desk.executed("sm-quota")

    sentence, advice = stopped(desk)

    assert sentence.startswith("Request 1001 is done, Mon 23 Nov 2026, 10:1")
    assert advice == "Its receipt is in the thread."


def test_done_by_hand_without_any_call(desk: Desk) -> None:
    begun(desk)
    desk.store._accounts["default"] = replace(  # type: ignore[attr-defined]
        desk.account, execute=ExecuteMode.DRY_RUN
    )
    desk.cloud.away_reading = 0
    desk.run(seconds=1)
    assert desk.state() is State.FAILED
    desk.unsubscribing.by_hand(1001, by=REQUESTER, why="In the console.")

    assert stopped(desk) == (
        "Nothing of request 1001 went to the cloud; Lapse reads it back.",
        "Nothing to stop; the receipt follows.",
    )


def test_a_dry_run_never_goes_to_the_cloud(store: SqlStore, clock: SettableClock) -> None:
    dry = account("prod", execute=ExecuteMode.DRY_RUN)
    store._accounts["prod"] = dry  # type: ignore[index]
    desk = Desk(store, clock, (quota(account="prod", orders=(LONG,)),))
    desk.approved("sm-quota")
    desk.cool_off()
    desk.executing.run_due(limit=2)

    assert stopped(desk) == (
        "Request 1001 is a dry run that began, Mon 23 Nov 2026, 10:17 GMT+08:00: nothing goes to "
        "the cloud.",
        "Nothing to stop; the receipt follows.",
    )


def test_a_checklist_is_with_people(store: SqlStore, clock: SettableClock) -> None:
    page = contract(orders=(order("2026-05-10 09:20", cash="348.00"),))
    desk = Desk(store, clock, subscriptions=(page,))
    desk.approved("status-page")
    desk.cool_off()
    desk.run()

    assert stopped(desk) == (
        f"@{OWNER} was asked to do request 1001 by hand, Mon 23 Nov 2026, 10:17 GMT+08:00; the "
        "cloud is not called.",
        "Say in the thread that it is to stay.",
    )
    vouching = Vouching(store=store, clock=clock, policy=desk.policy, people=desk.people)
    vouching.done(1001, by=OWNER, items=[1], evidence="https://vendor.example/1")
    assert stopped(desk) == (
        "Request 1001 was done by hand, Mon 23 Nov 2026, 10:17 GMT+08:00.",
        "It cannot be stopped.",
    )
